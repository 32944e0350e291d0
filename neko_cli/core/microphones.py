"""One microphone after another, read as if they were one.

The next one opens while the one before is read, and takes over when it gives its first sound: nothing is
lost between them, and at most what both have captured is there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from neko_cli.core.errors import AudioError, NoMicrophone
from neko_cli.core.pcm import SILENCE_DBFS
from neko_cli.core.ports import Microphone

FIRST_SOUND = 3.0
"""Seconds that a microphone gets for its first sound; a headset that wakes up may take two."""

TAKEN_OVER = 0.1
"""Seconds after which one that gives no sound any more is left behind."""

Replace = Callable[[AudioError], Awaitable[Microphone | None]]
"""Finds another microphone, which is open, for one that died; None where there is none."""


class _Next:
    """A microphone that has given its first frame and waits for its turn."""

    def __init__(self, microphone: Microphone, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self.microphone = microphone
        self.first = first
        self.rest = rest
        self.turned = asyncio.Event()


class Microphones:
    """A microphone (core's ``Microphone``) whose device can be another one from frame to frame."""

    def __init__(self, microphone: Microphone, replace: Replace) -> None:
        """``replace`` is asked when a device dies."""
        self._current = microphone
        self._replace = replace
        self._next: _Next | None = None
        self._held = asyncio.Event()  # set unless it is held
        self._held.set()
        self._failure: AudioError | None = None
        self._closed = False
        self._unhurried = False

    @property
    def unhurried(self) -> bool:
        """See ``Microphone``."""
        return self._unhurried

    @unhurried.setter
    def unhurried(self, value: bool) -> None:
        self._unhurried = self._current.unhurried = value

    @property
    def rate(self) -> int:
        """Sample rate in Hz of the frame that came last."""
        return self._current.rate

    @property
    def name(self) -> str:
        """The device's name."""
        return self._current.name

    @property
    def level(self) -> float:
        """Level of the last 100 ms in dBFS."""
        return self._current.level if not self._closed else SILENCE_DBFS

    @property
    def raw_level(self) -> float:
        """See ``Microphone``."""
        return self._current.raw_level

    async def open(self) -> None:
        """Start the first one, or another in its place; raises AudioError."""
        try:
            await self._current.open()
        except AudioError as error:
            if not await self._replaced(error):
                raise

    async def change(self, microphone: Microphone) -> None:
        """Go on with another one; raises AudioError when it does not open, or gives no sound.

        Then, and until its first frame is there, the present one is read.
        """
        try:
            await microphone.open()
            rest = microphone.frames()
            first = await _first_of(microphone, rest)
            if self._closed:
                raise NoMicrophone("The microphone was switched off meanwhile.", permanent=False)
        except BaseException:
            await microphone.close()
            raise
        before, following = self._current, _Next(microphone, first, rest)
        self._next = following
        self._held.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKEN_OVER):
                await following.turned.wait()
        await before.close()  # wakes the reader, if this one gave nothing any more

    @property
    def is_held(self) -> bool:
        """Whether it waits for another device."""
        return not self._held.is_set()

    async def hold(self) -> None:
        """Close the device, but not the microphone: ``change`` goes on with another one."""
        self._held.clear()
        await self._current.close()

    def give_up(self, error: AudioError) -> None:
        """No other one follows where it was held: the reader is told so."""
        self._failure = error
        self._held.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames as they come, from whichever; ends when closed, raises AudioError when none is left."""
        source = self._current.frames()
        while True:
            try:
                async for frame in source:
                    yield frame
                    if self._next is not None:
                        break
            except AudioError as error:
                if self._next is None and await self._replaced(error):
                    source = self._current.frames()
                    continue
                if self._next is None:
                    raise
            await self._held.wait()
            if self._next is None and self._failure is not None:
                raise self._failure
            if self._next is None:
                return
            following, self._next = self._next, None
            self._current, source = following.microphone, following.rest
            self._current.unhurried = self._unhurried
            following.turned.set()
            yield following.first

    async def close(self) -> None:
        """Stop all of them; idempotent."""
        self._closed = True
        self._held.set()
        following, self._next = self._next, None
        if following is not None:
            await following.microphone.close()
        await self._current.close()

    async def _replaced(self, error: AudioError) -> bool:
        """Whether another one takes the place of the present one, which died."""
        if self._closed:
            return False
        await self._current.close()  # first: some hardware opens only once
        found = await self._replace(error)
        if found is not None and not self._closed and self._next is None:
            self._current = found
            found.unhurried = self._unhurried
            return True
        if found is not None:
            await found.close()
        return False


async def _first_of(microphone: Microphone, frames: AsyncIterator[bytes]) -> bytes:
    try:
        async with asyncio.timeout(FIRST_SOUND):
            return await anext(frames)
    except (TimeoutError, StopAsyncIteration):
        raise NoMicrophone(
            f"The microphone {microphone.name!r} gives no sound.",
            hint="Is it switched on? Another one can be chosen with /mic.",
            permanent=False,
        ) from None
