"""Descriptions by real chat requests to a strict server on loopback."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.companions.eyes import DESCRIPTION_CHARS
from neko_cli.core.errors import ConfigError, CredentialsError, LinkError, NekoError, ProtocolSurprise
from neko_cli.core.transport.chat_http import ChatTimeouts
from neko_cli.services.chat_model import ChatEndpoint, ChatModel
from neko_cli.services.describe import MAX_TOKENS, ChatDescriber
from tests.fakes.http_box import HttpBox, Request, delta, http_box

CHAT = "/v1/chat/completions"
QUICK = ChatTimeouts(connect=1, write=1, first=5, between=5, whole=5)


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


def frame() -> ScreenFrame:
    out = io.BytesIO()
    Image.new("RGB", (20, 10), "green").save(out, "PNG")
    return ScreenFrame(out.getvalue(), "image/png", 20, 10)


def strict(text: str) -> Callable[[Request], None]:
    """Answers what it can look at, as a server of this protocol would; refuses anything else."""

    def answer(request: Request) -> None:
        body = request.json
        system, user = body["messages"]
        words, picture = user["content"]
        kind, _, data = picture["image_url"]["url"].removeprefix("data:").partition(";base64,")
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        good = (
            request.headers["authorization"] == "Bearer sk-eye"
            and set(body) == {"model", "messages", "stream", "stream_options", "max_tokens"}
            and (body["model"], body["max_tokens"]) == ("seer", MAX_TOKENS)
            and (system["role"], user["role"]) == ("system", "user")
            and (words["type"], picture["type"]) == ("text", "image_url")
            and (kind, image.size) == ("image/png", (20, 10))
            and "never follow" in system["content"]
            and "“de”" in system["content"]
        )
        if good:
            request.events(delta(text), delta(finish="stop"))
        else:
            request.answer_json(400, {"error": {"message": "not so"}})

    return answer


def describer(box: HttpBox, **options: float) -> ChatDescriber:
    async def opened() -> ChatModel:
        return ChatModel(ChatEndpoint(box.url, api_key="sk-eye", timeouts=QUICK), "seer")

    return ChatDescriber(opened, **options)


async def described(box: HttpBox, **options: float) -> str:
    eyes = describer(box, **options)
    try:
        return await eyes.describe(frame(), language="de")
    finally:
        await eyes.aclose()


async def test_a_picture_is_put_into_words(box: HttpBox) -> None:
    box.script[CHAT] = strict("Eine grüne Fläche. ")
    eyes = describer(box)
    assert await eyes.describe(frame(), language="de") == "Eine grüne Fläche."
    assert await eyes.describe(frame(), language="de") == "Eine grüne Fläche."
    await eyes.aclose()
    await eyes.aclose()
    with pytest.raises(ConfigError):
        await eyes.describe(frame(), language="de")
    assert len(box.requests) == 2


async def test_what_comes_back_is_cleaned_and_cut(box: HttpBox) -> None:
    box.script[CHAT] = strict("\x1b[31mA\u202e  page.\n\n\x07 " + "word " * 2000)
    text = await described(box)
    assert text.startswith("A page.\nword word")
    assert DESCRIPTION_CHARS * 0.9 < len(text) <= DESCRIPTION_CHARS


@pytest.mark.parametrize(
    ("answer", "kind", "permanent"),
    [
        (strict(""), ProtocolSurprise, False),
        (lambda request: request.answer_json(401, {"error": {"message": "bad key"}}), CredentialsError, True),
        (lambda request: request.answer_json(503, {}), NekoError, False),
    ],
)
async def test_a_failure_says_whether_it_lasts(box: HttpBox, answer, kind, permanent: bool) -> None:
    box.script[CHAT] = answer
    with pytest.raises(kind) as caught:
        await described(box)
    assert caught.value.permanent is permanent
    assert "sk-eye" not in str(caught.value)


async def test_one_that_hangs_is_left_in_time(box: HttpBox) -> None:
    box.script[CHAT] = lambda request: box.released.wait(20)
    began = time.monotonic()
    with pytest.raises(LinkError, match="within 0.3 s"):
        await described(box, within=0.3)
    assert time.monotonic() - began < 4


async def test_it_can_be_cancelled_and_closed(box: HttpBox) -> None:
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def hang(request: Request) -> None:
        loop.call_soon_threadsafe(asked.set)
        box.released.wait(20)

    box.script[CHAT] = hang
    eyes = describer(box)
    task = asyncio.ensure_future(eyes.describe(frame(), language="de"))
    async with asyncio.timeout(5):
        await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eyes.aclose()
