"""Pieces of a line, and which of them fit in a width. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from rich.cells import cell_len, set_cell_size

T = TypeVar("T")


class Part(msgspec.Struct, frozen=True):
    """A piece of a line; ``action`` runs when it is clicked."""

    text: str
    style: str = "plain"
    action: str = ""


class Segment(msgspec.Struct, frozen=True):
    """Parts that stay together; of two that do not both fit the lower ``rank`` stays."""

    parts: tuple[Part, ...]
    rank: int

    @property
    def width(self) -> int:
        """Width in cells."""
        return sum(cell_len(part.text) for part in self.parts)


SPACE = Part("  ")


def spread(
    left: Sequence[Segment],
    right: Sequence[Segment],
    width: int,
    *,
    gap: int = 2,
    joint: Part = SPACE,
) -> list[Part]:
    """Segments at both ends of a line; the highest ranks go until the rest fits, one always stays."""
    keep_left, keep_right = list(left), list(right)
    space = cell_len(joint.text)

    def taken() -> int:
        return (
            sum(segment.width + space for segment in (*keep_left, *keep_right))
            - space * (bool(keep_left) + bool(keep_right))
            + (gap if keep_left and keep_right else 0)
        )

    while len(keep_left) + len(keep_right) > 1 and taken() > width:
        worst = max((*keep_left, *keep_right), key=lambda segment: segment.rank)
        (keep_right if worst in keep_right else keep_left).remove(worst)
    parts = _joined(keep_left, joint)
    if keep_right:
        parts.append(Part(" " * max(gap if keep_left else 0, width - taken() + (gap if keep_left else 0))))
        parts += _joined(keep_right, joint)
    return _clipped(parts, width)


def packed(pieces: Sequence[list[Part]], width: int) -> list[list[Part]]:
    """Pieces that stay whole in as few rows as they fit in, in order."""
    rows: list[list[Part]] = []
    left = 0
    for piece in pieces:
        size = sum(cell_len(part.text) for part in piece)
        if not rows or size > left:
            rows.append([])
            left = width
        rows[-1] += piece
        left -= size
    return rows


def window(rows: Sequence[T], offset: int, room: int) -> tuple[list[T], str]:
    """The rows that are seen from an offset on, and in words how many are not; empty when all are."""
    first = min(max(0, offset), max(0, len(rows) - room))
    below = len(rows) - first - room
    where = (f"↑ {first} above" if first else "", f"↓ {below} below" if below > 0 else "")
    return list(rows[first : first + room]), " · ".join(filter(None, where))


def _joined(segments: Sequence[Segment], joint: Part) -> list[Part]:
    parts: list[Part] = []
    for segment in segments:
        if parts:
            parts.append(joint)
        parts += segment.parts
    return parts


def _clipped(parts: Sequence[Part], width: int) -> list[Part]:
    """The parts within a width, the last one cut where it must be."""
    out: list[Part] = []
    left = width
    for part in parts:
        size = cell_len(part.text)
        if size > left:
            if left > 0:
                out.append(msgspec.structs.replace(part, text=set_cell_size(part.text, left)))
            break
        if part.text:
            out.append(part)
        left -= size
    return out
