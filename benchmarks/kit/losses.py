"""How soon a question is answered whose link was lost, with a standby link and without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks.kit.engine_server import SENTENCE, TOKEN, Engine
from benchmarks.kit.proxy import Proxy
from benchmarks.kit.sessions import PATIENCE, make_session, until
from benchmarks.kit.stats import Limit, Series
from neko_cli.core.events import InputMode, ReplyAudio, TurnEnded
from neko_cli.core.manager import SessionManager
from neko_cli.core.stream import Reader
from neko_cli.core.swap_plan import StandbyState

AT_ONCE = 5
"""Sessions that wait for their standby link together: two links each, of the 20 that the engine holds."""

WARM_FACTOR = 3.0
"""An answer over a standby link, as a multiple of one over a healthy link."""

COLD_MS = 1_000.0
"""The first attempt comes after 0.3 s (design); the rest is connecting and answering."""

LOOK_S = 0.02


class Caller:
    """One session behind a proxy of its own."""

    def __init__(self, session: SessionManager, reader: Reader, proxy: Proxy) -> None:
        self._session = session
        self._reader = reader
        self._proxy = proxy

    async def answered(self, *, lose: bool = False) -> float:
        """Milliseconds from the question, or from the loss of its link, to the answer's first sound."""
        if lose:
            self._proxy.hold()
        started = time.perf_counter()
        turn = await self._session.send_message(SENTENCE)
        if lose:
            await self._proxy.asked()
            started = time.perf_counter()
            self._proxy.reset()
        await until(self._reader, ReplyAudio, turn=turn)
        elapsed = (time.perf_counter() - started) * 1000.0
        await until(self._reader, TurnEnded, turn=turn)
        return elapsed

    async def has_standby(self) -> None:
        """Wait until the session has a standby link; no event tells it."""
        async with asyncio.timeout(PATIENCE):
            while self._session._core.swapper.standby_state is not StandbyState.READY:  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def callers(url: str, count: int, standby: str) -> AsyncIterator[list[Caller]]:
    """So many sessions, connected."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(count):
            proxy = await stack.enter_async_context(Proxy(url))
            session = make_session(proxy.url, key=TOKEN, profile={"swap": {"standby": standby}})
            stack.push_async_callback(session.cleanup)
            found.append(Caller(session, session.events(), proxy))
            await session.start_session(InputMode.TEXT)
        yield found


async def losses(runs: int) -> tuple[list[Series], list[Limit]]:
    """First sound after a healthy link was asked, and after one was reset before it could answer."""
    healthy = Series("first sound, healthy link")
    warm = Series("first sound after a loss, warm")
    cold = Series("first sound after a loss, cold")
    with Engine() as engine:
        async with callers(engine.url, 1, "cold") as (first,):
            for _ in range(3):  # the voice starts with its first sentence
                await first.answered()
        while len(warm.times) < runs:
            async with callers(engine.url, AT_ONCE, "warm") as ready:
                await asyncio.gather(*(caller.has_standby() for caller in ready))
                for caller in ready:
                    healthy.times.append(await caller.answered())
                    warm.times.append(await caller.answered(lose=True))
            async with callers(engine.url, AT_ONCE, "cold") as bare:
                for caller in bare:
                    cold.times.append(await caller.answered(lose=True))
    return [healthy], [Limit(warm, WARM_FACTOR, healthy), Limit(cold, milliseconds=COLD_MS)]
