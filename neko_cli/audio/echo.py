"""Echo cancelling: the microphone's sound without the loudspeaker's.

The microphone's device rate is the processing rate, so its own samples are never resampled (the engine
converts inside); what was played is, where the loudspeaker runs at another rate.
"""

from __future__ import annotations

import time
from typing import Any

from neko_cli.audio.echo_align import LEAD_MS, Aligner
from neko_cli.audio.echo_engine import FRAMES_PER_S, EchoSettings, MakeEngine, webrtc
from neko_cli.audio.echo_far import FarEnd
from neko_cli.audio.echo_meter import EchoMeter, EchoReport, EchoState
from neko_cli.audio.speaker import Tap
from neko_cli.core.pcm import BYTES_PER_SAMPLE


def make_canceller(settings: EchoSettings = EchoSettings()) -> EchoCanceller:  # noqa: B008 (frozen)
    """A canceller with WebRTC's engine, which is loaded here; raises EchoUnavailable."""
    return EchoCanceller(webrtc(settings))


class EchoCanceller:
    """Takes the loudspeaker's sound out of the microphone's.

    ``played`` is called in the loudspeaker's callback; everything else on one thread, the event loop's.
    Times are seconds on one monotonic clock; a constant error in them does no harm below 100 ms.
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

    def played(self, block: bytes | bytearray | memoryview, heard_at: float) -> None:
        """In the callback: 16-bit mono, fill-in silence included, heard from ``heard_at`` on."""
        far = self._far
        if far is not None:
            far.played(block, heard_at)

    def tap(self) -> Tap:
        """For a loudspeaker's stream that is about to open: what its callback tells all that is played.

        Of the times that the device claims only the first counts: they wander (see echo_clock).
        """
        far: FarEnd | None = None
        delay_s = 0.0

        def take(block: memoryview, rate: int, heard_at: float) -> None:
            nonlocal far, delay_s
            now = time.monotonic()
            if far is None:
                far, delay_s = FarEnd(rate), heard_at - now
                self._far = far
            far.played(block, now + delay_s)

        return take

    def process(self, pcm: bytes, captured_at: float, rate: int) -> bytes:
        """What the microphone captured from ``captured_at`` on, 16-bit mono at ``rate`` Hz, without echo.

        Any length; whole frames of 10 ms come back, and the rest with a later call. About 0.2 ms of work
        a frame. Another ``rate`` is another microphone. Raises ValueError for a rate without whole
        samples in 10 ms.
        """
        near = self._near
        if near is None or near.rate != rate:
            near = self._near = _NearEnd(rate, self._make_engine)
        return near.process(pcm, captured_at, self._far)

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
        self._engine = make_engine(rate)
        self._far_frame: Any = np.zeros(self._size, dtype=np.int16)
        self._work: Any = np.zeros(self._size, dtype=np.float32)
        self._heard_from: FarEnd | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._held = b""
        self._position = 0
        self._aligner = Aligner(self.rate, self._size)
        self._meter = EchoMeter()
        self._lead_ms = LEAD_MS

    def reset(self) -> None:
        """Forget everything but the rate."""
        self._engine.reset()
        self._fresh()

    def report(self) -> EchoReport:
        """How it goes."""
        return EchoReport(
            state=self._meter.state,
            erle_db=self._meter.erle_db,
            double_talk=self._meter.double_talk,
            lead_ms=LEAD_MS - self._aligner.held_back * 1000.0 / self.rate,
            realigned=self._aligner.jumps,
        )

    def process(self, pcm: bytes, captured_at: float, far: FarEnd | None) -> bytes:
        """See EchoCanceller.process."""
        if far is not self._heard_from:
            if self._heard_from is not None:
                self._engine.reset()  # another loudspeaker is another room
                self._meter = EchoMeter()
            self._heard_from = far
            self._aligner = Aligner(self.rate, self._size)
        data = self._held + pcm if self._held else pcm
        began = captured_at - len(self._held) / (BYTES_PER_SAMPLE * self.rate)
        size = self._size * BYTES_PER_SAMPLE
        whole = len(data) // size * size
        self._held = data[whole:]
        if whole == size:
            return self._frame(data[:whole], began, far)
        return b"".join(
            self._frame(data[at : at + size], began + at / (BYTES_PER_SAMPLE * self.rate), far)
            for at in range(0, whole, size)
        )

    def _frame(self, frame: bytes, began: float, far: FarEnd | None) -> bytes:
        np = self._np
        near = np.frombuffer(frame, dtype="<i2")
        self._fetch_far(began, far)
        left = self._engine.process(near, self._far_frame)
        self._position += self._size
        was = self._meter.state
        self._meter.heard(self._power(near), self._power(left), self._power(self._far_frame))
        if self._meter.state is EchoState.FAILING and was is not EchoState.FAILING:
            self._engine.reset()  # a changed room: afresh it is learned in a moment, and else in seconds
        return bytes(left.astype("<i2", copy=False).tobytes())

    def _fetch_far(self, began: float, far: FarEnd | None) -> None:
        """What was played that this frame may hold as echo; silence when nothing plays."""
        far_began = far.began(began) if far is not None else None
        if far is None or far_began is None:
            self._far_frame[:] = 0
            return
        track = far.sync(self.rate)
        wanted = (began + LEAD_MS / 1000.0 - far_began) * self.rate - self._position
        start = self._aligner.place(self._position, wanted, track.written)
        track.read_into(self._far_frame, start)

    def _power(self, samples: Any) -> float:
        """Mean square of a frame."""
        self._work[:] = samples
        return float(self._np.dot(self._work, self._work)) / self._size
