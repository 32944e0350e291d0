"""A voice that reads replies aloud: each word has numbered samples, and says where it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, SpokenUpTo, VoiceTrouble
from neko_cli.core.profile import Profile
from tests.simulation import numbers

if TYPE_CHECKING:
    from tests.simulation.world import World

Out = SpokenSound | SpokenUpTo | SpeechSpoken

THINKS = (0.01, 0.05, 0.3)
"""Seconds before the first sound of a speech."""

LENGTHS = (0.1, 0.2, 0.3)
FASTER = 4.0
"""How much faster than it is heard sound is made."""


class _Speech:
    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.at = 0
        self.finished = False
        self.is_begun = False


class SimVoice:
    """See ``ports_voice.VoiceOver``; strict about the order in which it is used."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._speeches: deque[_Speech] = deque()
        self._gone: set[str] = set()
        self._out: deque[Out] = deque()
        self._news = asyncio.Event()
        self._running = False
        self._closed = False

    async def start(self) -> None:
        await asyncio.sleep(self._world.cloud.random.choice(THINKS))

    def say(self, speech: str, delta: str) -> None:
        self._must(not self._closed, "words for a voice that is closed")
        self._must(speech not in self._gone, f"words for {speech}, which is over")
        if not self._speeches or self._speeches[-1].name != speech:
            self._speeches.append(_Speech(speech))
        self._must(not self._speeches[-1].finished, f"words for {speech}, which is finished")
        self._speeches[-1].text += delta
        self._go_on()

    def finish(self, speech: str) -> None:
        self._must(bool(self._speeches) and self._speeches[-1].name == speech, f"the end of {speech}")
        self._speeches[-1].finished = True
        self._go_on()

    def interrupt(self) -> None:
        self._gone.update(speech.name for speech in self._speeches)
        self._speeches.clear()
        self._out.clear()

    async def sounds(self) -> AsyncIterator[Out]:
        while not self._closed:
            self._news.clear()
            if self._out:
                yield self._out.popleft()
            else:
                await self._news.wait()

    async def close(self) -> None:
        self._closed = True
        self._news.set()

    def _must(self, kept: bool, what: str) -> None:
        if not kept:
            self._world.trace("voice", "misused", what)
            raise AssertionError(what)

    def _go_on(self) -> None:
        if not self._running:
            self._running = True
            self._later(self._world.cloud.random.choice(THINKS))

    def _later(self, seconds: float) -> None:
        self._world.loop.call_later(seconds, self._speak)

    def _speak(self) -> None:
        """The next whole word of the oldest speech, or its end."""
        self._running = False
        if self._closed or not self._speeches:
            return
        speech = self._speeches[0]
        rest = speech.text[speech.at :]
        word, blank, _ = rest.lstrip().partition(" ")
        lead = len(rest) - len(rest.lstrip())
        if word and (blank or speech.finished):
            speech.at += lead + len(word)
            self._running = True
            self._later(self._sound(speech, word) / FASTER)
        elif speech.finished:
            self._speeches.popleft()
            self._gone.add(speech.name)
            self._give(SpeechSpoken(speech.name))
            if self._speeches:
                self._go_on()

    def _sound(self, speech: _Speech, word: str) -> float:
        world = self._world
        seconds = world.cloud.random.choice(LENGTHS) if world.cloud.sound_left > 0.3 else 0.05
        first, last = world.cloud.new_sound(int(seconds * world.scenario.rate))
        for number in numbers.reply_words(word):
            world.read_aloud[number] = (first, last)
        pcm = numbers.sound(first, last)
        half = len(pcm) // 4 * 2
        for piece in (pcm[:half], pcm[half:]):
            if piece:
                self._give(SpokenSound(speech.name, piece, world.scenario.rate))
        self._give(SpokenUpTo(speech.name, speech.at))
        return seconds

    def _give(self, item: Out) -> None:
        self._out.append(item)
        self._news.set()


def voices(world: World) -> Callable[[Profile, Callable[[VoiceTrouble], None]], SimVoice | None]:
    """``SessionPorts.voice``."""
    return lambda profile, trouble: SimVoice(world) if profile.speak.worker else None
