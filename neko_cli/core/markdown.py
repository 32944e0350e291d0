"""The few forms of Markdown that our generated pages need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown and hold no ``|``."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def listed(names: Iterable[str]) -> str:
    """Names as code, in order of the alphabet."""
    return ", ".join(f"`{name}`" for name in sorted(names))
