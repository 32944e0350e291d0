"""The voice as a session uses it: interruption, restarts, notices, and its end."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from neko_cli.core.errors import CredentialsError, InvalidRequest, LinkError, QuotaExhausted, ServerFault
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, SpokenUpTo, VoiceOver, VoiceTrouble
from neko_cli.core.retry import RetryPolicy
from neko_cli.speech.tts.by_pieces import ByPieces, PieceSource
from neko_cli.speech.tts.pipeline import REFUSALS, Out, VoiceWorker
from neko_cli.speech.tts.worker import TtsWorker
from tests.fakes.voice_ear import PATIENCE, RATE, TinySource
from tests.fakes.voices import sound_for, text_in

QUICK = RetryPolicy(first=0.01, cap=0.05, attempts=5)


class Moody(TinySource):
    """Fails while ``errors`` has something for it: at its start, or after so many samples of a text."""

    def __init__(self, at_start: list[Exception], in_text: dict[str, list[Exception | None]]) -> None:
        super().__init__()
        self.at_start = at_start
        self.in_text = in_text

    async def open(self) -> None:
        if self.at_start:
            raise self.at_start.pop(0)

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        self.said.append(text)
        troubles = self.in_text.get(text)
        if troubles:
            error = troubles.pop(0)
            if error is None:
                yield sound_for(text[:1]), RATE
                raise LinkError("Cut in the middle.")
            raise error
        yield sound_for(text), RATE


class Scene:
    """A voice, what it told, and how many workers it took."""

    def __init__(self, make: Callable[[], PieceSource], policy: RetryPolicy, ready_within: float) -> None:
        self.told: list[VoiceTrouble] = []
        self.workers: list[TtsWorker] = []
        self.news = asyncio.Event()
        self._source = make
        self._ready_within = ready_within
        self.voice = VoiceWorker(
            self._worker, trouble=self._note, ready_within=ready_within, policy=policy, random=lambda: 0.5
        )
        self.sounds = self.voice.sounds()
        self.upto: list[tuple[str, int]] = []

    def _worker(self, wake: Callable[[], None]) -> TtsWorker:
        engine = ByPieces(self._source(), together=0)
        worker = TtsWorker(lambda: engine, name="test", ready_within=self._ready_within, notify=wake)
        self.workers.append(worker)
        return worker

    def _note(self, trouble: VoiceTrouble) -> None:
        self.told.append(trouble)
        self.news.set()

    def speak(self, speech: str, text: str) -> None:
        for char in text:
            self.voice.say(speech, char)
        self.voice.finish(speech)

    async def next(self) -> SpokenSound | SpeechSpoken:
        """What comes next; places in the text are kept in ``upto``."""
        async with asyncio.timeout(PATIENCE):
            while isinstance(item := await anext(self.sounds), SpokenUpTo):
                self.upto.append((item.speech, item.chars))
        return item

    async def rest(self, speech: str) -> tuple[str, bool]:
        """The text whose sound came up to the end of a speech, and whether it was whole."""
        pcm = b""
        while not isinstance(item := await self.next(), SpeechSpoken):
            assert item.speech == speech
            pcm += item.pcm
        assert item.speech == speech
        return text_in(pcm), item.whole

    async def trouble(self, number: int) -> VoiceTrouble:
        async with asyncio.timeout(PATIENCE):
            while len(self.told) <= number:
                self.news.clear()
                await self.news.wait()
        return self.told[number]


@asynccontextmanager
async def scene_of(
    make: Callable[[], PieceSource] = TinySource, *, policy: RetryPolicy = QUICK, ready_within: float = 5.0
) -> AsyncIterator[Scene]:
    """A voice that is not started; at its end no thread of it may be left."""
    scene = Scene(make, policy, ready_within)
    try:
        yield scene
    finally:
        async with asyncio.timeout(PATIENCE):
            await scene.voice.close()
            await scene.voice.close()
    assert not [worker for worker in scene.workers if worker.is_alive()]
    with pytest.raises(StopAsyncIteration):
        await scene.next()


async def test_a_reply_is_spoken_as_it_is_written() -> None:
    async with scene_of() as scene:
        port: VoiceOver = scene.voice
        await port.start()
        port.say("a", "Hello there. How")
        first = await scene.next()
        assert isinstance(first, SpokenSound)
        assert (first.speech, first.rate) == ("a", RATE)
        port.say("a", " are you? `x = 1` Fine.")
        port.finish("a")
        text, whole = await scene.rest("a")
        assert (text_in(first.pcm) + text, whole) == ("Hello there.How are you?Fine.", True)
        assert scene.upto == [("a", 12), ("a", 25), ("a", 39)]
        assert not scene.told


async def test_text_that_comes_before_the_worker_is_ready_is_not_lost() -> None:
    async with scene_of() as scene:
        scene.speak("a", "Early. Bird.")
        await scene.voice.start()
        assert await scene.rest("a") == ("Early.Bird.", True)


async def test_a_speech_without_words_is_over_at_once() -> None:
    async with scene_of() as scene:
        await scene.voice.start()
        scene.speak("a", "😀")
        assert await scene.rest("a") == ("", True)
        scene.voice.finish("never begun")
        assert await scene.rest("never begun") == ("", True)


async def test_nothing_of_an_interrupted_reply_is_given_at_any_point() -> None:
    chance = random.Random(7)
    async with scene_of() as scene:
        await scene.voice.start()
        for number in range(50):
            old, new = f"old {number}", f"new {number}"
            scene.voice.say(old, "A sentence of the old reply. " * 8)
            if chance.random() < 0.5:
                scene.voice.finish(old)
            for _ in range(chance.randrange(20)):
                assert (await scene.next()).speech == old
            scene.voice.interrupt()
            scene.voice.say(old, "This comes too late. Much too late. ")
            scene.voice.finish(old)
            scene.speak(new, "New.")
            assert await scene.rest(new) == ("New.", True)
        assert not scene.told


async def test_a_worker_that_dies_is_replaced_and_nothing_is_said_twice_or_lost() -> None:
    in_text: dict[str, list[Exception | None]] = {"Two.": [None], "Three.": [ServerFault("Ill.")]}
    async with scene_of(lambda: Moody([], in_text)) as scene:
        await scene.voice.start()
        scene.speak("a", "One. Two. Three. Four.")
        assert await scene.rest("a") == ("One.TThree.Four.", False)
        assert len(scene.workers) == 3
        assert scene.told[0].retry_in is not None
        scene.speak("b", "Well again.")
        assert await scene.rest("b") == ("Well again.", True)


async def test_a_reply_that_goes_on_after_the_crash_is_spoken_on() -> None:
    async with scene_of(lambda: Moody([], in_text)) as scene:
        in_text: dict[str, list[Exception | None]] = {"Two.": [None]}
        await scene.voice.start()
        scene.voice.say("a", "One. Two. T")
        pcm = b""
        while text_in(pcm) != "One.T":
            item = await scene.next()
            assert isinstance(item, SpokenSound)
            pcm += item.pcm
        await scene.trouble(0)
        scene.voice.say("a", "hree.")
        scene.voice.finish("a")
        assert await scene.rest("a") == ("Three.", False)


async def test_an_outage_is_told_once_and_so_is_giving_up() -> None:
    outage: list[Exception] = [LinkError(f"No network {number}.") for number in range(100)]
    async with scene_of(lambda: Moody(outage, {})) as scene:
        await scene.voice.start()
        scene.speak("a", "Hello. You.")
        assert await scene.rest("a") == ("", False)
        assert [trouble.retry_in is None for trouble in scene.told] == [False, True]
        assert len(scene.workers) == QUICK.attempts + 1
        scene.speak("b", "Still silent.")
        assert await scene.rest("b") == ("", False)
        outage.clear()
        await scene.voice.start()
        scene.speak("c", "Back.")
        assert await scene.rest("c") == ("Back.", True)


@pytest.mark.parametrize("error", [CredentialsError("Bad key."), QuotaExhausted("No money.")])
async def test_a_rejected_key_is_told_at_the_start_and_never_tried_again(error: Exception) -> None:
    async with scene_of(lambda: Moody([error] * 10, {})) as scene:
        with pytest.raises(type(error)):
            await scene.voice.start()
        assert len(scene.workers) == 1
        assert not scene.told
        scene.speak("a", "Nobody hears this.")
        assert await scene.rest("a") == ("", False)


async def test_a_key_that_is_rejected_later_ends_the_voice() -> None:
    in_text: dict[str, list[Exception | None]] = {"Two.": [CredentialsError("Bad key.")] * 10}
    async with scene_of(lambda: Moody([], in_text)) as scene:
        await scene.voice.start()
        scene.speak("a", "One. Two. Three.")
        assert await scene.rest("a") == ("One.", False)
        trouble = await scene.trouble(0)
        assert isinstance(trouble.error, CredentialsError)
        assert trouble.retry_in is None
        assert len(scene.workers) == 1


async def test_a_text_that_is_refused_is_left_out_and_too_many_of_them_end_the_voice() -> None:
    no = InvalidRequest("This is not spoken.")
    in_text: dict[str, list[Exception | None]] = {"Bad.": [no] * 100}
    async with scene_of(lambda: Moody([], in_text)) as scene:
        await scene.voice.start()
        for number in range(REFUSALS - 1):
            scene.speak(f"bad {number}", "Bad.")
            assert await scene.rest(f"bad {number}") == ("", False)
            assert (await scene.trouble(number)).speech == f"bad {number}"
        scene.speak("good", "Good.")
        assert await scene.rest("good") == ("Good.", True)
        for number in range(REFUSALS):
            scene.speak(f"worse {number}", "Bad.")
            assert await scene.rest(f"worse {number}") == ("", False)
        last = await scene.trouble(2 * REFUSALS - 2)
        assert (last.speech, last.retry_in) == ("", None)
        assert len(scene.workers) == 1


async def test_a_worker_that_hangs_is_given_up_in_time() -> None:
    class Hanging(TinySource):
        async def open(self) -> None:
            await asyncio.Event().wait()

    policy = RetryPolicy(first=0.01, attempts=1)
    async with scene_of(Hanging, policy=policy, ready_within=0.1) as scene:
        await scene.voice.start()
        assert scene.told[0].error.code == "timeout"
        assert (await scene.trouble(1)).retry_in is None
        assert len(scene.workers) == 2


async def test_text_that_there_is_no_room_for_is_told_once() -> None:
    async with scene_of() as scene:
        await scene.voice.start()
        for _ in range(30):
            scene.voice.say("a", "A very long sentence without end " * 30 + ". Next. ")
        scene.voice.finish("a")
        assert len(scene.told) == 1
        assert scene.told[0].speech == "a"
        scene.voice.interrupt()
        scene.speak("b", "Room again.")
        assert await scene.rest("b") == ("Room again.", True)


async def test_closing_in_any_state_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    async with scene_of():
        pass
    async with scene_of() as scene:
        await scene.voice.start()
        scene.speak("a", "Long. " * 100)
        await scene.next()
    outage: list[Exception] = [LinkError("No network.")] * 10
    policy = RetryPolicy(first=30.0, cap=30.0)
    async with scene_of(lambda: Moody(outage, {}), policy=policy) as scene:
        await scene.voice.start()
        assert scene.told
    async with scene_of() as scene, asyncio.TaskGroup() as group:
        starting = group.create_task(scene.voice.start())
        await asyncio.sleep(0)
        starting.cancel()
    assert set(threading.enumerate()) <= before


async def test_whoever_waits_for_sound_is_let_go_at_the_end() -> None:
    async with scene_of() as scene, asyncio.TaskGroup() as group:
        await scene.voice.start()
        waiting = group.create_task(_all_of(scene.sounds))
        await asyncio.sleep(0)
        await scene.voice.close()
        assert await waiting == []


async def _all_of(sounds: AsyncIterator[Out]) -> list[Out]:
    return [item async for item in sounds]
