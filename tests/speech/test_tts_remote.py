"""Every voice on a WebSocket against a strict service that speaks its documented protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    ProtocolSurprise,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)
from neko_cli.speech.tts.by_socket import SocketEngine, Talk, Wire
from neko_cli.speech.tts.cosyvoice import CosyVoiceTalk, cosyvoice_wire
from neko_cli.speech.tts.elevenlabs import ElevenTalk, elevenlabs_wire
from neko_cli.speech.tts.gptsovits import SovitsTalk, gptsovits_wire, voice_fields
from neko_cli.speech.tts.messages import EndOfSpeech, Handed, Interrupt, Say, Sound
from neko_cli.speech.tts.qwen_realtime import QwenTalk, qwen_wire
from neko_cli.speech.tts.settings import VoiceSettings
from neko_cli.speech.tts.stepfun_realtime import StepTalk, stepfun_wire
from tests.fakes.voice_ear import Ear, ear_of
from tests.fakes.voices import (
    KEY,
    CosyVoice,
    ElevenVoice,
    QwenVoice,
    SovitsVoice,
    StepVoice,
    VoiceService,
    VoiceTalk,
    soon,
    text_in,
    wav,
)

MakeWire = Callable[[VoiceSettings], Wire]
ALL: list[tuple[MakeWire, type[VoiceTalk]]] = [
    (qwen_wire, QwenVoice),
    (cosyvoice_wire, CosyVoice),
    (stepfun_wire, StepVoice),
    (gptsovits_wire, SovitsVoice),
    (elevenlabs_wire, ElevenVoice),
]
WITH_KEY = [pair for pair in ALL if pair[1] is not SovitsVoice]


@pytest.fixture(params=ALL, ids=lambda pair: pair[1].__name__)
def pair(request: pytest.FixtureRequest) -> tuple[MakeWire, type[VoiceTalk]]:
    found: tuple[MakeWire, type[VoiceTalk]] = request.param
    return found


@asynccontextmanager
async def speaking(
    pair: tuple[MakeWire, type[VoiceTalk]], *, key: str = KEY, silence_s: float = 5.0
) -> AsyncIterator[tuple[VoiceService, Ear]]:
    """A strict service and a worker that is connected to it."""
    make_wire, kind = pair
    async with VoiceService(kind) as service:
        settings = VoiceSettings(url=service.url, key=key, language="en", silence_s=silence_s)
        async with ear_of(lambda: SocketEngine(make_wire(settings))) as ear:
            yield service, ear
        assert not service.wrong


async def test_speeches_are_spoken_one_after_the_other(pair: tuple[MakeWire, type[VoiceTalk]]) -> None:
    async with speaking(pair) as (service, ear):
        await ear.ready()
        ear.say("one", "Hello there.", "How are you?")
        ear.say("two", "Fine, thanks.")
        assert text_in(await ear.rest("one")) == "Hello there. How are you? "
        assert text_in(await ear.rest("two")) == "Fine, thanks. "
        assert not service.refused


async def test_text_is_sent_while_the_speech_is_under_way(pair: tuple[MakeWire, type[VoiceTalk]]) -> None:
    async with speaking(pair) as (_, ear):
        ear.worker.put(Say("one", "Hello."))
        pcm = b""
        while text_in(pcm[: len(pcm) - len(pcm) % 480]) != "Hello. ":
            item = await ear.next()
            if isinstance(item, Sound):
                pcm += item.pcm
        ear.worker.put(Say("one", "Bye."))
        ear.worker.put(EndOfSpeech("one"))
        assert text_in(await ear.rest("one")) == "Bye. "


async def test_an_interruption_ends_the_speech_at_the_service_too(
    pair: tuple[MakeWire, type[VoiceTalk]],
) -> None:
    async with speaking(pair) as (service, ear):
        ear.worker.put(Say("one", "This will not be heard to its end."))
        while not isinstance(await ear.next(), Sound):
            pass
        old = service.talks[-1]
        ear.worker.put(Interrupt())
        assert ear.worker.take() is None
        ear.say("two", "This will.")
        assert text_in(await ear.rest("two")) == "This will. "
        assert service.talks[-1] is not old
        await soon(lambda: old.connection.state.name == "CLOSED")


@pytest.mark.parametrize("pair", WITH_KEY, ids=lambda pair: pair[1].__name__, indirect=True)
async def test_a_rejected_key_is_told_before_any_text(pair: tuple[MakeWire, type[VoiceTalk]]) -> None:
    async with speaking(pair, key="sk-wrong-0123456789abcdef") as (service, ear):
        error = (await ear.failed()).error
        assert isinstance(error, CredentialsError)
        assert KEY not in str(error)
        assert service.refused == 1
        assert await ear.over()


async def test_a_service_that_never_answers_is_given_up(pair: tuple[MakeWire, type[VoiceTalk]]) -> None:
    async with speaking(pair, silence_s=0.3) as (service, ear):
        service.silent = True
        begun = time.monotonic()
        await ear.ready()
        ear.say("one", "Hello.")
        error = (await ear.failed()).error
        assert isinstance(error, LinkError)
        assert error.code == "timeout"
        assert time.monotonic() - begun < 5.0


async def test_a_service_that_owes_sound_is_given_up(pair: tuple[MakeWire, type[VoiceTalk]]) -> None:
    async with speaking(pair, silence_s=0.3) as (service, ear):
        service.mute_after_text = True
        ear.say("one", "Hello.")
        await ear.ready()
        assert isinstance((await ear.failed()).error, LinkError)


async def test_a_pause_of_the_model_is_no_silence_of_the_service(
    pair: tuple[MakeWire, type[VoiceTalk]],
) -> None:
    async with speaking(pair, silence_s=0.6) as (_, ear):
        ear.worker.put(Say("one", "Hello."))
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_later(0.9, later.set_result, None)  # longer than a silence may last
        await later
        ear.worker.put(EndOfSpeech("one"))
        assert text_in(await ear.rest("one")) == "Hello. "


async def test_a_connection_that_is_cut_in_the_middle_ends_the_worker(
    pair: tuple[MakeWire, type[VoiceTalk]],
) -> None:
    async with speaking(pair) as (service, ear):
        service.cut_after = 2
        ear.say("one", "Hello there, you.")
        await ear.ready()
        assert isinstance((await ear.failed()).error, LinkError)
        assert await ear.next() == Handed("one", 1)


async def test_a_connection_that_died_while_it_waited_is_replaced(
    pair: tuple[MakeWire, type[VoiceTalk]],
) -> None:
    async with speaking(pair) as (service, ear):
        await ear.ready()
        await soon(lambda: service.talks)
        service.talks[0].connection.transport.abort()
        await service.talks[0].connection.wait_closed()
        ear.say("one", "Hello.")
        assert text_in(await ear.rest("one")) == "Hello. "
        assert len(service.talks) == 2


async def test_text_that_went_to_a_dead_connection_is_sent_again() -> None:
    async with speaking((elevenlabs_wire, ElevenVoice)) as (service, ear):
        service.cut_after = 0
        await ear.ready()
        ear.say("one", "Hello.", "And bye.")
        assert text_in(await ear.rest("one")) == "Hello. And bye. "
        assert len(service.talks) == 2


async def test_a_slow_listener_is_no_silence_of_the_service() -> None:
    async with speaking((qwen_wire, QwenVoice), silence_s=0.3) as (_, ear):
        await ear.ready()
        ear.say("one", "A long text. " * 60)
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_later(0.8, later.set_result, None)  # longer than a silence may last
        await later
        assert text_in(await ear.rest("one")) == "A long text. " * 60 + " "


async def test_what_the_service_refuses_is_told(pair: tuple[MakeWire, type[VoiceTalk]]) -> None:
    async with speaking(pair) as (service, ear):
        service.refuse_text = True
        ear.say("one", "Hello.")
        await ear.ready()
        trouble = await ear.refused()
        assert isinstance(trouble.error, InvalidRequest)
        service.refuse_text = False
        while (item := await ear.next()).speech == "one" and not hasattr(item, "whole"):
            pass
        ear.say("two", "Well.")
        assert text_in(await ear.rest("two")) == "Well. "


async def test_nobody_there_is_told() -> None:
    for make_wire, _ in ALL:
        settings = VoiceSettings(url="ws://127.0.0.1:9", key=KEY)
        async with ear_of(lambda make=make_wire, settings=settings: SocketEngine(make(settings))) as ear:  # type: ignore[misc]
            assert isinstance((await ear.failed()).error, LinkError)


async def test_cosyvoice_uses_a_connection_for_many_tasks() -> None:
    async with speaking((cosyvoice_wire, CosyVoice)) as (service, ear):
        for number in range(5):
            ear.say(f"s{number}", "Hi.")
            assert text_in(await ear.rest(f"s{number}")) == "Hi. "
        assert len(service.talks) == 1


@pytest.mark.parametrize("make_wire", [make for make, _ in ALL])
def test_nothing_goes_without_encryption_to_another_machine(make_wire: MakeWire) -> None:
    async def open_it() -> None:
        engine = SocketEngine(make_wire(VoiceSettings(url="ws://voice.example", key=KEY)))
        await engine.open()

    with pytest.raises(ConfigError, match="encrypted"):
        asyncio.run(open_it())


@pytest.mark.parametrize("make_wire", [make for make, _ in ALL])
def test_no_key_is_shown(make_wire: MakeWire) -> None:
    settings = VoiceSettings(key=KEY, url="wss://voice.example")
    assert KEY not in repr(settings)
    assert KEY not in repr(make_wire(settings))


TALKS: list[Talk] = [
    QwenTalk(VoiceSettings(), "it"),
    CosyVoiceTalk(VoiceSettings(), "it", "t"),
    StepTalk(VoiceSettings(), "it"),
    SovitsTalk({}, "it"),
    ElevenTalk(VoiceSettings(), "it"),
]


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: type(talk).__name__)
def test_frames_that_cannot_be_read_are_a_surprise_and_unknown_ones_are_ignored(talk: Talk) -> None:
    for frame in ("", "[1]", "nonsense", '"text"'):
        with pytest.raises(ProtocolSurprise):
            talk.receive(frame)
    assert talk.receive('{"type": "something.new", "header": {"event": "new"}, "data": 3}') == ((), ()) or (
        talk.receive('{"type": "something.new"}') == ([], ())
    )


def test_sound_that_is_no_base64_is_a_surprise() -> None:
    with pytest.raises(ProtocolSurprise):
        QwenTalk(VoiceSettings(), "it").receive('{"type": "response.audio.delta", "delta": "!"}')
    with pytest.raises(ProtocolSurprise):
        SovitsTalk({}, "it").receive(b"no wav at all")


def test_step_takes_sound_in_files_too() -> None:
    sound = base64.b64encode(wav(b"ab", 16_000)).decode()
    frame = json.dumps({"type": "tts.response.audio.delta", "data": {"audio": sound}})
    (heard,), _ = StepTalk(VoiceSettings(), "it").receive(frame)
    assert (heard.pcm, heard.rate) == (b"ab", 16_000)  # type: ignore[union-attr]


def test_speed_and_language_are_told_as_each_service_wants_them() -> None:
    fast = VoiceSettings(speed=9.0, language="de-AT")
    assert '"speech_rate":2.0' in QwenTalk(fast, "it").hello()[0]
    assert '"language_type":"German"' in QwenTalk(fast, "it").hello()[0]
    assert '"rate":2.0' in CosyVoiceTalk(fast, "it", "t").hello()[0]
    assert '"language_hints":["de"]' in CosyVoiceTalk(fast, "it", "t").hello()[0]
    assert '"speed":1.2' in ElevenTalk(fast, "it").hello()[0]
    assert "language_code=de" in elevenlabs_wire(fast).endpoint.url
    old = VoiceSettings(language="de", model="eleven_multilingual_v2")
    assert "language_code" not in elevenlabs_wire(old).endpoint.url


def test_a_sovits_voice_may_bring_fields_of_its_own() -> None:
    fields = voice_fields('gsv:miko|{"text_lang": "all_zh", "cmd": "end"}', 1.5)
    assert fields == {"voice_id": "miko", "text_lang": "all_zh", "speed": 1.5}
    assert voice_fields("", 1.0) == {"voice_id": "_default"}
    with pytest.raises(ConfigError):
        voice_fields("miko|{", 1.0)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"message": "No.", "error": "voice_id_does_not_exist", "code": 1008}, InvalidRequest),
        ({"message": "No.", "error": "quota_exceeded", "code": 1008}, QuotaExhausted),
        ({"message": "No.", "error": "invalid_api_key", "code": 1008}, CredentialsError),
        ({"message": "No.", "error": "system_busy"}, ServerFault),
    ],
)
def test_what_elevenlabs_calls_its_errors(message: dict[str, Any], expected: type[Exception]) -> None:
    with pytest.raises(expected):
        ElevenTalk(VoiceSettings(), "it").receive(json.dumps(message))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidParameter", InvalidRequest),
        ("InvalidApiKey", CredentialsError),
        ("Arrearage", QuotaExhausted),
        ("Throttling.RateQuota", RateLimited),
        ("CLIENT_ERROR", ServerFault),
    ],
)
def test_what_dashscope_calls_its_errors(code: str, expected: type[Exception]) -> None:
    header = {"event": "task-failed", "task_id": "t", "error_code": code, "error_message": "No."}
    with pytest.raises(expected):
        CosyVoiceTalk(VoiceSettings(), "it", "t").receive(json.dumps({"header": header}))
