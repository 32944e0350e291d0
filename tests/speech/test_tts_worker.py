"""The worker's thread: ready in time, speeches in order, interruption, and no thread left behind."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncGenerator

import pytest

from neko_cli.core.errors import CredentialsError, InvalidRequest, LinkError, NekoError
from neko_cli.speech.tts.by_pieces import ByPieces
from neko_cli.speech.tts.mailboxes import MAX_SOUNDS
from neko_cli.speech.tts.messages import (
    EndOfSpeech,
    Handed,
    Interrupt,
    Say,
    Shutdown,
    Sound,
    SpeechDone,
    Spoken,
)
from neko_cli.speech.tts.script import Outlet, Script, VoiceEngine
from tests.fakes.voice_ear import RATE, TinySource, ear_of, tiny
from tests.fakes.voices import soon, sound_for, text_in


class Endless(TinySource):
    """Never ends by itself."""

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        self.said.append(text)
        try:
            while True:
                yield sound_for(text[0])[:480], RATE
                await asyncio.sleep(0)
        finally:
            self.stopped += 1


class Failing(TinySource):
    """Makes one sound and fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        if text != "bad":
            yield sound_for(text), RATE
            return
        yield sound_for("b"), RATE
        raise self.error


async def test_speeches_come_in_order_with_the_id_they_were_made_for() -> None:
    async with ear_of(tiny) as ear:
        ear.say("one", "Hello", "you")
        ear.say("two", "Bye")
        await ear.ready()
        assert text_in(await ear.rest("one")) == "Helloyou"
        assert text_in(await ear.rest("two")) == "Bye"


async def test_text_that_comes_later_belongs_to_its_speech() -> None:
    async with ear_of(tiny) as ear:
        ear.worker.put(Say("one", "a"))
        assert await ear.next() == Handed("one", 1)
        while not isinstance(await ear.next(), Spoken):
            pass
        ear.worker.put(Say("two", "z"))
        ear.worker.put(Say("one", "b"))
        ear.worker.put(EndOfSpeech("one"))
        ear.worker.put(EndOfSpeech("two"))
        assert text_in(await ear.rest("one")) == "b"
        assert text_in(await ear.rest("two")) == "z"


async def test_pieces_that_wait_are_spoken_together_but_for_the_first() -> None:
    source = TinySource()
    async with ear_of(lambda: ByPieces(source, together=10)) as ear:
        ear.say("one", "abc", "def", "ghi", "jklmnopqrst", "u")
        await ear.rest("one")
    assert source.said == ["abc", "def ghi", "jklmnopqrst", "u"]


async def test_odd_pieces_of_sound_are_put_together_again() -> None:
    async with ear_of(lambda: tiny(chunk=7)) as ear:
        ear.say("one", "Odd")
        assert text_in(await ear.rest("one")) == "Odd"
    async with ear_of(lambda: tiny(chunk=99_999)) as ear:
        ear.say("one", "Large pieces are cut")
        assert text_in(await ear.rest("one")) == "Large pieces are cut"


async def test_nobody_taking_sound_makes_the_engine_wait() -> None:
    source = Endless()
    async with ear_of(lambda: ByPieces(source)) as ear:
        ear.worker.put(Say("one", "x"))
        await ear.ready()
        await soon(lambda: ear.worker._responses._sounds == MAX_SOUNDS)
        assert isinstance(await ear.next(), Handed)
        await ear.next()
        await soon(lambda: ear.worker._responses._sounds == MAX_SOUNDS)


async def test_an_interruption_while_the_engine_waits_lets_it_go() -> None:
    source = Endless()
    async with ear_of(lambda: ByPieces(source)) as ear:
        ear.worker.put(Say("one", "x"))
        await soon(lambda: ear.worker._responses._sounds == MAX_SOUNDS)
        ear.worker.put(Interrupt())
        assert ear.worker.take() is None
        ear.say("two", "never", "ending")
        sounds = 0
        while sounds < 3:
            item = await ear.next()
            assert item.speech == "two"
            sounds += isinstance(item, Sound)
        assert source.stopped == 1


async def test_nothing_of_the_old_speech_comes_after_an_interruption_at_any_point() -> None:
    chance = random.Random(5)
    async with ear_of(tiny) as ear:
        await ear.ready()
        for number in range(50):
            old, new = f"old {number}", f"new {number}"
            ear.say(old, *["Something to be said. " * 4] * 4)
            if chance.random() < 0.5:
                ear.say(f"{old} too", "More. " * 20)
            for _ in range(chance.randrange(45)):
                item = await ear.next()
                assert item.speech.startswith(old)
            ear.worker.put(Interrupt(None if chance.random() < 0.5 else old))
            if chance.random() < 0.3:
                ear.worker.put(Interrupt())
            ear.worker.put(Interrupt(f"{old} too"))
            assert ear.worker.take() is None
            ear.worker.put(Say(old, "A delta that comes too late."))
            ear.say(new, "New.")
            assert text_in(await ear.rest(new)) == "New."


