"""The built-in responder as a Brain: decides at once and streams its text in small pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from neko_cli.local.ports import BrainPart, Prompt, SaidText
from neko_cli.local.responder.pacing import pieces

if TYPE_CHECKING:
    from neko_cli.local.responder.decide import Decision


def local_now() -> datetime:
    """The time of the machine in its own zone."""
    return datetime.now(tz=UTC).astimezone()


class Responder:
    """Answers without a network and without state: everything comes from the prompt and the clock."""

    def __init__(self, now: Callable[[], datetime] = local_now) -> None:
        """``now`` gives an aware local time."""
        self._now = now

    async def prepare(self) -> None:
        """Load the patterns ahead of the first reply."""
        await asyncio.to_thread(_load)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[BrainPart, None]:
        """One tool call, or the text in groups of words."""
        # On a thread: a long conversation takes some ms, which others on the loop need not wait for.
        decision = await asyncio.to_thread(_decide, prompt, self._now())
        if decision.tool is not None:
            yield decision.tool
            return
        for piece in pieces(decision.text):
            yield SaidText(piece)
            await asyncio.sleep(0)  # lets others run, and a cancel arrive between two pieces


def _load() -> None:
    """The patterns take 60 ms to compile, so they are not loaded with the engine."""
    import neko_cli.local.responder.decide  # noqa: F401


def _decide(prompt: Prompt, now: datetime) -> Decision:
    from neko_cli.local.responder.decide import decide

    return decide(prompt, now)
