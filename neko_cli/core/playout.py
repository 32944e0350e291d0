"""The character's voice on its way to the loudspeaker, and the count of what was heard of it."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from neko_cli.core import pcm
from neko_cli.core.errors import AudioError
from neko_cli.core.ports import Speaker

HOLD_MS = 120_000
"""Sound that is held while the loudspeaker opens; more than that is counted as lost."""


class SpeakerState(StrEnum):
    """What the loudspeaker can do for us."""

    NONE = "none"
    OPENING = "opening"
    """Sound is held until it is open."""
    OPEN = "open"


class Playout:
    """Plays one reply after another; without a loudspeaker it only counts.

    Sound comes at the provider's rate and goes out at the device's. All methods but the coroutines
    return at once.
    """

    def __init__(self, speaker: Speaker | None) -> None:
        self._speaker = speaker
        self._state = SpeakerState.NONE
        self._in_use = False  # until it is closed, also when it is lost
        self._opened = asyncio.Event()
        self._held: list[tuple[bytes, int]] = []
        self._held_ms = 0.0
        self._finished = False
        self._muted = False
        self._resampler: pcm.Resampler | None = None
        self._start = 0
        self.item_id = ""
        self.item_start_ms = 0.0
        """How much of the reply had come before its present item, in ms."""
        self.received_ms = 0.0
        self.lost_ms = 0.0
        """Sound that did not fit into the loudspeaker's queue, in ms."""

    @property
    def muted(self) -> bool:
        """Whether the user wants to hear nothing."""
        return self._muted

    @property
    def audible(self) -> bool:
        """Whether sound goes to a loudspeaker at all."""
        return self._state is not SpeakerState.NONE and not self._muted

    @property
    def level(self) -> float:
        """Level of what is being played, in dBFS."""
        if self._speaker is None or self._state is not SpeakerState.OPEN:
            return pcm.SILENCE_DBFS
        return self._speaker.level

    def opening(self) -> None:
        """The loudspeaker, when there is one, will be opened: hold what comes until then."""
        if self._speaker is not None and self._state is SpeakerState.NONE:
            self._state = SpeakerState.OPENING
            self._in_use = True
            self._opened.clear()

    async def open(self) -> None:
        """Start the loudspeaker, when there is one, and play what was held; raises AudioError."""
        if self._speaker is None or self._state is SpeakerState.OPEN:
            return
        self.opening()
        try:
            await self._speaker.open()
        except BaseException:
            self.abandon()
            raise
        self._state = SpeakerState.OPEN
        self._start = 0
        held, finished = self._held, self._finished
        self._forget_held()
        for sound, rate in held:
            self._play(sound, rate)
        if finished:
            self.finish()
        self._opened.set()

    async def close(self) -> None:
        """Stop the loudspeaker; idempotent."""
        self._state = SpeakerState.NONE
        self._resampler = None
        self._forget_held()
        self._opened.set()
        in_use, self._in_use = self._in_use, False
        if self._speaker is not None and in_use:
            await self._speaker.close()

    def abandon(self) -> None:
        """The loudspeaker is lost: go on without it."""
        self._state = SpeakerState.NONE
        self._forget_held()
        self._opened.set()

    def mute(self, on: bool) -> None:
        """Keep the voice from the loudspeaker, or let it through again."""
        was, self._muted = self._muted, on
        if on:
            self.stop()
        elif was and self._speaker is not None:
            # What came while nobody listened counts as heard: the next sound follows it.
            passed = round(self.received_ms * self._speaker.rate / 1000.0)
            self._start = self._end_of_queue() - passed

    def begin(self) -> None:
        """A new reply comes next."""
        self.item_id = ""
        self.item_start_ms = 0.0
        self.received_ms = 0.0
        self._start = self._end_of_queue()
        self._finished = False
        if self._resampler is not None:
            self._resampler.reset()

    def go_on(self) -> None:
        """The rest of the same reply comes next, as another item; nothing that waits is lost."""
        self.item_id = ""
        self.item_start_ms = self.received_ms
        self._finished = False

    def feed(self, sound: bytes, rate: int, item_id: str) -> None:
        """Play a piece of the current reply (16-bit mono at ``rate`` Hz)."""
        if item_id:
            self.item_id = item_id
        self.received_ms += pcm.duration_ms(len(sound), rate)
        if not self.audible:
            return
        if self._state is SpeakerState.OPEN:
            self._play(sound, rate)
        else:
            self._hold(sound, rate)

    def feed_before(self, sound: bytes, rate: int) -> None:
        """Play a piece that still belongs to the reply before the current one, of which nothing came yet."""
        received, item = self.received_ms, self.item_id
        self.feed(sound, rate, "")
        self.received_ms, self.item_id = received, item
        if received == 0.0:
            self._start = self._end_of_queue()

    @property
    def waiting_ms(self) -> float:
        """Sound that was taken and not played yet, in ms; none where nothing is heard."""
        if self._speaker is None or not self.audible:
            return 0.0
        return self._speaker.queued_ms if self._state is SpeakerState.OPEN else self._held_ms

    def _play(self, sound: bytes, rate: int) -> None:
        if self._speaker is None:
            return
        target = self._speaker.rate
        if self._resampler is None or (
            self._resampler.source_rate,
            self._resampler.target_rate,
        ) != (rate, target):
            self._resampler = pcm.Resampler(rate, target)
        self._queue(self._resampler.push(sound))

    def finish(self) -> None:
        """The reply's sound is complete: let out what the resampler still holds."""
        self._finished = True
        if self._resampler is not None and self._state is SpeakerState.OPEN and not self._muted:
            self._queue(self._resampler.drain())

    def stop(self) -> None:
        """Silence at the next block."""
        if self._resampler is not None:
            self._resampler.reset()
        self._forget_held()
        if self._speaker is not None and self._state is SpeakerState.OPEN:
            self._speaker.clear()

    def heard_ms(self, *, soon: bool = False) -> float:
        """How much of the current reply was heard; all of it that came, without a loudspeaker.

        ``soon`` counts what waits to be played as well.
        """
        if not self.audible or self._speaker is None:
            return self.received_ms
        if self._state is SpeakerState.OPENING:
            return 0.0
        reached = self._end_of_queue() if soon else self._speaker.played
        played = max(0, reached - self._start)
        return min(self.received_ms, played * 1000.0 / self._speaker.rate)

    async def drained(self) -> None:
        """Wait until everything was heard; a loudspeaker that dies ends the wait."""
        await self._opening_is_over()
        if self._speaker is not None and self.audible:
            try:
                await self._speaker.drained()
            except AudioError:
                self.abandon()
                raise

    async def _opening_is_over(self) -> None:
        if self._state is SpeakerState.OPENING:
            await self._opened.wait()

    def _hold(self, sound: bytes, rate: int) -> None:
        length = pcm.duration_ms(len(sound), rate)
        if self._held_ms + length > HOLD_MS:
            self.lost_ms += length
            return
        self._held.append((sound, rate))
        self._held_ms += length

    def _forget_held(self) -> None:
        self._held = []
        self._held_ms = 0.0
        self._finished = False

    def _queue(self, sound: bytes) -> None:
        if sound and self._speaker is not None:
            taken = self._speaker.play(sound)
            self.lost_ms += pcm.duration_ms(len(sound) - taken, self._speaker.rate)

    def _end_of_queue(self) -> int:
        """The played-sample count at which what is queued next will begin."""
        if self._speaker is None or self._state is not SpeakerState.OPEN:
            return 0
        waiting = round(self._speaker.queued_ms * self._speaker.rate / 1000.0)
        return self._speaker.played + waiting
