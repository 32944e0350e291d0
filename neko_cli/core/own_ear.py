"""Our own detector: begins and ends the user's turns where the provider does not. No I/O.

It is used hands-free where the provider has no detector, or the profile wants ours; and it ends a turn
that a key began.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

import msgspec

from neko_cli.core import pcm
from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.codecs.base import Detection
from neko_cli.core.endpointing import DETECTOR_RATE, Endpointer, SpeechEnded
from neko_cli.core.ports import SpeechDetector
from neko_cli.core.profile import Profile, Turns
from neko_cli.core.wake import SoundGate

ONSET_MS = 64
"""So much speech in a row begins a turn: two of the model's frames; a click is shorter."""


class Heard(StrEnum):
    """What a frame of the microphone means."""

    NOTHING = "nothing"
    BEGINS = "begins"
    GOES_ON = "goes on"
    ENDS = "ends"


class Piece(msgspec.Struct, frozen=True):
    """What a frame means, and the sound that belongs to the turn by it: the run-up comes with its begin."""

    heard: Heard
    sound: bytes = b""


class LevelDetector:
    """Judges by loudness above the room's own noise, where no model is installed."""

    frame_bytes = DETECTOR_RATE // 50 * pcm.BYTES_PER_SAMPLE

    def __init__(self) -> None:
        self._gate = SoundGate(DETECTOR_RATE)

    def probability(self, frame: bytes) -> float:
        """1 for a loud frame, else 0."""
        self._gate.heard(frame)
        return 1.0 if self._gate.is_loud else 0.0

    def reset(self) -> None:
        """Forget the room."""
        self._gate.reset()


class OwnEar:
    """Finds turns in the sound of one microphone; times in ms."""

    def __init__(self, detector: SpeechDetector, turns: Turns, *, silence_ms: int) -> None:
        """``silence_ms`` of silence end a turn."""
        self._detector = detector
        self._prefix_ms = turns.prefix_ms
        self._endpointer = Endpointer(
            frame_samples=detector.frame_bytes // pcm.BYTES_PER_SAMPLE,
            threshold=turns.threshold,
            prefix_ms=turns.prefix_ms,
            silence_ms=silence_ms,
            onset_ms=ONSET_MS,
        )
        self._resampler: pcm.Resampler | None = None
        self._judged = b""  # less than a frame at the detector's rate
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether somebody speaks."""
        return self._endpointer.speaking

    def hear(self, sound: bytes, rate: int) -> Piece:
        """One frame of the microphone, 16-bit mono at ``rate`` Hz; some 10 ms."""
        was_open, ended = self.is_open, False
        for frame in self._frames(sound, rate):
            decision = self._endpointer.push(self._detector.probability(frame))
            ended = ended or isinstance(decision, SpeechEnded)
        if was_open:
            return Piece(Heard.ENDS if ended else Heard.GOES_ON, sound)
        self._keep(sound, rate)
        return Piece(Heard.BEGINS, self._run_up()) if self.is_open else Piece(Heard.NOTHING)

    def reset(self) -> None:
        """Nobody wants what was heard of the turn so far."""
        self._endpointer.restart(self._endpointer.position)
        self._run_up()

    def _frames(self, sound: bytes, rate: int) -> list[bytes]:
        held = self._resampler
        if held is None or held.source_rate != rate:
            held = self._resampler = pcm.Resampler(rate, DETECTOR_RATE)
            self._judged = b""
            self._run_up()  # of another rate
        self._judged += held.push(sound)
        size = self._detector.frame_bytes
        whole = len(self._judged) // size * size
        frames = [self._judged[at : at + size] for at in range(0, whole, size)]
        self._judged = self._judged[whole:]
        return frames

    def _keep(self, sound: bytes, rate: int) -> None:
        self._recent.append(sound)
        self._recent_bytes += len(sound)
        limit = pcm.bytes_for(self._prefix_ms + 2 * ONSET_MS, rate)
        while self._recent_bytes - len(self._recent[0]) >= limit:
            self._recent_bytes -= len(self._recent.popleft())

    def _run_up(self) -> bytes:
        """What came just before, which belongs to a turn that begins; it is not kept any longer."""
        run_up = b"".join(self._recent)
        self._recent.clear()
        self._recent_bytes = 0
        return run_up


def is_used(profile: Profile) -> bool:
    """Whether our own detector begins and ends turns when no key does."""
    if profile.turns.detection is Detection.LOCAL:
        return True
    provider = PROVIDERS.get(profile.provider.name)
    if provider is None:
        return False
    return provider.capabilities.audio_input and not provider.capabilities.server_vad
