"""Voices over HTTP against a real server: sound in odd pieces, refusals, hangs, cuts, other formats."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    ProtocolSurprise,
    RateLimited,
    ServerFault,
)
from neko_cli.speech.tts.by_pieces import ByPieces, PieceSource
from neko_cli.speech.tts.gemini_tts import GeminiSpeech, request_url, sound_of
from neko_cli.speech.tts.messages import Interrupt, Say, Sound
from neko_cli.speech.tts.openai_speech import OpenAiSpeech, SoundBody, speech_url
from neko_cli.speech.tts.settings import VoiceSettings
from tests.fakes.http_box import HttpBox, Request, http_box
from tests.fakes.voice_ear import Ear, ear_of
from tests.fakes.voices import KEY, cut, sound_for, text_in, wav

OPENAI = "/v1/audio/speech"
GEMINI = "/v1beta/models/gemini-3.8-flash-lite-tts:streamGenerateContent"

MakeSource = Callable[[VoiceSettings], PieceSource]


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


@asynccontextmanager
async def speaking(
    make: MakeSource, box: HttpBox, *, key: str = KEY, silence_s: float = 5.0
) -> AsyncIterator[Ear]:
    settings = VoiceSettings(url=box.url, key=key, silence_s=silence_s, speed=1.25)
    async with ear_of(lambda: ByPieces(make(settings))) as ear:
        await ear.ready()
        yield ear


def body_of(request: Request) -> str:
    """The text of a request that keeps to OpenAI's reference."""
    assert request.method == "POST"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    body = request.json
    assert set(body) == {"model", "voice", "input", "response_format", "speed"}
    assert (body["response_format"], body["speed"]) == ("pcm", 1.25)
    assert 0 < len(body["input"]) <= 4096
    return str(body["input"])


def plain(request: Request) -> None:
    """PCM in pieces of odd sizes."""
    text = body_of(request)
    request.head(200, Content_Type="audio/pcm")
    for piece in cut(sound_for(text)):
        request.write(piece)


def as_wav(request: Request) -> None:
    """WAV of unknown length, at a rate of its own."""
    text = body_of(request)
    request.head(200, Content_Type="audio/wav")
    for piece in cut(wav(sound_for(text), 22_050, length=0xFFFFFFFF)):
        request.write(piece)


def gemini(request: Request) -> None:
    """Server-sent events as Google's reference has them."""
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.path
    assert request.path.endswith("?alt=sse")
    wanted = request.json["generationConfig"]
    assert wanted["responseModalities"] == ["AUDIO"]
    assert wanted["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"]
    request.head(200, Content_Type="text/event-stream")
    for piece in cut(sound_for(request.json["contents"][0]["parts"][0]["text"])):
        blob = {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(piece).decode()}
        event = {"candidates": [{"content": {"role": "model", "parts": [{"inlineData": blob}]}}]}
        request.write(b"data: " + json.dumps(event).encode() + b"\r\n\r\n")
    request.write(b'data: {"candidates": [{"finishReason": "STOP"}]}\r\n\r\n')


BOTH = [(OpenAiSpeech, OPENAI, plain), (GeminiSpeech, GEMINI, gemini)]
each = pytest.mark.parametrize(("make", "path", "answer"), BOTH, ids=["openai", "gemini"])
Answer = Callable[[Request], None]


@each
async def test_speeches_are_spoken(box: HttpBox, make: MakeSource, path: str, answer: Answer) -> None:
    box.script[path] = answer
    async with speaking(make, box) as ear:
        ear.say("one", "Hello there.", "How are you?")
        ear.say("two", "Fine.")
        assert text_in(await ear.rest("one")) == "Hello there.How are you?"
        assert text_in(await ear.rest("two")) == "Fine."


async def test_wav_is_taken_at_its_own_rate(box: HttpBox) -> None:
    box.script[OPENAI] = as_wav
    async with speaking(OpenAiSpeech, box) as ear:
        ear.worker.put(Say("one", "Hello."))
        while not isinstance(item := await ear.next(), Sound):
            pass
        assert item.rate == 22_050


@each
async def test_a_rejected_key_ends_the_worker_and_is_not_shown(
    box: HttpBox, make: MakeSource, path: str, answer: Answer
) -> None:
    box.script[path] = lambda request: request.answer_json(
        401, {"error": {"code": "invalid_api_key", "message": f"Incorrect key {KEY}"}}
    )
    async with speaking(make, box) as ear:
        ear.say("one", "Hello.")
        error = (await ear.failed()).error
        assert isinstance(error, CredentialsError)
        assert KEY not in str(error)
    assert len(box.requests) == 1


@each
async def test_a_limit_is_told_with_its_time(
    box: HttpBox, make: MakeSource, path: str, answer: Answer
) -> None:
    box.script[path] = lambda request: request.answer_json(429, {"error": {}}, Retry_After="7")
    async with speaking(make, box) as ear:
        ear.say("one", "Hello.")
        error = (await ear.failed()).error
        assert isinstance(error, RateLimited)
        assert error.retry_after == 7.0


