"""A scribe with a journal that answers when the test says so, and who reads what it tells."""

from __future__ import annotations

import asyncio

from neko_cli.core.events import (
    Notice,
    ReplyText,
    UserText,
)
from neko_cli.core.ports import SessionRecord
from neko_cli.core.scribe import Scribe

RECORD = SessionRecord(
    id="s1", character="Neko", profile="p", provider="embedded", model="m", mode="text", started_at=0.0
)


class FakeJournal:
    """Keeps what is written, and answers when the test says so."""

    def __init__(self) -> None:
        self.entries: list[tuple] = []
        self.futures: list[asyncio.Future[None]] = []
        self.at_once: BaseException | bool | None = None
        """True: everything is saved at once; an error: nothing is, and that is known at once."""

    def _entry(self, *entry) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self.entries.append(entry)
        self.futures.append(future)
        if isinstance(self.at_once, BaseException):
            future.set_exception(self.at_once)
        elif self.at_once:
            future.set_result(None)
        return future

    def begin(self, record):
        return self._entry("begin", record)

    def write(self, session, event, wall):
        return self._entry("write", session, event, wall)

    def summarised(self, session, mode, text, upto_turn):
        return self._entry("summarised", session, mode, text, upto_turn)

    def used(self, session, seconds, wall):
        return self._entry("used", session, seconds, wall)

    async def used_today(self, profile, wall):
        return 0.0


class Desk:
    """A scribe, its journal and its reader."""

    def __init__(self, *, journal: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.journal = FakeJournal()
        self.told: list = []
        self.when: list[float] = []
        self.scribe = Scribe(
            self.hear, self.journal if journal else None, "s1", loop.time, lambda: 1e9 + loop.time()
        )

    def hear(self, event) -> None:
        self.told.append(event)
        self.when.append(asyncio.get_running_loop().time())

    @property
    def texts(self) -> list[str]:
        """What was told, notices left out."""
        return [
            getattr(e, "text", None) or getattr(e, "delta", "")
            for e in self.told
            if not isinstance(e, Notice)
        ]

    @property
    def notices(self) -> list[str]:
        return [e.text for e in self.told if isinstance(e, Notice)]

    def final(self, text: str) -> asyncio.Future[None]:
        self.scribe.tell(UserText(at=0.0, turn=1, text=text, final=True))
        return self.journal.futures[-1]

    def word(self, text: str) -> None:
        self.scribe.tell(ReplyText(at=0.0, turn=1, delta=text))


async def settled() -> None:
    """Let callbacks run that are due."""
    for _ in range(5):
        await asyncio.sleep(0)


NOT_SAVED = "The conversation is not being saved: "
AGAIN = "The conversation is being saved again."
