"""Marks around what a model is to take as data, and how text is kept from ending one. Pure.

A marked block begins with a line ``<<<name`` and ends with a line ``name>>>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from neko_cli.core.text import sanitise

RECOLLECTION = "recollection"
"""The name of the block that tells a fresh link what was said on earlier ones."""


def unmarked(text: str) -> str:
    """Sanitised text in which no mark can begin or end."""
    # Cleaning comes first: taking out a hidden character could put a mark's signs together.
    return sanitise(text).replace("<<<", "‹").replace(">>>", "›")


def unmarked_line(text: str) -> str:
    """The same on one line, so that it cannot pretend to be further lines of a block."""
    return " ".join(unmarked(text).split())


def enclosed(name: str, lines: Iterable[str]) -> str:
    """Lines between the marks; what they hold from outside must be unmarked already."""
    return "\n".join((f"<<<{name}", *lines, f"{name}>>>"))


def without(name: str, text: str) -> str:
    """A text without blocks of a name; one that is not ended goes up to the end of the text."""
    if f"<<<{name}" not in text:
        return text
    return re.sub(rf"<<<{re.escape(name)}.*?(?:{re.escape(name)}>>>|\Z)", "", text, flags=re.DOTALL)
