"""Keeps the summary of what was said longer ago: asks for one in time, and never waits too long."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from neko_cli.core.errors import NekoError
from neko_cli.core.extract import summarise as extract
from neko_cli.core.host import SessionHost
from neko_cli.core.memory import ASSISTANT, Memory, Remembered
from neko_cli.core.ports import Summariser

log = logging.getLogger(__name__)

WORTH_IT = 12
"""Messages that wait for the summary before it is made anew in the background."""

LONGEST = 60.0
"""Seconds that a summary in the background may take."""

MARGIN = 0.25
"""Seconds less that a summariser gets than we wait, so that it can still fall back to what is near."""

SHORT_CALL = 4
"""Messages of a call that need no summariser: they are nearly as short as a summary themselves."""


class Summaries:
    """One summary at a time; without a summariser, memory tells its messages alone."""

    def __init__(self, host: SessionHost, summariser: Summariser | None) -> None:
        self._host = host
        self._summariser = summariser
        self._lock = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Make the summary anew in the background when enough messages wait for it."""
        busy = self._work is not None and not self._work.done()
        waiting = len(self._host.memory.waiting)
        if self._summariser is not None and not busy and waiting >= WORTH_IT and self._host.owner.is_open:
            self._work = self._host.owner.spawn(self._refresh(None, LONGEST), "summary")

    async def refresh(self, *, keep_turns: int | None, wait: float) -> None:
        """Bring the summary up to date, as far as that can be had in ``wait`` seconds.

        With ``keep_turns`` all but the last so many turns are summed up, else only what is not kept
        word by word any more.
        """
        await self._refresh(keep_turns, wait)

    async def finish_call(self, wait: float) -> None:
        """A call is over: sum all of it up, on this machine alone when nothing better comes in time."""
        memory = self._host.memory
        if self._summariser is None:
            return
        if len(memory) + len(memory.waiting) > SHORT_CALL:
            await self._refresh(0, wait)
        # Whatever is left: all of it, or what came after a summary that was being made already.
        lines = memory.take_for_summary(keep_turns=0)
        self._take(memory, extract(memory.summary, self._named(lines)), lines)

    async def _refresh(self, keep_turns: int | None, wait: float) -> None:
        if self._summariser is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait), self._lock:
                memory = self._host.memory
                lines = memory.take_for_summary(keep_turns)
                if not lines:
                    return
                language = self._host.profile.character.language
                try:
                    text = await self._summariser.summarise(
                        memory.summary,
                        self._named(lines),
                        language=language,
                        within=max(0.0, wait - MARGIN),
                    )
                except NekoError as error:
                    log.warning("no summary: %s", error.category)
                    return
                self._take(memory, text, lines)

    def _take(self, memory: Memory, text: str, lines: list[Remembered]) -> None:
        if not text.strip() or not lines:
            return
        upto = max(line.turn for line in lines)
        memory.summarised(text, upto)
        self._host.scribe.summarised(self._host.next_link.mode, text, upto)

    def _named(self, lines: list[Remembered]) -> list[tuple[str, str]]:
        profile = self._host.profile
        names = {ASSISTANT: profile.character.name}
        return [(names.get(line.role, profile.user.name or "User"), line.text) for line in lines]
