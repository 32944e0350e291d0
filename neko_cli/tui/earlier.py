"""What was said in an earlier run, as lines above what is said from now on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neko_cli.core.text import sanitise
from neko_cli.tui.lines import Line, Role
from neko_cli.tui.sheet import cut

if TYPE_CHECKING:
    from neko_cli.core.memory import Remembered

SHOWN = 30
"""Messages that are shown again; what came before them is in the summary, or in `neko history`."""


def earlier_lines(character: str, summary: str, messages: Sequence[Remembered]) -> list[Line]:
    """Summary and messages between two dividers, without keys; no line when there is nothing."""
    lines = []
    if summary.strip():
        text = cut(f"In short: {sanitise(summary).strip()}")
        lines.append(Line(key="", role=Role.NOTICE, text=text, past=True))
    for message in messages:
        role, name = (Role.YOU, "You") if message.role == "user" else (Role.CHARACTER, character)
        text = cut(sanitise(message.text).strip())
        lines.append(Line(key="", role=role, name=name, text=text, past=True))
    if not lines:
        return []
    return [
        Line(key="", role=Role.DIVIDER, text="earlier"),
        *lines,
        Line(key="", role=Role.DIVIDER, text="now"),
    ]
