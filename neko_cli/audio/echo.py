"""Echo cancelling: the microphone's sound without the loudspeaker's.

The microphone's device rate is the processing rate, so its own samples are never resampled (the engine
converts inside); what was played is, where the loudspeaker runs at another rate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from neko_cli.audio.echo_align import Aligner
from neko_cli.audio.echo_clock import BlockClock
from neko_cli.audio.echo_engine import FRAMES_PER_S, EchoSettings, MakeEngine, webrtc
from neko_cli.audio.echo_far import FarEnd
from neko_cli.audio.echo_meter import EchoMeter, EchoReport, EchoState
from neko_cli.audio.speaker import Tap
from neko_cli.core.pcm import BYTES_PER_SAMPLE


def make_canceller(settings: EchoSettings = EchoSettings()) -> EchoCanceller:  # noqa: B008 (frozen)
    """A canceller with WebRTC's engine, which is loaded here; raises EchoUnavailable."""
    return EchoCanceller(webrtc(settings))


WAIT_MS = 60
"""So long the microphone's sound waits for what was played beside it, when that is told late."""


class EchoCanceller:
    """Takes the loudspeaker's sound out of the microphone's.

    ``played`` is called in the loudspeaker's callback; everything else on one thread, the event loop's.
    Times are seconds on one monotonic clock: when callbacks were called.
    """

    def __init__(self, make_engine: MakeEngine) -> None:
        """``make_engine`` makes an engine for the microphone's rate."""
        self._make_engine = make_engine
        self._near: _NearEnd | None = None
        self._far: FarEnd | None = None

    @property
    def report(self) -> EchoReport:
        """How it goes."""
        return self._near.report() if self._near is not None else EchoReport()

    def speaker_opened(self, rate: int) -> None:
        """A loudspeaker runs at ``rate`` Hz from now on; before its first callback, on any thread."""
        self._far = FarEnd(rate)

    def played(self, block: bytes | bytearray | memoryview, now: float) -> None:
        """In the callback, which was called at ``now``: 16-bit mono, fill-in silence included."""
        far = self._far
        if far is not None:
            far.played(block, now)

    def tap(self) -> Tap:
        """For a loudspeaker's stream that is about to open: what its callback tells all that is played."""
        far: FarEnd | None = None

        def take(block: memoryview, rate: int, heard_at: float) -> None:
            nonlocal far
            if far is None:
                self._far = far = FarEnd(rate)
            far.played(block, time.monotonic())

        return take

    def process(self, pcm: bytes, came_at: float, rate: int) -> bytes:
        """What came from the microphone at ``came_at``, 16-bit mono at ``rate`` Hz, without echo.

        Any length; whole frames of 10 ms come back, perhaps with a later call: what was played beside them
        is waited for. About 0.2 ms of work a frame. Another ``rate`` is another microphone. Raises ValueError
        for a rate without whole samples in 10 ms.
        """
        near = self._near
        if near is None or near.rate != rate:
            near = self._near = _NearEnd(rate, self._make_engine)
        return near.process(pcm, came_at, self._far)

    def rest(self) -> bytes:
        """Whole frames that still wait: the microphone is closed."""
        return self._near.rest(self._far) if self._near is not None else b""

    def reset(self) -> None:
        """A device was changed or opened anew: forget the room and what is held back."""
        if self._near is not None:
            self._near.reset()


class _NearEnd:
    """One microphone: its frames, the engine for its rate, and how well that does."""

    def __init__(self, rate: int, make_engine: MakeEngine) -> None:
        if rate % FRAMES_PER_S:
            raise ValueError(f"{rate} Hz has no whole samples in 10 ms")
        import numpy as np

        self.rate = rate
        self._np = np
        self._size = rate // FRAMES_PER_S
        self._bytes = self._size * BYTES_PER_SAMPLE
        self._engine = make_engine(rate)
        self._far_frame: Any = np.zeros(self._size, dtype=np.int16)
        self._heard_from: FarEnd | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._held = b""
        self._position = 0
        self._clock = BlockClock(self.rate)
        self._aligner = Aligner(self.rate, self._size)
        self._meter = EchoMeter()
        self._report: EchoReport | None = None  # as long as nothing has come since

    def reset(self) -> None:
        """Forget everything but the rate."""
        self._engine.reset()
        self._fresh()

    def report(self) -> EchoReport:
        """How it goes; made once a frame, since several ask for it."""
        if self._report is None:
            self._report = EchoReport(
                state=self._meter.state,
                erle_db=self._meter.erle_db,
                double_talk=self._meter.double_talk,
                playing=self._meter.playing,
                settled=self._meter.settled,
                waits_ms=1000.0 * len(self._held) / (BYTES_PER_SAMPLE * self.rate),
                realigned=self._aligner.jumps,
            )
        return self._report

    def process(self, pcm: bytes, came_at: float, far: FarEnd | None) -> bytes:
        """See EchoCanceller.process."""
        self._report = None
        if far is not self._heard_from:
            if self._heard_from is not None:
                self._engine.reset()  # another loudspeaker is another room
                self._meter = EchoMeter()
            self._heard_from = far
            self._aligner = Aligner(self.rate, self._size)
        before, self._held = len(self._held), self._held + pcm
        self._clock.block(came_at, len(self._held) // BYTES_PER_SAMPLE - before // BYTES_PER_SAMPLE)
        return b"".join(self._frames(far, self.rate * WAIT_MS // 1000 * BYTES_PER_SAMPLE))

    def rest(self, far: FarEnd | None) -> bytes:
        """See EchoCanceller.rest."""
        self._report = None
        return b"".join(self._frames(far, 0))

    def _frames(self, far: FarEnd | None, may_wait: int) -> Iterator[bytes]:
        """Whole frames, as long as what was played beside them is there; ``may_wait`` bytes wait for it."""
        while len(self._held) >= self._bytes:
            if not self._fetch_far(far) and len(self._held) <= may_wait:
                return
            frame, self._held = self._held[: self._bytes], self._held[self._bytes :]
            yield self._clean(frame)

    def _clean(self, frame: bytes) -> bytes:
        np = self._np
        near = np.frombuffer(frame, dtype="<i2")
        left = self._engine.process(near, self._far_frame)
        self._position += self._size
        was = self._meter.state
        self._meter.heard(self._power(near), self._power(left), self._power(self._far_frame))
        if self._meter.state is EchoState.FAILING and was is not EchoState.FAILING:
            self._engine.reset()  # a changed room: afresh it is learned in a moment, and else in seconds
        return bytes(left.astype("<i2", copy=False).tobytes())

    def _fetch_far(self, far: FarEnd | None) -> bool:
        """What was played that the next frame may hold as echo; returns whether it was all there."""
        began = far.began(self._clock.came_at) if far is not None else None
        if far is None or began is None:
            self._far_frame[:] = 0
            return True
        track = far.sync(self.rate)
        start = self._aligner.place(self._position, (self._clock.began - began) * self.rate)
        if far.is_late or self._clock.is_late or self._aligner.is_astray:
            self._meter.disturb()
        track.read_into(self._far_frame, start)
        return start + self._size <= track.written

    def _power(self, samples: Any) -> float:
        """Mean square of a frame."""
        work = samples.astype(self._np.float32)
        return float(work.dot(work)) / self._size
