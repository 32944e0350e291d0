"""The session's other ports, simulated: clock, journal, summariser, network route."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from neko_cli.core.errors import ServerFault, StoreError
from neko_cli.core.events import Event, TurnEnded, UserText
from neko_cli.core.ports import SessionRecord
from tests.simulation.cloud import Cloud
from tests.simulation.loop import VirtualLoop
from tests.simulation.plan import Scenario

SUMMARY = "SUMMARY"
"""A word that stands in summaries alone."""


class SimClock:
    """Virtual time; the wall's jumps when the laptop sleeps."""

    def __init__(self, loop: VirtualLoop, cloud: Cloud) -> None:
        self._loop = loop
        self._cloud = cloud

    def monotonic(self) -> float:
        return self._loop.time()

    def time(self) -> float:
        return self._cloud.wall()


class SimRoute:
    """This machine's address; it changes when the user walks into another network."""

    def __init__(self) -> None:
        self.address = "192.0.2.1"
        self._changes = 1

    def local_address(self, url: str) -> str:
        return self.address

    def change(self) -> None:
        """Another network."""
        self._changes += 1
        self.address = f"192.0.2.{self._changes}"


class SimJournal:
    """Keeps entries in memory, late, and sometimes not at all."""

    def __init__(self, loop: VirtualLoop, scenario: Scenario) -> None:
        self._loop = loop
        self._delay = scenario.journal_delay
        self._fails = scenario.journal_fails
        self._random = random.Random(f"{scenario.seed}/journal")
        self.calm = False
        self.settled: list[tuple[str, int, str]] = []
        """Final lines that are kept, or have failed, in order: (kind, turn, text)."""
        self.kept: list[Event] = []
        self.begun: list[SessionRecord] = []
        self.seconds = 0.0

    def begin(self, record: SessionRecord) -> asyncio.Future[None]:
        self.begun.append(record)
        return self._later(None)

    def write(self, session: str, event: Event, wall: float) -> asyncio.Future[None]:
        return self._later(event)

    def summarised(self, session: str, mode: str, text: str, upto_turn: int) -> asyncio.Future[None]:
        return self._later(None)

    def used(self, session: str, seconds: float, wall: float) -> asyncio.Future[None]:
        self.seconds += seconds
        return self._later(None)

    async def used_today(self, profile: str, wall: float) -> float:
        await asyncio.sleep(self._delay)
        return 0.0

    def _later(self, event: Event | None) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        fails = not self.calm and self._random.random() < self._fails

        def finish() -> None:
            if isinstance(event, TurnEnded):
                self.settled.append(("turn", event.turn, event.text))
            elif isinstance(event, UserText) and event.final:
                self.settled.append(("user", event.turn, event.text))
            if future.done():
                return
            if fails:
                future.set_exception(StoreError("The disk is full.", permanent=False))
                future.exception()  # nobody has to look
                return
            if event is not None:
                self.kept.append(event)
            future.set_result(None)

        self._loop.call_later(self._delay * self._random.uniform(0.2, 1.0), finish)
        return future


class SimSummariser:
    """Makes summaries that can be told from words of the conversation; late, and sometimes none."""

    def __init__(self, scenario: Scenario) -> None:
        self._random = random.Random(f"{scenario.seed}/summary")
        self._delay = scenario.summary_delay
        self._fails = scenario.summary_fails
        self.made = 0

    async def summarise(
        self, earlier: str, lines: Sequence[tuple[str, str]], *, language: str, within: float | None = None
    ) -> str:
        await asyncio.sleep(self._delay * self._random.uniform(0.2, 1.0))
        if self._random.random() < self._fails:
            raise ServerFault("No summary.")
        self.made += 1
        return f"{SUMMARY}{self.made} of {len(lines)} lines"
