"""All state tables as Mermaid diagrams.

``python -m neko_cli.core.state_diagram`` writes them; ``docs/states.md`` holds them, and a test keeps
the two alike.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from neko_cli.core.barge_in import ALARM, AlarmState
from neko_cli.core.state import LINK, TURN, LinkState, Table, TurnState

S = TypeVar("S", bound=StrEnum)
I = TypeVar("I", bound=StrEnum)  # noqa: E741 - as in core/state.py
E = TypeVar("E", bound=StrEnum)

_HEAD = """\
# States

Made from the tables in `neko_cli/core/state.py` and `neko_cli/core/barge_in.py`:
`python -m neko_cli.core.state_diagram > docs/states.md`.
An arrow has the input, and after the slash the effects in their order. An input without an arrow
changes nothing.
"""


def diagram(table: Table[S, I, E], start: S) -> str:
    """One table as a Mermaid state diagram; ``start`` is where it begins."""
    lines = ["stateDiagram-v2", f"    [*] --> {start.name}"]
    for (source, given), (target, effects) in table.items():
        told = f"{given} / {', '.join(effects)}" if effects else str(given)
        lines.append(f"    {source.name} --> {target.name}: {told}")
    return "\n".join(lines)


def as_text() -> str:
    """The whole of ``docs/states.md``."""
    parts: Mapping[str, str] = {
        "The link: one connection": diagram(LINK, LinkState.DOWN),
        "The turn: one exchange": diagram(TURN, TurnState.IDLE),
        "The alarm: somebody speaks over the character": diagram(ALARM, AlarmState.NONE),
    }
    drawn = (f"\n## {title}\n\n```mermaid\n{text}\n```\n" for title, text in parts.items())
    return _HEAD + "".join(drawn)


if __name__ == "__main__":
    sys.stdout.write(as_text())
