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
from neko_cli.core.pre_roll import PreRoll
from neko_cli.core.profile import Profile
from neko_cli.core.tables_turns import Turns
from neko_cli.core.wake import SoundGate

ONSET_MS = 64
"""So much speech in a row begins a turn: two of the model's frames; a click is shorter."""

STANDS_OUT_DB, FAINTEST_DBFS = 3.0, -65.0
"""So far above the room's noise, and so loud, is what the detector is asked about: the model costs 1.8 ms of
processor time for each 32 ms, and most of what a microphone hears is a quiet room."""

NOISY_DBFS = -45.0
"""From here on a room is noisy, and the detector has to get used to it: else it hears speech half a second
longer than there is (tried)."""


RUN_UP = 2
"""Frames before one that stands out which the detector hears as well: it judges by what came before."""


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


class SpeechEar:
    """Hears in the sound of one microphone when somebody speaks."""

    def __init__(self, detector: SpeechDetector, turns: Turns, *, silence_ms: int) -> None:
        """``silence_ms`` of silence end what was said."""
        self._detector = detector
        self._endpointer = Endpointer(
            frame_samples=detector.frame_bytes // pcm.BYTES_PER_SAMPLE,
            threshold=turns.threshold,
            prefix_ms=turns.prefix_ms,
            silence_ms=silence_ms,
            onset_ms=ONSET_MS,
        )
        self._room = SoundGate(DETECTOR_RATE, above_db=STANDS_OUT_DB, least_dbfs=FAINTEST_DBFS)
        self._unheard: deque[bytes] = deque(maxlen=RUN_UP)  # by the detector
        self._resampler: pcm.Resampler | None = None
        self._raw = b""  # as it came, until a frame is whole: to filter once costs less
        self._judged = b""  # less than a frame at the detector's rate

    @property
    def is_open(self) -> bool:
        """Whether somebody speaks."""
        return self._endpointer.speaking

    @property
    def speech_ms(self) -> float:
        """How long somebody has been speaking, without the silence since."""
        return self._endpointer.speech_ms

    @property
    def quiet_ms(self) -> float:
        """The silence since, which has not ended it yet."""
        return self._endpointer.quiet_ms

    def end_after(self, silence_ms: int) -> None:
        """So much silence ends what is said from now on."""
        self._endpointer.end_after(silence_ms)

    def hear(self, sound: bytes, rate: int) -> bool:
        """Some 10 ms, 16-bit mono at ``rate`` Hz; returns whether what was said has ended in them."""
        ended = False
        for frame in self._frames(sound, rate):
            decision = self._endpointer.push(self._judge(frame))
            ended = ended or isinstance(decision, SpeechEnded)
        return ended

    def _judge(self, frame: bytes) -> float:
        """How likely it is speech; what does not stand out of a quiet room is none, without a model."""
        self._room.heard(frame)
        if not (self.is_open or self._room.is_loud or self._room.level >= NOISY_DBFS):
            self._unheard.append(frame)
            return 0.0
        while self._unheard:
            self._detector.probability(self._unheard.popleft())
        return self._detector.probability(frame)

    def forget(self) -> None:
        """What was said so far is over; the stream goes on."""
        self._endpointer.restart(self._endpointer.position)

    def begin_anew(self) -> None:
        """What comes next does not follow what was heard before."""
        self.forget()
        self._detector.reset()
        self._room.reset()
        self._unheard.clear()
        self._resampler, self._raw, self._judged = None, b"", b""

    def _frames(self, sound: bytes, rate: int) -> list[bytes]:
        held = self._resampler
        if held is None or held.source_rate != rate:
            held = self._resampler = pcm.Resampler(rate, DETECTOR_RATE)
            self._raw = self._judged = b""
        self._raw += sound
        size = self._detector.frame_bytes
        if len(self._raw) * DETECTOR_RATE < (size - len(self._judged)) * rate:
            return []
        self._judged += held.push(self._raw)
        self._raw = b""
        whole = len(self._judged) // size * size
        frames = [self._judged[at : at + size] for at in range(0, whole, size)]
        self._judged = self._judged[whole:]
        return frames


class OwnEar:
    """Finds turns in the sound of one microphone; times in ms."""

    def __init__(self, detector: SpeechDetector, turns: Turns, *, silence_ms: int) -> None:
        """``silence_ms`` of silence end a turn."""
        self.speech = SpeechEar(detector, turns, silence_ms=silence_ms)
        self._recent = PreRoll(turns.prefix_ms + 2 * ONSET_MS)

    @property
    def is_open(self) -> bool:
        """Whether somebody speaks."""
        return self.speech.is_open

    def hear(self, sound: bytes, rate: int) -> Piece:
        """One frame of the microphone, 16-bit mono at ``rate`` Hz; some 10 ms."""
        was_open = self.is_open
        ended = self.speech.hear(sound, rate)
        if was_open:
            return Piece(Heard.ENDS if ended else Heard.GOES_ON, sound)
        self._recent.keep(sound, rate)
        # What came just before belongs to a turn that begins.
        return Piece(Heard.BEGINS, self._recent.take()) if self.is_open else Piece(Heard.NOTHING)

    def reset(self) -> None:
        """Nobody wants what was heard of the turn so far."""
        self.speech.forget()
        self._recent.drop()


def is_used(profile: Profile) -> bool:
    """Whether our own detector begins and ends turns when no key does."""
    if profile.turns.detection is Detection.LOCAL:
        return True
    provider = PROVIDERS.get(profile.provider.name)
    if provider is None:
        return False
    return provider.capabilities.audio_input and not provider.capabilities.server_vad
