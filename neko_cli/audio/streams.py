"""What a microphone and a loudspeaker have in common: opening, watching and closing one stream.

Every call into PortAudio is made on the lane with a deadline. A stream that ends by itself, or
whose callbacks stop for 2 s (a hung sound daemon does not end it), has a ``failure``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from neko_cli.audio import portaudio
from neko_cli.audio.devices import Kind, describe, pick, rates_to_try
from neko_cli.audio.duplex import DuplexPair
from neko_cli.audio.duplex_sides import Player, Side
from neko_cli.audio.lane import LaneStuck
from neko_cli.audio.opening import Callback, StreamEnd, new_stream
from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.ports import DeviceInfo

log = logging.getLogger(__name__)

OPEN_DEADLINE_S = 5.0
CLOSE_DEADLINE_S = 0.7

LOOK_S = 0.5
STILL_LOOKS = 4
"""A stream without a callback at 4 looks in a row (2 s) is dead. Looks are counted rather than
time, so that a suspended process does not take its own sleep for a dead device."""

Ready = Callable[[int, float], None]


def read_devices() -> tuple[DeviceInfo, ...]:
    """All devices; on the lane only. Raises AudioError without PortAudio."""
    sd = portaudio.library()
    return describe(sd.query_devices(), sd.query_hostapis(), tuple(sd.default.device))


def not_answering() -> AudioError:
    """The error for a sound system that hangs."""
    return AudioError(
        "The sound system does not answer.",
        hint="Restart the sound server, or go on without sound.",
        permanent=False,
    )


class DeviceStream:
    """One PortAudio stream: 16-bit mono, 10 ms blocks, the device's own rate.

    The owner's callback must add one to ``blocks`` each time it is called. The stream may be half of one
    that runs both ways.
    """

    def __init__(
        self,
        kind: Kind,
        wanted: str,
        on_failure: Callable[[], None],
        *,
        pair: DuplexPair | None = None,
        player: Player | None = None,
    ) -> None:
        """For the device that ``wanted`` names; ``on_failure`` is called on the event loop.

        ``pair`` is who else may share the stream; ``player`` is the loudspeaker, for one.
        """
        self._kind = kind
        self._pair = pair
        self._player = player
        self._wanted = wanted
        self._on_failure = on_failure
        self._stream: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._generation = 0  # of the stream; the end of an older one, late, means nothing
        self._still = 0
        self._seen = 0
        self.blocks = 0
        """Callbacks so far; counted in the callback."""
        self.name = ""
        self.rate = 0
        self.latency_s = 0.0
        """The device's latency as reported at opening."""
        self.failure: AudioError | None = None
        """Why the stream died, once it has."""

    @property
    def is_open(self) -> bool:
        """Whether the stream was opened and not closed."""
        return self._stream is not None

    async def open(self, callback: Callback, ready: Ready) -> None:
        """Open and start; ``ready(rate, latency_s)`` is called on the lane before the first callback.

        Raises NoMicrophone, NoSpeaker, MicrophonePermissionError or AudioError.
        """
        if self._stream is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._generation += 1
        self.failure = None
        try:
            self._stream = await portaudio.LANE.run(
                lambda: self._open(callback, ready), deadline=OPEN_DEADLINE_S, undo=portaudio.close_stream
            )
        except LaneStuck:
            portaudio.leave_behind()
            raise not_answering() from None
        self._still, self._seen = 0, self.blocks
        self._timer = self._loop.call_later(LOOK_S, self._look)
        log.info("%s %r open: %d Hz, %.0f ms", self._kind, self.name, self.rate, self.latency_s * 1000)

    async def close(self) -> None:
        """Stop and close within a second; idempotent, raises nothing."""
        stream, self._stream = self._stream, None
        self._generation += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if stream is None:
            return
        try:
            await portaudio.LANE.finish(lambda: portaudio.close_stream(stream), deadline=CLOSE_DEADLINE_S)
        except LaneStuck:
            portaudio.leave_behind(stream)
            log.warning("%s %r did not close in time and was left behind", self._kind, self.name)
        except Exception as error:  # a dead device may refuse even this; there is nothing left to do
            log.info("%s %r closed with an error: %s", self._kind, self.name, error)

    def _open(self, callback: Callback, ready: Ready) -> Any:
        """On the lane: pick the device and start a stream at the first rate that it takes."""
        sd = portaudio.library()
        try:
            device = pick(read_devices(), self._wanted, self._kind)
        except NekoError:
            portaudio.mark_stale()  # it may be there next time
            raise
        stream, rate = self._join(sd, device, callback) or self._alone(sd, device, callback)
        portaudio.stream_opened()
        try:
            self.name, self.rate, self.latency_s = device.name, rate, float(stream.latency)
            ready(rate, self.latency_s)
            stream.start()
        except BaseException as error:
            with contextlib.suppress(Exception):
                portaudio.close_stream(stream)
            portaudio.mark_stale()
            if isinstance(error, sd.PortAudioError):
                raise self._plain(error, device) from error
            raise
        return stream

    def _side(self, callback: Callback) -> Side:
        ended = partial(self._finished, self._generation)
        return Side(callback, ended, lambda: self.failure is not None, self._player)

    def _join(self, sd: Any, device: DeviceInfo, callback: Callback) -> tuple[Any, int] | None:
        """On the lane: half of a stream that there is already, and its rate."""
        if self._pair is None:
            return None
        return self._pair.join(sd, device, rates_to_try(device), self._side(callback))

    def _alone(self, sd: Any, device: DeviceInfo, callback: Callback) -> tuple[Any, int]:
        """On the lane: a stream of its own at the first rate that the device takes."""
        make = sd.RawInputStream if self._kind is Kind.MICROPHONE else sd.RawOutputStream
        side = self._side(callback)
        end, rates = StreamEnd(side.ended), rates_to_try(device)
        for rate in rates:
            try:
                stream = new_stream(sd, make, device, rate, callback, end)
            except sd.PortAudioError as error:
                if portaudio.is_wrong_rate(error) and rate != rates[-1]:
                    continue
                portaudio.mark_stale()
                raise self._plain(error, device) from error
            break
        if self._pair is not None and self._player is not None:
            stream = self._pair.outlet_for(sd, device, rate, stream, end, side, self._player)
        return stream, rate

    def _plain(self, error: Exception, device: DeviceInfo) -> NekoError:
        return portaudio.plain_error(error, device.name, microphone=self._kind is Kind.MICROPHONE)

    def _finished(self, generation: int) -> None:
        """In PortAudio's thread: the stream ended, by us or by itself."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                self._loop.call_soon_threadsafe(self._ended, generation)

    def _ended(self, generation: int) -> None:
        if generation == self._generation:
            self._fail(f"The {self._kind} {self.name!r} stopped or was unplugged.", "Plug it in again")

    def _look(self) -> None:
        """The watchdog: has there been a callback since the last look?"""
        if self._stream is None or self._loop is None or self.failure is not None:
            return
        self._still = self._still + 1 if self.blocks == self._seen else 0
        self._seen = self.blocks
        if self._still >= STILL_LOOKS:
            self._fail(
                f"The {self._kind} {self.name!r} does not answer any more.", "Restart the sound server"
            )
            return
        self._timer = self._loop.call_later(LOOK_S, self._look)

    def _fail(self, message: str, advice: str) -> None:
        if self.failure is None:
            portaudio.mark_stale()
            hint = f"{advice}, or choose another one (neko devices)."
            self.failure = self._kind.error(message, hint)
            self.failure.permanent = False
            log.warning("%s", message)
            self._on_failure()
