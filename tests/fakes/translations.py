"""Translators whose answers a test decides, and translations at work with them, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from neko_cli.core.tasks import TaskOwner
from neko_cli.core.translating import Service, Translating, Wishes
from tests.fakes.virtual import VirtualClock

HELLO, HALLO = "Hello, how are you?", "Hallo, wie geht es dir?"
WORDS = {HELLO: HALLO, "Thank you, [[71]]!": "Danke, [[71]]!", "Good morning": "Guten Morgen"}
LIMIT = 10.0


class Desk:
    """A translator whose answers the test decides; counts what is under way."""

    def __init__(self, answer: Callable[[str], str] = WORDS.__getitem__) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, str]] = []
        self.busy = self.most_busy = 0
        self.seconds = 0.0

    async def translate(self, text: str, *, source: str, target: str) -> str:
        self.asked.append((text, source, target))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(self.seconds)  # virtual
            return self.answer(text)
        finally:
            self.busy -= 1


def raising(error: Exception) -> Callable[[str], str]:
    def answer(text: str) -> str:
        raise error

    return answer


@asynccontextmanager
async def translating(
    *desks: Desk,
    chars: int = 1500,
    wishes: Wishes | None = None,
    told: list[tuple[object, str]] | None = None,
) -> AsyncIterator[Translating[object]]:
    failures: list[BaseException] = []
    owner = TaskOwner(failures.append)
    await owner.open()
    heard = [] if told is None else told
    wanted = wishes or Wishes("de", "en", ("Neko",), LIMIT)
    try:
        yield Translating(
            [Service(f"s{number}", desk, chars) for number, desk in enumerate(desks)],
            clock=VirtualClock(),
            owner=owner,
            wishes=lambda: wanted,
            told=lambda key, text: heard.append((key, text)),
        )
    finally:
        await owner.aclose()
        assert failures == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(1000):
        while not condition():  # noqa: ASYNC110 - time is virtual, and costs nothing
            await asyncio.sleep(0.05)
