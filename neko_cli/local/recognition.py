"""Runs the ears on what the user said, and lets a reply wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.local.audio_format import AudioFormat, Encoding, ToEars
from neko_cli.local.conversation import HeardPart, Item, Message
from neko_cli.local.events import Outlet, Transcribed
from neko_cli.local.ports import EARS_RATE, Ears, Recognised
from neko_cli.local.settings import Settings

log = logging.getLogger(__name__)

RECOGNISE_TIMEOUT_S = 120.0
"""For one utterance, waiting for a free recogniser included."""

QUIET_PEAK = 64
"""Sound that never exceeds this (-54 dBFS) holds no speech; the ears are not asked."""

_PIECE_MS = 1000

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

Early = asyncio.Task[HeardPart]
"""A recognition that began before the utterance was over, at a pause that turned out to be its end."""


class EngineLoad:
    """How many utterances the whole server has in hand, for what is told about limits."""

    def __init__(self) -> None:
        self.recognising = 0


class Recognition:
    """The utterances of one session that are being recognised."""

    def __init__(self, ears: Ears, outlet: Outlet, spawn: Spawn, load: EngineLoad) -> None:
        self._ears = ears
        self._outlet = outlet
        self._spawn = spawn
        self._load = load
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(
        self, item: Message, settings: Settings, pcm: bytes | None = None, early: Early | None = None
    ) -> None:
        """Recognise every part of an item; ``pcm`` is its one part at EARS_RATE, when known.

        ``early`` has begun with it already.
        """
        task = self._spawn(self._recognise_item(item, settings, pcm, early))
        self._tasks[item.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(item.id, None))

    def forget(self, item_id: str) -> None:
        """Stop working on an item that was deleted."""
        if (task := self._tasks.pop(item_id, None)) is not None:
            task.cancel()

    async def settled(self, items: Iterable[Item]) -> None:
        """Wait until nothing of these items is being recognised; each has its own time limit."""
        pending = [task for item in items if (task := self._tasks.get(item.id)) is not None]
        if pending:
            await asyncio.wait(pending)

    async def read(self, pcm: bytes, settings: Settings) -> HeardPart:
        """What was said so far, at EARS_RATE; never raises."""
        form = AudioFormat(Encoding.PCM, EARS_RATE)
        part = HeardPart(form, pcm, form.duration_ms(len(pcm)))
        self._load.recognising += 1
        try:
            await self._recognise_part(part, settings, pcm)
        finally:
            self._load.recognising -= 1
        return part

    async def _recognise_item(
        self, item: Message, settings: Settings, pcm: bytes | None, early: Early | None
    ) -> None:
        self._load.recognising += 1
        try:
            for index, part in enumerate(item.parts):
                if isinstance(part, HeardPart) and part.recognised is None:
                    if early is not None:
                        await asyncio.wait([early])
                    if early is not None and not early.cancelled():
                        part.recognised, part.failure = early.result().recognised, early.result().failure
                    else:
                        await self._recognise_part(part, settings, pcm)
                    if settings.transcribe:
                        self._outlet.emit(Transcribed(item.id, index, part))
        finally:
            self._load.recognising -= 1

    async def _recognise_part(self, part: HeardPart, settings: Settings, pcm: bytes | None) -> None:
        try:
            sound = pcm if pcm is not None else await _to_ears(part)
            if is_quiet(sound):
                part.recognised = Recognised("", 0.0)
                return
            async with asyncio.timeout(RECOGNISE_TIMEOUT_S):
                part.recognised = await self._ears.recognise(sound, settings.hearing)
        except NekoError as error:
            part.failure = error
        except TimeoutError:
            part.failure = ServerFault(f"Speech recognition took longer than {RECOGNISE_TIMEOUT_S:.0f} s.")
        except Exception:
            log.exception("speech recognition failed")
            part.failure = ServerFault("Speech recognition failed.")


async def _to_ears(part: HeardPart) -> bytes:
    """A whole part at EARS_RATE, converted in pieces so that the event loop is never held."""
    converter, piece = ToEars(part.format), part.format.bytes_for(_PIECE_MS)
    pcm = bytearray()
    for at in range(0, len(part.data), piece):
        pcm += converter.push(part.data[at : at + piece])
        await asyncio.sleep(0)
    return bytes(pcm + converter.drain())


def is_quiet(pcm: bytes) -> bool:
    """Whether no sample exceeds QUIET_PEAK; looks at EARS_RATE PCM of any length."""
    import numpy as np

    samples = np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2")
    return samples.size < EARS_RATE // 50 or bool(
        int(samples.max()) <= QUIET_PEAK and int(samples.min()) >= -QUIET_PEAK
    )