@each
async def test_a_text_that_is_refused_is_left_out(
    box: HttpBox, make: MakeSource, path: str, answer: Answer
) -> None:
    box.script[path] = lambda request: request.answer_json(400, {"error": {"message": "Bad voice."}})
    async with speaking(make, box) as ear:
        ear.say("one", "Hello.")
        assert isinstance((await ear.refused()).error, InvalidRequest)
        box.script[path] = answer
        while not hasattr(await ear.next(), "whole"):
            pass
        ear.say("two", "Well.")
        assert text_in(await ear.rest("two")) == "Well."


@each
async def test_a_server_that_hangs_is_given_up(
    box: HttpBox, make: MakeSource, path: str, answer: Answer
) -> None:
    def hang(request: Request) -> None:
        box.released.wait(20)

    box.script[path] = hang
    async with speaking(make, box, silence_s=0.3) as ear:
        ear.say("one", "Hello.")
        assert (await ear.failed()).error.code == "timeout"
        box.released.set()


@each
async def test_a_cut_in_the_middle_is_a_lost_link(
    box: HttpBox, make: MakeSource, path: str, answer: Answer
) -> None:
    def cut_off(request: Request) -> None:
        request.head(200, Content_Length="100000", Content_Type="audio/pcm")
        request.write(sound_for("H"))

    box.script[path] = cut_off
    async with speaking(make, box) as ear:
        ear.say("one", "Hello.")
        assert isinstance((await ear.failed()).error, LinkError)


@each
async def test_an_answer_without_sound_is_a_fault(
    box: HttpBox, make: MakeSource, path: str, answer: Answer
) -> None:
    box.script[path] = lambda request: request.answer(200, b"", Content_Type="audio/pcm")
    async with speaking(make, box) as ear:
        ear.say("one", "Hello.")
        error = (await ear.failed()).error
        assert isinstance(error, ServerFault)
        assert error.code == "no_sound"


async def test_an_interruption_lets_go_of_the_answer(box: HttpBox) -> None:
    def endless(request: Request) -> None:
        text = body_of(request)
        if text != "Endless.":
            plain(request)
            return
        request.head(200, Content_Type="audio/pcm")
        while not box.released.is_set():
            request.write(sound_for("x"))

    box.script[OPENAI] = endless
    async with speaking(OpenAiSpeech, box) as ear:
        ear.worker.put(Say("one", "Endless."))
        for _ in range(5):
            await ear.next()
        ear.worker.put(Interrupt())
        assert ear.worker.take() is None
        ear.say("two", "Free.")
        assert text_in(await ear.rest("two")) == "Free."
        box.released.set()


async def test_a_format_that_cannot_be_read_is_told(box: HttpBox) -> None:
    box.script[OPENAI] = lambda request: request.answer(200, b"ID3 and so on", Content_Type="audio/mpeg")
    async with speaking(OpenAiSpeech, box) as ear:
        ear.say("one", "Hello.")
        assert "audio/mpeg" in str((await ear.refused()).error)


def test_short_and_headerless_sound_is_sound() -> None:
    body = SoundBody("audio/pcm; rate=16000")
    assert body.push(b"abcd") == b""
    assert body.end() == b"abcd"
    assert body.rate == 16_000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "https://api.openai.com/v1/audio/speech"),
        ("http://localhost:8880", "http://localhost:8880/v1/audio/speech"),
        ("http://localhost:8880/", "http://localhost:8880/v1/audio/speech"),
        ("https://a.example/api/v2", "https://a.example/api/v2/audio/speech"),
        ("https://a.example/v1/audio/speech", "https://a.example/v1/audio/speech"),
    ],
)
def test_any_base_leads_to_the_endpoint(url: str, expected: str) -> None:
    assert speech_url(url, insecure=False) == expected


def test_addresses_that_cannot_be_used_are_told() -> None:
    for url in ("http://voice.example", "ftp://x", "https://user:pw@voice.example"):
        with pytest.raises(ConfigError):
            speech_url(url, insecure=False)
    assert speech_url("http://voice.example", insecure=True).startswith("http://voice.example")
    base = VoiceSettings(url="https://a.example/v1", model="models/m")
    assert request_url(base) == "https://a.example/v1/models/m:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    "event",
    ["", "[]", "nonsense", '{"candidates": [{"content": {"parts": [{"inlineData": {"data": "!"}}]}}]}'],
)
def test_events_of_gemini_that_cannot_be_read_are_a_surprise(event: str) -> None:
    with pytest.raises(ProtocolSurprise):
        sound_of(event, "it")


def test_what_gemini_does_not_speak_is_refused() -> None:
    for event in (
        '{"promptFeedback": {"blockReason": "SAFETY"}}',
        '{"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]}',
    ):
        with pytest.raises(InvalidRequest):
            sound_of(event, "it")
    with pytest.raises(CredentialsError):
        sound_of('{"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "x"}}', "it")
    assert sound_of('{"candidates": 3, "more": []}', "it") == []
