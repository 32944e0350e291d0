"""Takes a client's sound, finds the turns in it, and cuts it into utterances.

The caller feeds one thing after the other, so everything happens in the order in which it came.
Sound may come faster than real time: positions are counted in samples, never by a clock.
What is kept is bounded: IDLE_KEEP_MS while nobody speaks, MAX_SPEECH_MS of one detected utterance
(it is then committed as if speech had stopped, and the next one begins), MAX_MANUAL_MS when the
client finds its own turns (more is refused until it commits or clears).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import msgspec

from neko_cli.core.endpointing import Endpointer, SpeechBegan, SpeechEnded
from neko_cli.core.pcm import level_dbfs
from neko_cli.local.audio_format import AudioFormat
from neko_cli.local.events import InputCleared, Outlet, SpeechStarted, SpeechStopped
from neko_cli.local.faults import ClientFault
from neko_cli.local.input_buffer import InputBuffer, Utterance
from neko_cli.local.ports import EARS_RATE, Detector
from neko_cli.local.settings import TurnDetection

MIN_COMMIT_MS = 100
"""OpenAI refuses to commit less than this."""

IDLE_KEEP_MS = 10_000
MAX_SPEECH_MS = 120_000
MAX_MANUAL_MS = 600_000

GATE_DBFS = -60.0
"""Frames below this are silence without asking the detector, which costs 1.5 ms a frame."""

READ_MOST_MS = 20_000
"""Longer speech is not read before it is over: that would take longer than the silence."""

_PIECE_MS = 96
_RESET_AFTER_GATED = 10


def new_item_id() -> str:
    """A fresh item id."""
    return f"item_{secrets.token_hex(10)}"


def _ms(position: int) -> int:
    return position * 1000 // EARS_RATE


class Listener:
    """The input side of a session.

    ``turnstile`` is shared by all sessions of a server: whoever holds it may run one frame of
    voice activity detection in this step of the event loop.
    """

    def __init__(
        self,
        *,
        outlet: Outlet,
        turnstile: asyncio.Lock,
        make_detector: Callable[[], Detector],
        on_speech: Callable[[], None],
        on_utterance: Callable[[str, Utterance, bool], None],
        on_pause: Callable[[int, bytes], None] = lambda spoken_until, pcm: None,
        source: AudioFormat,
        turns: TurnDetection | None = None,
    ) -> None:
        self._outlet = outlet
        self._turnstile = turnstile
        self._make_detector = make_detector
        self._on_speech = on_speech
        self._on_utterance = on_utterance
        self._on_pause = on_pause
        self._buffer = InputBuffer(source)
        self._turns = turns
        self._detector: Detector | None = None
        self._ends: Endpointer | None = None
        self._item_id = ""
        self._began = 0
        self._spoken_until = 0
        self._paused_at = -1  # where the pause began that was told last
        self._gated = 0
        self._order = asyncio.Lock()

    @property
    def position_ms(self) -> int:
        """All sound received so far, in ms."""
        return self._buffer.end_ms

    @property
    def waiting_ms(self) -> float:
        """Length of what waits, in ms."""
        return self._buffer.duration_ms

    @property
    def speaking(self) -> bool:
        """Whether the user is heard speaking."""
        return self._ends is not None and self._ends.speaking

    async def configure(self, source: AudioFormat, turns: TurnDetection | None) -> None:
        """Change format or turn detection; a new format throws away what waits in the old one."""
        async with self._order:
            if source != self._buffer.format:
                self._buffer.clear()
                self._buffer = InputBuffer(source, self._buffer.end)
                self._ends = None
            self._turns = turns
            if turns is None:
                self._ends = None
            elif self._ends is not None:
                self._ends.retune(
                    threshold=turns.threshold,
                    prefix_ms=turns.prefix_ms,
                    silence_ms=turns.silence_ms,
                    onset_ms=turns.onset_ms,
                )

    async def append(self, data: bytes) -> None:
        """Take sound in the wire's format; raises ClientFault when the buffer is full."""
        async with self._order:
            await self._prepare()
            waiting = self._buffer.duration_ms + self._buffer.format.duration_ms(len(data))
            if self._ends is None and waiting > MAX_MANUAL_MS:
                raise ClientFault(
                    f"The input audio buffer holds at most {MAX_MANUAL_MS // 1000} s; commit or clear it.",
                    code="input_audio_buffer_full",
                    param="audio",
                )
            piece = self._buffer.format.bytes_for(_PIECE_MS)
            for at in range(0, len(data), piece):
                self._buffer.push(data[at : at + piece])
                await self._detect()

    async def commit(self) -> None:
        """Make everything that waits an utterance; raises ClientFault below MIN_COMMIT_MS."""
        async with self._order:
            waiting = self._buffer.duration_ms
            if waiting < MIN_COMMIT_MS:
                raise ClientFault(
                    f"The input audio buffer holds {waiting:.2f} ms; "
                    f"at least {MIN_COMMIT_MS} ms are needed to commit it.",
                    code="input_audio_buffer_commit_empty",
                )
            await self._prepare()
            begin = self._began if self.speaking else self._buffer.start
            item_id = self._item_id if self.speaking else new_item_id()
            self._on_utterance(item_id, self._take_all(begin), False)

    async def commit_quiet(self, send: Callable[[str, Utterance], None]) -> None:
        """Hand over the quiet that waits, unless the user has begun to speak meanwhile."""
        async with self._order:
            if self.speaking:
                return
            send(new_item_id(), self._take_all(self._buffer.start))

    async def end_stream(self) -> None:
        """The sound stops coming: speech that goes on ends with it, all else is thrown away."""
        async with self._order:
            if not self.speaking:
                self._buffer.clear()
                self._restart()
                return
            self._outlet.emit(SpeechStopped(self._item_id, self._buffer.end_ms))
            self._on_utterance(self._item_id, self._take_all(self._began), True)

    async def end_at_pause(self, spoken_until: int) -> None:
        """What was said until then is finished: the turn ends, unless somebody has gone on speaking."""
        async with self._order:
            if self._ends is not None and self.speaking and self._spoken_until == spoken_until:
                self._speech_ended(self._ends.position)

    async def clear(self) -> None:
        """Throw away what waits."""
        async with self._order:
            self._buffer.clear()
            self._restart()
            self._outlet.emit(InputCleared())

    async def _prepare(self) -> None:
        """Load what sound needs at its first use: numpy, soxr, and a detector, off the loop."""
        if self._turns is not None and self._detector is None:
            self._detector = await asyncio.to_thread(self._load_detector)
        elif self._detector is None:
            await _load_libraries()
        if self._turns is not None and self._ends is None and self._detector is not None:
            self._detector.reset()
            self._ends = Endpointer(
                frame_samples=self._detector.frame_bytes // 2,
                threshold=self._turns.threshold,
                prefix_ms=self._turns.prefix_ms,
                silence_ms=self._turns.silence_ms,
                onset_ms=self._turns.onset_ms,
                position=self._buffer.end,
            )

    def _load_detector(self) -> Detector:
        _import_libraries()
        return self._make_detector()

    async def _detect(self) -> None:
        """Look at every whole frame that has not been looked at; one a step of the event loop."""
        if self._ends is None or self._detector is None:
            await asyncio.sleep(0)
            return
        samples = self._detector.frame_bytes // 2
        while (frame := self._buffer.frame(self._ends.position, samples)) is not None:
            probability = await self._probability(frame, self._detector)
            match self._ends.push(probability):
                case SpeechBegan(sample=sample):
                    self._speech_began(sample)
                case SpeechEnded(sample=sample):
                    self._speech_ended(sample)
                case None if self._ends.speaking:
                    self._see_pause(self._ends)
                    if _ms(self._ends.position - self._began) >= MAX_SPEECH_MS:
                        self._speech_ended(self._ends.position)
                case None:
                    keep = max(IDLE_KEEP_MS, self._turns.prefix_ms if self._turns else 0)
                    self._buffer.forget_before(self._ends.position - keep * EARS_RATE // 1000)

    async def _probability(self, frame: bytes, detector: Detector) -> float:
        if not any(frame) or level_dbfs(frame) < GATE_DBFS:
            self._gated += 1
            await asyncio.sleep(0)
            return 0.0
        async with self._turnstile:
            if self._gated >= _RESET_AFTER_GATED:
                detector.reset()
            self._gated = 0
            probability = detector.probability(frame)
            await asyncio.sleep(0)
        return probability

    def _see_pause(self, ends: Endpointer) -> None:
        """Tell of a pause that is long enough for words that read as finished; once."""
        if ends.quiet_ms == 0.0:
            self._spoken_until = ends.position
        enough = self._turns.finished_silence_ms if self._turns is not None else 0
        if not enough or ends.quiet_ms < enough or self._paused_at == self._spoken_until:
            return
        self._paused_at = self._spoken_until
        if _ms(ends.position - self._began) <= READ_MOST_MS:
            self._on_pause(self._spoken_until, self._buffer.so_far(self._began))

    def _speech_began(self, sample: int) -> None:
        if self._ends is not None:
            self._spoken_until = self._ends.position
        self._began = max(sample, self._buffer.start)
        self._item_id = new_item_id()
        self._outlet.emit(SpeechStarted(self._item_id, _ms(self._began)))
        self._on_speech()

    def _speech_ended(self, sample: int) -> None:
        self._outlet.emit(SpeechStopped(self._item_id, _ms(sample)))
        utterance = self._buffer.take(self._began, sample)
        utterance = msgspec.structs.replace(utterance, spoken_until=self._spoken_until)
        if self._ends is not None:
            self._ends.restart(sample)
        self._on_utterance(self._item_id, utterance, True)

    def _take_all(self, begin: int) -> Utterance:
        utterance = self._buffer.take_all(begin)
        self._restart()
        return utterance

    def _restart(self) -> None:
        if self._ends is not None:
            self._ends.restart(self._buffer.end)
        if self._detector is not None:
            self._detector.reset()


_libraries_loaded = False


def _import_libraries() -> None:
    """Import what resampling and levels need; 80 ms the first time (measured), nothing later."""
    global _libraries_loaded
    import numpy as np
    import soxr

    _libraries_loaded = bool(np.__version__ and soxr.__version__)


async def _load_libraries() -> None:
    if not _libraries_loaded:
        await asyncio.to_thread(_import_libraries)
