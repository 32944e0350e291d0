"""Samples and words that carry their own number, so that every one of them can be followed.

A sample's value is its number: loud, never zero, and different for each number below ``COUNT``. Runs
of consecutive numbers are closed intervals ``[first, last]``.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

Run = tuple[int, int]

FLOOR = 4096
"""The quietest sample of speech: -18 dBFS."""

NOISE = 3000
"""A sample of a cough: loud as well, and nobody's word."""

COUNT = (32767 - FLOOR + 1) * 2
"""How many samples have a number of their own."""

_ALL = array("h", ((FLOOR + n // 2) * (1 if n % 2 == 0 else -1) for n in range(COUNT))).tobytes()

_UTTERANCE = re.compile(r"u(\d+)-(\d+)")
_REPLY_WORD = re.compile(r"w(\d+)\b")
_TYPED_WORD = re.compile(r"t(\d+)\b")


def sound(first: int, last: int) -> bytes:
    """The samples with these numbers, both included, as PCM."""
    if not 0 <= first <= last + 1 <= COUNT:
        raise ValueError(f"samples {first}-{last} have no numbers")
    return _ALL[2 * first : 2 * (last + 1)]


def number_of(value: int) -> int:
    """The number of one sample that is not silence."""
    return (abs(value) - FLOOR) * 2 + (value < 0)


def runs_in(pcm: bytes) -> list[tuple[int, int, int]]:
    """Numbered samples in a chunk: (position of the first in the chunk, first number, last number)."""
    values = array("h")
    values.frombytes(pcm)
    found: list[tuple[int, int, int]] = []
    if not values:
        return found
    if values[0]:  # by far the most chunks are one run, or silence
        first = number_of(values[0])
        last = first + len(values) - 1
        if first >= 0 and last < COUNT and pcm == _ALL[2 * first : 2 * (last + 1)]:
            return [(0, first, last)]
    elif not any(values):
        return found
    for position, value in enumerate(values):
        if abs(value) >= FLOOR:
            number = number_of(value)
            if found and found[-1][2] + 1 == number and found[-1][0] + number - found[-1][1] == position:
                found[-1] = (found[-1][0], found[-1][1], number)
            else:
                found.append((position, number, number))
    return found


def append(runs: list[Run], first: int, last: int) -> None:
    """Add a run at the end; it joins the one before when it follows it."""
    if runs and runs[-1][1] + 1 == first:
        runs[-1] = (runs[-1][0], last)
    else:
        runs.append((first, last))


def size(runs: Iterable[Run]) -> int:
    """How many samples there are in the runs."""
    return sum(last - first + 1 for first, last in runs)


def union(runs: Iterable[Run]) -> list[Run]:
    """The runs in order, those that touch joined."""
    out: list[Run] = []
    for first, last in sorted(runs):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def minus(runs: Iterable[Run], gone: Iterable[Run]) -> list[Run]:
    """What of the runs is not in ``gone``."""
    left = union(runs)
    for low, high in union(gone):
        cut: list[Run] = []
        for first, last in left:
            if high < first or low > last:
                cut.append((first, last))
                continue
            if first < low:
                cut.append((first, low - 1))
            if high < last:
                cut.append((high + 1, last))
        left = cut
    return left


def overlap(runs: Iterable[Run]) -> list[Run]:
    """Samples that are there more than once."""
    seen: list[Run] = []
    twice: list[Run] = []
    for run in runs:
        twice += minus([run], minus([run], seen))
        seen.append(run)
    return union(twice)


def transcript(runs: Iterable[Run]) -> str:
    """What a recogniser hears: the numbers themselves."""
    return " ".join(f"u{first}-{last}" for first, last in runs)


def spoken(text: str) -> list[Run]:
    """The samples that a transcript tells of."""
    return [(int(first), int(last)) for first, last in _UTTERANCE.findall(text)]


def reply_words(text: str) -> list[int]:
    """Numbers of the character's words in a text."""
    return [int(number) for number in _REPLY_WORD.findall(text)]


def typed_words(text: str) -> list[int]:
    """Numbers of the words that the user typed in a text."""
    return [int(number) for number in _TYPED_WORD.findall(text)]
