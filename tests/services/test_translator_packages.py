"""googletrans and translatepy against servers on loopback: what they ask for, and how they fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import googletrans
import httpx
import pytest

from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    ProtocolSurprise,
    RateLimited,
    ServerFault,
)
from neko_cli.services.translator_free import FreeTranslator
from neko_cli.services.translator_google import GoogleTranslator
from tests.fakes.http_box import HttpBox, Request, http_box

GOOGLE = "/translate_a/single"
MEMORY = "/get"
WAIT = 10.0
"""Seconds after which a test has failed."""


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


class Rerouted(httpx.AsyncBaseTransport):
    """Requests to anywhere go to the box."""

    def __init__(self, box: HttpBox) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.box = box
        self.hosts: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.url.host)
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.box.port)
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


def google(box: HttpBox) -> GoogleTranslator:
    def make() -> Any:
        translator = googletrans.Translator(raise_exception=True)
        translator.client = httpx.AsyncClient(transport=Rerouted(box), timeout=WAIT)
        return translator

    return GoogleTranslator(make)


def query(request: Request) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}


async def once(translator: GoogleTranslator, text: str = "Hello [[71]]!", **tags: str) -> str:
    try:
        async with asyncio.timeout(WAIT):
            return await translator.translate(text, **{"source": "en", "target": "de", **tags})
    finally:
        await translator.aclose()


def google_says(*sentences: str) -> Callable[[Request], None]:
    parts = [[said, "x", None, None, 1] for said in sentences]
    return lambda request: request.answer_json(200, [parts, None, "en"])


@pytest.mark.parametrize(
    ("source", "target", "sl", "tl"),
    [
        ("en", "de", "en", "de"),
        ("zh", "en", "zh-cn", "en"),
        ("en", "zh-Hant", "en", "zh-tw"),
        ("xx", "ja", "auto", "ja"),
    ],
)
async def test_google_is_asked_in_its_own_tags(
    box: HttpBox, source: str, target: str, sl: str, tl: str
) -> None:
    box.script[GOOGLE] = google_says("Hallo ", "[[71]]!")
    assert await once(google(box), source=source, target=target) == "Hallo [[71]]!"
    asked = query(box.requests[0])
    assert (asked["sl"], asked["tl"], asked["q"]) == (sl, tl, "Hello [[71]]!")


@pytest.mark.parametrize(
    ("answer", "error", "permanent"),
    [
        (lambda request: request.answer(429, Retry_After="7"), RateLimited, False),
        (lambda request: request.answer(503), ServerFault, False),
        (lambda request: request.answer(403), CredentialsError, True),
        (lambda request: request.answer(302, Location="/sorry"), InvalidRequest, True),
        (lambda request: request.answer(200, b"<html>not this</html>"), ProtocolSurprise, False),
        (lambda request: request.answer(200, b""), ProtocolSurprise, False),
        (lambda request: request.answer_json(200, 5), ProtocolSurprise, False),
        (lambda request: request.answer_json(200, [[None]]), ProtocolSurprise, False),
        (lambda request: request.answer(200, b" " * 1_000_001), ProtocolSurprise, False),
        (lambda request: request.handler.wfile.write(b"garbage\r\n\r\n"), LinkError, False),
    ],
)
async def test_google_fails_in_our_own_words(
    box: HttpBox, answer: Callable[[Request], None], error: type[NekoError], permanent: bool
) -> None:
    box.script[GOOGLE] = answer
    with pytest.raises(error) as caught:
        await once(google(box))
    assert type(caught.value) is error
    assert caught.value.permanent is permanent
    assert "Hello" not in str(caught.value)
    if error is RateLimited:
        assert caught.value.retry_after == 7
    assert len(box.requests) == 1


async def test_google_that_hangs_can_be_left(box: HttpBox) -> None:
    box.script[GOOGLE] = lambda request: box.released.wait(WAIT)
    translator = google(box)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await translator.translate("Hello", source="en", target="de")
    box.script[GOOGLE] = google_says("Hallo")
    assert await once(translator, "Hello") == "Hallo"


async def test_google_does_not_know_every_language(box: HttpBox) -> None:
    with pytest.raises(InvalidRequest, match="“xx”"):
        await once(google(box), target="xx")
    assert box.requests == []


async def test_a_package_that_is_not_there_is_a_sentence() -> None:
    def make() -> Any:
        raise ImportError("googletrans")

    with pytest.raises(ConfigError, match=r"neko-cli\[translate\]") as caught:
        await once(GoogleTranslator(make))
    assert caught.value.permanent


def free(box: HttpBox, patience: float = WAIT) -> FreeTranslator:
    def services(request: Any) -> list[Any]:
        from translatepy.translators import MyMemoryTranslate

        memory = MyMemoryTranslate(request=request)
        memory.base_url = box.url + MEMORY
        memory._translations_cache.clear()
        return [memory]

    return FreeTranslator(patience, services)


async def ask_free(translator: FreeTranslator, target: str = "de", within: float = WAIT) -> str:
    async with asyncio.timeout(within):
        return await translator.translate("Hello [[71]]!", source="en", target=target)


def memory_says(text: str) -> Callable[[Request], None]:
    return lambda request: request.answer_json(200, {"matches": [{"translation": text, "source": "en-GB"}]})


async def test_translatepy_is_asked_and_its_entities_are_read(box: HttpBox) -> None:
    box.script[MEMORY] = memory_says("Wie geht&#39;s [[71]]?")
    assert await ask_free(free(box)) == "Wie geht's [[71]]?"
    assert query(box.requests[0]) == {"q": "Hello [[71]]!", "langpair": "en|de"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: request.answer(500),
        lambda request: request.answer(200, b"nonsense"),
        lambda request: request.answer_json(200, {"matches": []}),
        lambda request: request.answer_json(200, ["what"]),
        lambda request: request.answer(302, Location="/elsewhere"),
        lambda request: request.handler.wfile.write(b"garbage\r\n\r\n"),
    ],
)
async def test_translatepy_fails_in_our_own_words(box: HttpBox, answer: Callable[[Request], None]) -> None:
    box.script[MEMORY] = answer
    box.script["/elsewhere"] = memory_says("Hallo")
    translator = free(box)
    with pytest.raises(LinkError) as caught:
        await ask_free(translator)
    assert not caught.value.permanent
    assert [request.path.partition("?")[0] for request in box.requests] == [MEMORY]
    box.script[MEMORY] = memory_says("Hallo")
    assert await ask_free(translator) == "Hallo"


async def test_translatepy_does_not_know_every_language(box: HttpBox) -> None:
    with pytest.raises(ConfigError) as caught:
        await ask_free(free(box), target="qqq")
    assert caught.value.permanent
    assert box.requests == []


async def test_translatepy_gets_a_time_limit_that_it_lacks(box: HttpBox) -> None:
    box.script[MEMORY] = lambda request: box.released.wait(WAIT)
    with pytest.raises(LinkError):
        await ask_free(free(box, patience=0.3), within=5)


async def test_an_abandoned_request_of_translatepy_keeps_others_out_and_nothing_alive(box: HttpBox) -> None:
    box.script[MEMORY] = lambda request: box.released.wait(WAIT)
    translator = free(box)
    with pytest.raises(TimeoutError):
        await ask_free(translator, within=0.3)
    thread = next(t for t in threading.enumerate() if t.name == "translatepy")
    assert thread.daemon
    with pytest.raises(LinkError, match="another text"):
        await ask_free(translator)
    box.released.set()
    await asyncio.to_thread(thread.join, WAIT)
    assert not thread.is_alive()
    box.script[MEMORY] = memory_says("Hallo")
    assert await ask_free(translator) == "Hallo"
