"""The built-in responder as a Brain: decides at once and streams its text in small pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime

from neko_cli.local.ports import BrainPart, Prompt, SaidText
from neko_cli.local.responder.decide import decide
from neko_cli.local.responder.pacing import pieces


def local_now() -> datetime:
    """The time of the machine in its own zone."""
    return datetime.now(tz=UTC).astimezone()


class Responder:
    """Answers without a network and without state: everything comes from the prompt and the clock."""

    def __init__(self, now: Callable[[], datetime] = local_now) -> None:
        """``now`` gives an aware local time."""
        self._now = now

    async def reply(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        """One tool call, or the text in groups of words."""
        decision = decide(prompt, self._now())
        if decision.tool is not None:
            yield decision.tool
            return
        for piece in pieces(decision.text):
            yield SaidText(piece)
            await asyncio.sleep(0)  # lets others run, and a cancel arrive between two pieces
