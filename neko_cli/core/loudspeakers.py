"""One loudspeaker after another, played and counted as if they were one.

The next one opens while the one before goes on. Then what waits moves over: the device before plays what
it has taken and a little more, and the next begins where that ends. Lengths are in ms of sound, because
each device has its own rate.
"""

from __future__ import annotations

import asyncio
import contextlib

from neko_cli.core import pcm
from neko_cli.core.errors import AudioError
from neko_cli.core.ports import Speaker

KEEP_MS = 20.0
"""Two blocks stay with a device that runs when the rest is taken from it: one may be on its way."""

SLACK_MS = 12.0
"""Silence between the two: about a block, because neither device says to the ms when it plays."""

APART_MS = 500.0
"""Latencies of two devices that differ by more are not evened out."""

NOTHING_MS = 0.01
"""Less than a sample."""


class _Used:
    """A loudspeaker, and how its count of samples is read."""

    def __init__(self, speaker: Speaker) -> None:
        """``speaker`` is open; what it has played before was for others."""
        self.speaker = speaker
        self._begin = speaker.played
        self._silence = 0
        self.is_dead = False

    def be_silent(self, ms: float) -> None:
        """Play silence first, which is no sound of anybody's."""
        silence = pcm.silence(ms, self.speaker.rate)
        self._silence += pcm.samples_in(silence[: self.speaker.play(silence)])

    @property
    def heard_ms(self) -> float:
        """How much was heard."""
        if self.is_dead:
            return 0.0
        samples = self.speaker.played - self._begin - self._silence
        return max(0, samples) * 1000.0 / self.speaker.rate

    @property
    def queued_ms(self) -> float:
        """How much waits to be heard."""
        if not self._silence or self.is_dead:
            return 0.0 if self.is_dead else self.speaker.queued_ms
        unheard = max(0, self._begin + self._silence - self.speaker.played)
        return max(0.0, self.speaker.queued_ms - unheard * 1000.0 / self.speaker.rate)


class Loudspeakers:
    """Plays on one loudspeaker at a time; the first one is open when this is made."""

    def __init__(self, speaker: Speaker) -> None:
        self._used = _Used(speaker)
        self._leaving: list[_Used] = []
        self._past_ms = 0.0
        self._turned = asyncio.Event()
        self._closed = False
        self._is_held = False

    @property
    def current(self) -> Speaker:
        """The one that plays what comes."""
        return self._used.speaker

    @property
    def heard_ms(self) -> float:
        """Sound that was heard on all of them, in ms; fill-in silence does not count."""
        return self._past_ms + sum(used.heard_ms for used in (*self._leaving, self._used))

    @property
    def queued_ms(self) -> float:
        """How much is waiting to be heard, in ms."""
        return sum(used.queued_ms for used in (*self._leaving, self._used))

    def hold(self, on: bool) -> None:
        """Silence from the next block on while what waits stays; or go on where that stopped."""
        self._is_held = on
        self.current.hold(on)  # one that is left ends by itself, within a moment

    def clear(self) -> None:
        """Drop what is not yet played, from the next block on."""
        self._is_held = False
        for used in (*self._leaving, self._used):
            used.speaker.clear()

    async def prepare(self, speaker: Speaker) -> None:
        """Open another one beside it; raises AudioError, and then nothing has changed."""
        await speaker.open()
        if self._closed:
            await speaker.close()
            raise AudioError("The sound was switched off meanwhile.", permanent=False)

    def move(self, speaker: Speaker, *, dead: bool = False) -> float:
        """What waits goes to another one, which is open; returns how much did not fit there, in ms.

        ``dead`` says that the present one plays nothing any more. ``leave`` follows.
        """
        before, after = self._used, _Used(speaker)
        ahead = speaker.ahead_ms - before.speaker.ahead_ms
        keep = 0.0 if dead or self._is_held else max(KEEP_MS, min(ahead, APART_MS))
        waited = before.speaker.queued_ms
        sound = before.speaker.take_back(keep)
        if self._is_held:
            before.speaker.hold(False)  # what it must keep is heard there, and not lost
            speaker.hold(True)
        elif not dead and waited > 0.0:
            # Begin when the other ends: what it keeps lasts for so long, beyond what latencies make up for.
            after.be_silent(min(max(0.0, keep - ahead), APART_MS) + SLACK_MS)
        if dead:
            # What the device had taken counts as heard: nobody will know.
            self._past_ms += before.queued_ms + before.heard_ms
            before.is_dead = True
        rate = before.speaker.rate
        if rate != speaker.rate:
            converter = pcm.Resampler(rate, speaker.rate)
            sound = converter.push(sound) + converter.drain()
        taken = speaker.play(sound) if sound else 0
        self._leaving.append(before)
        self._used = after
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()
        return pcm.duration_ms(len(sound) - taken, speaker.rate)

    async def leave(self, speaker: Speaker) -> None:
        """Close one that was moved away from, once it has played what it kept."""
        with contextlib.suppress(AudioError, TimeoutError):
            async with asyncio.timeout((APART_MS + speaker.ahead_ms + speaker.queued_ms) / 1000.0):
                await speaker.drained()
        await self._fold(speaker)

    async def drained(self) -> None:
        """Wait until all that was queued has been heard, on whichever; or nothing is played any more.

        A device that dies does not end the wait: another takes its place, or ``close`` follows.
        """
        while not self._closed:
            used, turned = self._used, self._turned
            try:
                await used.speaker.drained()
            except AudioError:
                await turned.wait()
            else:
                left = self.queued_ms
                if used is self._used and left < NOTHING_MS:
                    return
                if used is self._used:  # what the one before still plays, and nothing tells of
                    await asyncio.sleep(min(0.02, left / 1000.0))

    async def close(self) -> None:
        """Stop at once; idempotent."""
        self.end()
        for used in (*self._leaving, self._used):
            await used.speaker.close()

    def end(self) -> None:
        """Nothing is played any more: nobody waits for it."""
        self._closed = True
        self._turned.set()

    async def _fold(self, speaker: Speaker) -> None:
        for used in [used for used in self._leaving if used.speaker is speaker]:
            self._past_ms += used.heard_ms + used.queued_ms
            self._leaving.remove(used)
        await speaker.close()
