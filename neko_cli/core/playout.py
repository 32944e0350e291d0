"""The character's voice on its way to the loudspeaker, and the count of what was heard of it."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from neko_cli.core import pcm
from neko_cli.core.errors import AudioError
from neko_cli.core.jitter import JitterBuffer
from neko_cli.core.loudspeakers import Loudspeakers
from neko_cli.core.pacing import Pacer, joined
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
        self._speaker = speaker  # opened next, or in use
        self._speakers: Loudspeakers | None = None  # while it is open
        self._state = SpeakerState.NONE
        self._in_use = False  # until it is closed, also when it is lost
        self._opened = asyncio.Event()
        self._held: list[tuple[bytes, int]] = []
        self._held_ms = 0.0
        self._finished = False
        self._muted = False
        self._resampler: pcm.Resampler | None = None
        self._pacer = Pacer(self._play, self._queued_ms)
        self._start_ms = 0.0  # where the reply begins in all that is played
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
        return self._speakers.current.level if self._speakers is not None else pcm.SILENCE_DBFS

    @property
    def jitter(self) -> JitterBuffer:
        """What is known of how late sound comes."""
        return self._pacer.jitter

    @property
    def device(self) -> Speaker | None:
        """The loudspeaker that is open."""
        return self._speakers.current if self._speakers is not None else None

    def opening(self) -> None:
        """The loudspeaker, when there is one, will be opened: hold what comes until then."""
        if self._speaker is not None and self._state is SpeakerState.NONE:
            self._state = SpeakerState.OPENING
            self._in_use = True
            self._opened.clear()
            self._start_ms = -self.received_ms  # what came while there was none counts as heard

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
        if self._state is not SpeakerState.OPENING:
            await self._speaker.close()  # closed meanwhile
            return
        self._state = SpeakerState.OPEN
        self._speakers = Loudspeakers(self._speaker)
        held, finished = self._held, self._finished
        self._forget_held()
        for sound, rate in joined(held):
            self._play(sound, rate)
        self._pacer.begin()  # what was silent until now had not run dry
        if finished:
            self.finish()
        self._opened.set()

    def prefer(self, speaker: Speaker) -> None:
        """Open this one the next time; not while one is open."""
        self._speaker = speaker

    async def change(self, speaker: Speaker, *, dead: bool = False) -> None:
        """Go on with another loudspeaker, to which what waits moves; it opens before the other stops.

        ``dead`` says that the present one has stopped by itself. Raises AudioError when the new one does
        not open; then nothing has changed.
        """
        await self._opening_is_over()
        speakers = self._speakers
        if speakers is None:
            self._speaker = speaker
            await self.open()
            return
        before = speakers.current
        if dead:
            await before.close()  # first: some hardware opens only once
        await speakers.prepare(speaker)
        if self._resampler is not None and self._resampler.target_rate != speaker.rate:
            self._queue(self._resampler.drain())
            self._resampler = None
        self._pacer.begin()
        self.lost_ms += speakers.move(speaker, dead=dead)
        self._speaker = speaker
        await speakers.leave(before)

    async def close(self) -> None:
        """Stop the loudspeaker; idempotent."""
        speakers, in_use = self._speakers, self._in_use
        self.abandon()
        self._resampler = None
        self._in_use = False
        if speakers is not None:
            await speakers.close()
        elif self._speaker is not None and in_use:
            await self._speaker.close()

    def abandon(self) -> None:
        """The loudspeaker is lost: go on without it."""
        if self._speakers is not None:
            self._speakers.end()
        self._speakers = None
        self._state = SpeakerState.NONE
        self._forget_held()
        self._opened.set()

    def mute(self, on: bool) -> None:
        """Keep the voice from the loudspeaker, or let it through again."""
        was, self._muted = self._muted, on
        if on:
            self.stop()
        elif was:
            # What came while nobody listened counts as heard: the next sound follows it.
            self._pacer.begin()
            self._start_ms = self._end_of_queue() - self.received_ms

    def begin(self) -> None:
        """A new reply comes next."""
        self.item_id = ""
        self.item_start_ms = 0.0
        self.received_ms = 0.0
        self._pacer.begin()
        self._start_ms = self._end_of_queue()
        self._finished = False
        if self._resampler is not None:
            self._resampler.reset()

    def go_on(self) -> None:
        """The rest of the same reply comes next, as another item; nothing that waits is lost."""
        self.item_id = ""
        self.item_start_ms = self.received_ms
        self._pacer.begin()
        self._finished = False

    def feed(self, sound: bytes, rate: int, item_id: str) -> None:
        """Play a piece of the current reply (16-bit mono at ``rate`` Hz)."""
        if item_id:
            self.item_id = item_id
        self.received_ms += pcm.duration_ms(len(sound), rate)
        if not self.audible:
            return
        if self._state is SpeakerState.OPEN:
            self._pacer.feed(sound, rate)
        else:
            self._hold(sound, rate)

    def feed_before(self, sound: bytes, rate: int) -> None:
        """Play a piece that still belongs to the reply before the current one, of which nothing came yet."""
        received, item = self.received_ms, self.item_id
        self.feed(sound, rate, "")
        self.received_ms, self.item_id = received, item
        if received == 0.0:
            self._start_ms = self._end_of_queue()

    @property
    def waiting_ms(self) -> float:
        """Sound that was taken and not played yet, in ms; none where nothing is heard."""
        if not self.audible:
            return 0.0
        return self._queued_ms() + self._pacer.held_ms if self._speakers is not None else self._held_ms

    def _queued_ms(self) -> float:
        return self._speakers.queued_ms if self._speakers is not None else 0.0

    def _play(self, sound: bytes, rate: int) -> None:
        if self._speakers is None:
            return
        target = self._speakers.current.rate
        if self._resampler is None or (
            self._resampler.source_rate,
            self._resampler.target_rate,
        ) != (rate, target):
            self._resampler = pcm.Resampler(rate, target)
        self._queue(self._resampler.push(sound))

    def finish(self) -> None:
        """The reply's sound is complete: let out what is held back, and what the resampler still holds."""
        self._finished = True
        self._pacer.release()
        if self._resampler is not None and self._state is SpeakerState.OPEN and not self._muted:
            self._queue(self._resampler.drain())

    def stop(self) -> None:
        """Silence at the next block."""
        if self._resampler is not None:
            self._resampler.reset()
        self._forget_held()
        if self._speakers is not None:
            self._speakers.clear()

    def pause(self, on: bool) -> None:
        """Silence from the next block on while all that came or comes waits; or go on where that stopped.

        ``stop`` ends it as well. Nothing happens without a loudspeaker that is open.
        """
        if self._speakers is not None:
            self._speakers.hold(on)

    def heard_ms(self, *, soon: bool = False) -> float:
        """How much of the current reply was heard; all of it that came, without a loudspeaker.

        ``soon`` counts what waits to be played as well.
        """
        if not self.audible:
            return self.received_ms
        if self._speakers is None:
            return min(self.received_ms, max(0.0, -self._start_ms))
        reached = self._end_of_queue() if soon else self._speakers.heard_ms
        return min(self.received_ms, max(0.0, reached - self._start_ms))

    async def drained(self) -> None:
        """Wait until everything was heard, on whichever loudspeaker, or there is none any more."""
        await self._opening_is_over()
        if self._speakers is not None and self.audible:
            await self._speakers.drained()

    async def lost(self) -> AudioError:
        """Wait until the loudspeaker that is open dies; returns what became of it."""
        assert self._speakers is not None, "no loudspeaker is open"
        return await self._speakers.current.lost()

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
        self._pacer.drop()

    def _queue(self, sound: bytes) -> None:
        if sound and self._speakers is not None:
            speaker = self._speakers.current
            taken = speaker.play(sound)
            self.lost_ms += pcm.duration_ms(len(sound) - taken, speaker.rate)

    def _end_of_queue(self) -> float:
        """Where in all that is played what is queued next will begin, in ms."""
        if self._speakers is None:
            return self._held_ms
        return self._speakers.heard_ms + self._speakers.queued_ms + self._pacer.held_ms
