"""An eye that sees what the test says, and somebody who describes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.companions.eyes import Seen
from neko_cli.core.errors import NekoError
from neko_cli.core.ports import Glance, Look


class FakeEye:
    """Sees what the test says; ``gate`` holds a look until it is opened."""

    def __init__(self) -> None:
        self.shows = 0
        """The grey of what is shown: another number is another picture."""
        self.looks: list[tuple[float, Look]] = []
        self.encoded = 0
        self.error: NekoError | None = None
        self.gate: asyncio.Event | None = None
        self.inside = self.most_inside = 0

    async def glance(self, look: Look, wanted: Callable[[Seen], bool]) -> Glance:
        self.looks.append((asyncio.get_running_loop().time(), look))
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            seen = Seen(64, 36, bytes([self.shows]) * 2304)
            if not wanted(seen):
                return Glance(seen)
            self.encoded += 1
            return Glance(seen, ScreenFrame(bytes([self.shows]), look.media_types[0], 64, 36))
        finally:
            self.inside -= 1


class FakeDescriber:
    def __init__(self) -> None:
        self.asked: list[tuple[float, int, str]] = []
        self.error: NekoError | None = None
        self.gate: asyncio.Event | None = None

    async def describe(self, picture: ScreenFrame, *, language: str) -> str:
        self.asked.append((asyncio.get_running_loop().time(), picture.data[0], language))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return f"picture {picture.data[0]}"
