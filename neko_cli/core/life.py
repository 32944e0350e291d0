"""A session's beginning and end: what is opened and closed, in which order, and how long it may take."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from neko_cli.core.errors import InvalidRequest
from neko_cli.core.events import InputMode, NoticeKind, SessionEnded, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.modes import Mode, mode_of
from neko_cli.core.ports import SessionRecord
from neko_cli.core.state import LinkState
from neko_cli.core.watch import Watch

log = logging.getLogger(__name__)

LAST_SUMMARY = 3.0
"""Seconds at most that the end of a call waits for its summary; less than who ends us waits for that."""

LAST_WORDS = 1.5
"""Seconds that the end waits for the words of what was said last."""

PHASE_TIMEOUT = 5.0
"""Seconds that each step of the end may take."""

TELL_TIMEOUT = 2.0
"""Seconds for the last events to be kept and told when the session ends."""


class Life:
    """Starts and ends a session, one after the other; the same one may be started again."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._ended = False
        self._changing = asyncio.Lock()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start(self, input_mode: InputMode, *, new: bool) -> None:
        """Open the loudspeaker and the link side by side; returns when the link is configured.

        Raises NekoError; before anything is opened RateLimited with the code ``exhausted``, and
        QuotaExhausted with the code ``time_limit``.
        """
        host = self._host
        async with self._changing:
            runs = host.board.link not in (LinkState.DOWN, LinkState.FAILED, LinkState.CLOSED)
            if runs and input_mode is not host.board.input_mode:
                raise InvalidRequest("The session is running.", hint="End it, then start it anew.")
            if not runs:
                await host.vigil.admit(host.ports.journal, host.ports.profile_name)
                self._begin_mode(input_mode, new=new)
                self._ended = False
                host.board.input_mode = input_mode
                host.board.touch()
                host.slot.suspend()
                host.turns.begin_anew()
                await host.keeper.begin()
                self._begin_record()
                host.playout.opening()
                self._run_once("loudspeaker", host.devices.speaker.open)
                self._run_once("voice", host.voicing.run)
                self._run_once("watch", Watch(host).run)
                self._run_once("swaps", host.swapper.run)
                self._run_once("vigil", host.vigil.run)
                host.sight.run()
        await (host.keeper.started() if runs else host.keeper.start())
        if host.owner.is_open:
            self._run_once("agents", host.agents.open)

    async def end(self, reason: str) -> None:
        """End in order: microphone, link, loudspeaker. Idempotent."""
        host = self._host
        async with self._changing:
            if self._ended or host.board.link is LinkState.DOWN:
                return
            self._ended = True
            host.requests.ended()
            if host.links.live is not None:
                host.next_link.link_alive()
            try:
                await _phase("microphone", host.listening.close())
                host.swapper.drop_standby()
                if host.links.live is not None:
                    await self._last_words()
                last = host.links.last
                leave = last.link.codec.capabilities.leave_within if last is not None else 0.0
                await _phase("link", host.keeper.stop(reason), PHASE_TIMEOUT + leave)
                await _phase("voice", host.voicing.close())
                await _phase("agents", host.agents.close())
                await _phase("tools", host.tools.close())
                if host.next_link.mode is Mode.CALL:
                    wait = min(host.profile.memory.summary_wait, LAST_SUMMARY)
                    await _phase("summary", host.summaries.finish_call(wait))
            finally:  # who ends us may have no time for a summary
                host.vigil.note_used()
                await _phase("tasks", host.owner.aclose())
                await _phase("loudspeaker", host.playout.close())
                host.uplink.reset()
                host.publish(SessionEnded(at=host.now(), reason=reason))
                await _phase("last events", host.scribe.drained(), TELL_TIMEOUT)

    def _begin_mode(self, input_mode: InputMode, *, new: bool) -> None:
        """Energy first: an exhausted ladder refuses. Then what this session knows of earlier ones."""
        host, following = self._host, self._host.next_link
        mode, wall = mode_of(input_mode), host.ports.clock.time()
        if refusal := following.energy.refusal(mode, wall):
            raise refusal
        following.mode = mode
        change = following.energy.recovered(mode, wall)
        another_call = mode is Mode.CALL and host.board.link is LinkState.CLOSED
        if mode is Mode.CALL:
            change = change or following.energy.new_call(wall)
        host.board.energy = following.energy.level(mode)
        host.herald.energy(change)
        memory = host.memory
        if new:
            following.handles.clear(mode)
            memory.clear()
        elif another_call:
            earlier = memory.summary
            if not following.handle:
                memory.clear()
                memory.summary = earlier
            elif earlier:
                host.herald.notice(f"The last call, in short: {earlier}", NoticeKind.MEMORY, Severity.INFO)

    def _begin_record(self) -> None:
        host = self._host
        host.scribe.begin(
            SessionRecord(
                id=host.ports.session_id,
                character=host.profile.character.name,
                profile=host.ports.profile_name,
                provider=host.profile.provider.name,
                model=host.next_link.model,
                mode=host.next_link.mode,
                started_at=host.ports.clock.time(),
            )
        )

    async def _last_words(self) -> None:
        """What was said last belongs to the conversation: its words are waited for, for a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self._host.utterances.said_all()

    def _run_once(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a task of the session, unless an earlier start has left it running."""
        task = self._running.get(name)
        if task is None or task.done():
            self._running[name] = self._host.owner.spawn(work(), name)


async def _phase(name: str, work: Coroutine[Any, Any, None], timeout: float = PHASE_TIMEOUT) -> None:
    """One step of the end; one that hangs is left behind, and the next one follows."""
    try:
        async with asyncio.timeout(timeout):
            await work
    except TimeoutError:
        log.error("ending the %s took longer than %.0f s", name, timeout)
