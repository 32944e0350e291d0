"""The conversation without a screen: lines in, answers out, through the same parts as ``neko say``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from neko_cli.cli.exits import write_quietly
from neko_cli.cli.say_plan import Format, Input, SayPlan, Source
from neko_cli.cli.stdin import InputReader, is_terminal

PROMPT = "> "
LINE_TIMEOUT_S = 120.0


class PromptedReader(InputReader):
    """Lines that a person types: a prompt stands before each, on standard error."""

    async def lines(self) -> AsyncIterator[str]:
        """Lines as they are typed; the prompt comes back when an answer is complete."""
        write_quietly(PROMPT, sys.stderr)
        async for line in super().lines():
            yield line
            write_quietly(PROMPT, sys.stderr)
        write_quietly("\n", sys.stderr)


def reader_for_lines() -> InputReader:
    """Standard input, with a prompt where a person sits at it."""
    return PromptedReader() if is_terminal() else InputReader()


def plan_for_lines(*, interactive: bool, quiet: bool, screen: str | None = None) -> SayPlan:
    """One text turn for each line; answers as they come where a person reads them."""
    return SayPlan(
        source=Source.LINES,
        input=Input.LINES,
        format=Format.STREAMED if interactive else Format.TEXT,
        timeout=LINE_TIMEOUT_S,
        quiet=quiet,
        screen=screen,
    )
