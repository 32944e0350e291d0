"""The character's voice on its way to the loudspeaker, and the count of what was heard of it."""

from __future__ import annotations

from neko_cli.core import pcm
from neko_cli.core.errors import AudioError
from neko_cli.core.ports import Speaker


class Playout:
    """Plays one reply after another; without a loudspeaker it only counts.

    Sound comes at the provider's rate and goes out at the device's. All methods but the coroutines
    return at once.
    """

    def __init__(self, speaker: Speaker | None) -> None:
        self._speaker = speaker
        self._open = False
        self._muted = False
        self._resampler: pcm.Resampler | None = None
        self._start = 0
        self.item_id = ""
        self.received_ms = 0.0
        self.lost_ms = 0.0
        """Sound that did not fit into the loudspeaker's queue, in ms."""

    @property
    def audible(self) -> bool:
        """Whether sound goes to a loudspeaker at all."""
        return self._open and not self._muted

    @property
    def level(self) -> float:
        """Level of what is being played, in dBFS."""
        return self._speaker.level if self._speaker and self._open else pcm.SILENCE_DBFS

    @property
    def wants_sound(self) -> bool:
        """Whether there is a loudspeaker that could be used."""
        return self._speaker is not None

    async def open(self) -> None:
        """Start the loudspeaker, when there is one; raises AudioError."""
        if self._speaker is not None and not self._open:
            await self._speaker.open()
            self._open = True

    async def close(self) -> None:
        """Stop the loudspeaker; idempotent."""
        if self._speaker is not None and self._open:
            self._open = False
            await self._speaker.close()

    def abandon(self) -> None:
        """The loudspeaker is lost: go on without it."""
        self._open = False

    def mute(self, on: bool) -> None:
        """Keep the voice from the loudspeaker, or let it through again."""
        self._muted = on
        if on:
            self.stop()

    def begin(self) -> None:
        """A new reply comes next."""
        self.item_id = ""
        self.received_ms = 0.0
        self._start = self._end_of_queue()
        if self._resampler is not None:
            self._resampler.reset()

    def feed(self, sound: bytes, rate: int, item_id: str) -> None:
        """Play a piece of the current reply (16-bit mono at ``rate`` Hz)."""
        if item_id:
            self.item_id = item_id
        self.received_ms += pcm.duration_ms(len(sound), rate)
        if not self.audible or self._speaker is None:
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
        if self._resampler is not None and self.audible:
            self._queue(self._resampler.drain())

    def stop(self) -> None:
        """Silence at the next block."""
        if self._resampler is not None:
            self._resampler.reset()
        if self._speaker is not None and self._open:
            self._speaker.clear()

    def heard_ms(self) -> float:
        """How much of the current reply was heard; all of it that came, without a loudspeaker."""
        if not self.audible or self._speaker is None:
            return self.received_ms
        played = max(0, self._speaker.played - self._start)
        return min(self.received_ms, played * 1000.0 / self._speaker.rate)

    async def drained(self) -> None:
        """Wait until everything was heard; a loudspeaker that dies ends the wait."""
        if self._speaker is not None and self.audible:
            try:
                await self._speaker.drained()
            except AudioError:
                self.abandon()
                raise

    def _queue(self, sound: bytes) -> None:
        if sound and self._speaker is not None:
            taken = self._speaker.play(sound)
            self.lost_ms += pcm.duration_ms(len(sound) - taken, self._speaker.rate)

    def _end_of_queue(self) -> int:
        """The played-sample count at which what is queued next will begin."""
        if self._speaker is None or not self._open:
            return 0
        waiting = round(self._speaker.queued_ms * self._speaker.rate / 1000.0)
        return self._speaker.played + waiting
