"""The voice: one worker process that speaks several texts at the same time."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from neko_cli.core.errors import RateLimited, ServerFault
from neko_cli.local.ports import Speech
from neko_cli.local.worker_pool import FatalRequests, Seat
from neko_cli.local.worker_process import Channel, WorkerDied, WorkerProcess
from neko_cli.local.worker_wire import Chunk, Done, More, Say, Stop

CREDIT = 8
"""Chunks that may be on their way to us: what an interruption throws away, at most."""

CREDIT_STEP = 4
"""Taken chunks after which new credit is sent."""

CHUNK_TIMEOUT_S = 20.0
"""For the next chunk of a text; a large piper voice needs seconds for a long sentence."""

STOP_TIMEOUT_S = 20.0
"""For the worker to give up a text that was interrupted."""


class WorkerVoice:
    """Synthesis in a worker process; each text is a stream of its own."""

    def __init__(self, seat: Seat, *, limit: int) -> None:
        """``limit``: texts that may be spoken at once; more are refused with RateLimited."""
        self._seat = seat
        self._limit = limit
        self._speaking = 0
        self._fatal = FatalRequests()

    async def speak(self, text: str, speech: Speech) -> AsyncGenerator[bytes, None]:
        """Chunks of at most 100 ms at VOICE_RATE; closing the iterator stops the synthesis.

        Raises RateLimited, ConfigError when the language has no voice, ServerFault.
        """
        if not text.strip():
            return
        if self._speaking >= self._limit:
            raise RateLimited("Too many replies are spoken at the same time.", retry_after=2.0)
        self._fatal.check(text, speech)
        self._speaking += 1
        worker: WorkerProcess | None = None
        channel: Channel | None = None
        try:
            worker = await self._seat.ready()
            channel = worker.open(lambda number: Say(number, text, speech, CREDIT), CHUNK_TIMEOUT_S)
            taken = 0
            while not isinstance(frame := await channel.next(), Done):
                if not isinstance(frame, Chunk):
                    raise ServerFault("The voice gave an unexpected answer.")
                worker.hold(channel)  # the one who listens may take as long as they like
                yield frame.pcm
                taken += 1
                if taken == CREDIT_STEP:
                    worker.send(More(channel.id, taken))
                    taken = 0
                worker.allow(channel, CHUNK_TIMEOUT_S)
            self._seat.succeeded()
        except WorkerDied:
            self._fatal.note(text, speech)
            raise
        finally:
            # Nothing is awaited here: an interruption must take effect at once.
            self._speaking -= 1
            if worker is not None and channel is not None and not channel.finished:
                worker.send(Stop(channel.id))
                channel.drop()
                worker.allow(channel, STOP_TIMEOUT_S)

    async def warm_up(self) -> None:
        """Start the worker."""
        await self._seat.ready()

    async def aclose(self) -> None:
        """End the worker; idempotent."""
        await self._seat.aclose()
