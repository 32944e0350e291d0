"""``--screen [SOURCE]``: an option whose value may be left out, also before a text that is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand

from neko_cli.core.companions.sources import parse_source
from neko_cli.core.errors import ConfigError

OPTION = "--screen"

_MEANT = re.compile(r"(window|file|monitor|region):.*|[\d,x+-]*\d", re.DOTALL)
"""What was meant to be a source, and may be a mistaken one: then its mistake is told."""


def is_source(word: str) -> bool:
    """Whether a word after the option is its value, and not the text to say. Pure."""
    if _MEANT.fullmatch(word.strip()):
        return True
    try:
        parse_source(word)
    except ConfigError:
        return False
    return bool(word.strip())


def joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with the option and its value as one word; without a value it is empty. Pure."""
    out: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*out, word, *left]
        if word == OPTION:
            word = f"{OPTION}={left.pop(0) if left and is_source(left[0]) else ''}"
        out.append(word)
    return out


class ScreenCommand(TyperCommand):
    """A command with the option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the option and its value together before anything else is understood."""
        return super().parse_args(ctx, joined(args))


def checked(screen: str | None) -> str | None:
    """The source as typed, None without the option; raises ConfigError for what is none."""
    if screen is not None:
        parse_source(screen)
    return screen