async def test_an_interruption_of_another_speech_does_no_harm() -> None:
    async with ear_of(tiny) as ear:
        ear.say("one", "Hello")
        ear.say("two", "Gone")
        ear.worker.put(Interrupt("two"))
        ear.worker.put(Interrupt("three"))
        assert text_in(await ear.rest("one")) == "Hello"
        ear.say("four", "x")
        assert text_in(await ear.rest("four")) == "x"


async def test_what_fails_to_start_is_told_with_its_reason() -> None:
    def missing() -> VoiceEngine:
        raise CredentialsError("There is no key.")

    async with ear_of(missing) as ear:
        assert isinstance((await ear.failed()).error, CredentialsError)
        assert await ear.over()

    class Refused(TinySource):
        async def open(self) -> None:
            raise LinkError("Nothing answers.")

    source = Refused()
    async with ear_of(lambda: ByPieces(source)) as ear:
        assert isinstance((await ear.failed()).error, LinkError)
        assert await ear.over()
    assert source.closed == 1


async def test_an_engine_that_hangs_at_its_start_has_failed_in_time() -> None:
    class Hanging(TinySource):
        async def open(self) -> None:
            await asyncio.Event().wait()

    source = Hanging()
    begun = time.monotonic()
    async with ear_of(lambda: ByPieces(source), ready_within=0.2) as ear:
        assert (await ear.failed()).error.code == "timeout"
        assert 0.15 < time.monotonic() - begun < 2.0
    assert source.closed == 1


async def test_a_text_that_is_refused_ends_its_speech_alone() -> None:
    async with ear_of(lambda: ByPieces(Failing(InvalidRequest("No.")))) as ear:
        ear.say("one", "bad")
        ear.say("two", "good")
        await ear.ready()
        trouble = await ear.refused()
        assert trouble.speech == "one"
        items = []
        while not isinstance(item := await ear.next(), SpeechDone):
            items.append(item)
        assert item == SpeechDone("one", whole=False)
        assert text_in(await ear.rest("two")) == "good"


@pytest.mark.parametrize(
    "error", [LinkError("Cut."), RuntimeError("a library's own"), CredentialsError("Bad.")]
)
async def test_any_other_error_ends_the_worker(error: Exception) -> None:
    async with ear_of(lambda: ByPieces(Failing(error))) as ear:
        ear.say("one", "good")
        ear.say("two", "bad")
        await ear.ready()
        failed = await ear.failed()
        if isinstance(error, NekoError):
            assert failed.error is error
        else:
            assert not failed.error.permanent
            assert "library" not in str(failed.error)
        assert text_in(await ear.rest("one")) == "good"
        assert await ear.over()


async def test_an_engine_that_does_not_let_go_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neko_cli.speech.tts.worker.RELEASE_S", 0.05)

    class Clinging:
        async def open(self) -> None:
            pass

        async def speak(self, script: Script, outlet: Outlet) -> None:
            text = await script.next()
            assert text is not None
            if text == "cling":
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.Event().wait()
            await outlet.put(sound_for(text), RATE)

        async def aclose(self) -> None:
            pass

    async with ear_of(Clinging) as ear:
        ear.worker.put(Say("one", "cling"))
        assert await ear.next() == Handed("one", 1)
        ear.worker.put(Interrupt())
        ear.say("two", "free")
        assert text_in(await ear.rest("two")) == "free"


async def test_a_shutdown_in_the_middle_of_a_speech_ends_the_thread() -> None:
    source = Endless()
    async with ear_of(lambda: ByPieces(source)) as ear:
        ear.worker.put(Say("one", "x"))
        await ear.next()
        ear.worker.put(Shutdown())
        assert await ear.over()
    assert source.closed == 1
    assert source.stopped == 1


async def test_a_worker_that_never_started_can_be_closed() -> None:
    from neko_cli.speech.tts.worker import TtsWorker

    assert TtsWorker(tiny, name="unused").close(0.1)


async def test_a_thousand_utterances_leave_no_thread() -> None:
    before = set(threading.enumerate())
    async with ear_of(lambda: tiny(chunk=99_999)) as ear:
        for number in range(1_000):
            if number % 7 == 3:
                ear.say(f"cut {number}", "gone " * 5)
                ear.worker.put(Interrupt())
            ear.say(f"s{number}", "ok")
            assert text_in(await ear.rest(f"s{number}")) == "ok"
        mine = set(threading.enumerate()) - before
        assert mine == {ear.worker}
    for _ in range(50):
        async with ear_of(tiny) as ear:
            ear.say("one", "ok")
            await ear.rest("one")
    left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("voice")}
    assert not left
