"""The chat client against a real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.addresses import is_loopback
from neko_cli.core.codecs.chat_wire import (
    ChatText,
    ChatTool,
    ChatUsage,
    EventStream,
    ReplyAssembler,
    ThoughtFilter,
)
from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    ProtocolSurprise,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)
from neko_cli.core.transport.chat_http import ChatTimeouts
from neko_cli.services.chat_model import ChatEndpoint, ChatModel, list_models
from neko_cli.services.http_rules import api_base, checked_url, retry_after_s
from tests.fakes.http_box import HttpBox, Request, delta, http_box

QUICK = ChatTimeouts(connect=1, write=1, first=1, between=0.3, whole=3)
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


def model_at(box: HttpBox, key: str = "", name: str = "small") -> ChatModel:
    return ChatModel(ChatEndpoint(box.url, api_key=key, timeouts=QUICK), name)


async def collect(model: ChatModel, **options: object) -> list[object]:
    try:
        return [part async for part in model.stream(HELLO, **options)]  # type: ignore[arg-type]
    finally:
        await model.aclose()


async def test_text_arrives_in_pieces_and_usage_at_the_end(box: HttpBox) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
    box.script["/v1/chat/completions"] = lambda request: request.events(
        delta(role="assistant"), delta("Good "), delta("day."), delta(finish="stop"), usage
    )
    parts = await collect(model_at(box, "sk-test"), max_tokens=20)
    assert parts == [ChatText("Good "), ChatText("day."), ChatUsage(7, 3)]
    sent = box.requests[0]
    assert sent.headers["authorization"] == "Bearer sk-test"
    assert sent.json == {
        "model": "small",
        "messages": HELLO,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 20,
    }


async def test_tool_call_deltas_are_joined_in_order(box: HttpBox) -> None:
    def call(index: int, **more: object) -> dict[str, object]:
        return delta(tool_calls=[{"index": index, **more}])

    box.script["/v1/chat/completions"] = lambda request: request.events(
        call(0, id="a", function={"name": "weather", "arguments": ""}),
        call(0, function={"arguments": '{"city":'}),
        call(1, id="b", function={"name": "light", "arguments": '{"on":true}'}),
        call(0, function={"arguments": '"Rome"}'}),
        delta(finish="tool_calls"),
    )
    tool = {"type": "function", "name": "weather", "description": "d", "parameters": {"type": "object"}}
    parts = await collect(model_at(box), tools=[tool], tool_choice="weather")
    assert parts == [ChatTool("a", "weather", '{"city":"Rome"}'), ChatTool("b", "light", '{"on":true}')]
    assert box.requests[0].json["tools"][0]["function"]["name"] == "weather"
    assert box.requests[0].json["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


def test_calls_that_share_a_number_are_told_apart_by_id() -> None:
    assembler = ReplyAssembler("here")
    for name in ("a", "b"):
        call = {"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}}
        assembler.feed(_json(delta(tool_calls=[call])))
    assert [part.name for part in assembler.finish() if isinstance(part, ChatTool)] == ["a", "b"]


async def test_a_server_that_does_not_stream_is_understood(box: HttpBox) -> None:
    whole = {"choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}]}
    box.script["/v1/chat/completions"] = lambda request: request.answer_json(200, whole)
    assert await collect(model_at(box)) == [ChatText("Hi.")]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "bad key"}}, CredentialsError),
        (403, {}, CredentialsError),
        (402, {"error": "pay first"}, QuotaExhausted),
        (429, {"error": {"message": "quota", "code": "insufficient_quota"}}, QuotaExhausted),
        (429, {"error": {"message": "slow down"}}, RateLimited),
        (400, {"error": {"message": "no"}}, InvalidRequest),
        (404, {"error": {"message": "model not found"}}, InvalidRequest),
        (422, {"detail": "what"}, InvalidRequest),
        (302, {}, InvalidRequest),
        (500, {}, ServerFault),
        (503, {}, ServerFault),
    ],
)
async def test_a_refusal_becomes_the_right_error(
    box: HttpBox, status: int, body: object, kind: type[NekoError]
) -> None:
    box.script["/v1/chat/completions"] = lambda request: request.answer_json(status, body, Retry_After="7")
    with pytest.raises(kind) as caught:
        await collect(model_at(box, "sk-secret"))
    assert type(caught.value) is kind
    assert "sk-secret" not in str(caught.value)
    if kind in (RateLimited, ServerFault):
        assert caught.value.retry_after == 7


async def test_what_a_server_refuses_is_left_out_once(box: HttpBox) -> None:
    def action(request: Request) -> None:
        if "stream_options" in request.json:
            request.answer_json(400, {"error": {"message": "unknown field stream_options"}})
        elif "max_tokens" in request.json:
            request.answer_json(400, {"error": {"message": "use max_completion_tokens"}})
        else:
            request.events(delta("fine", finish="stop"))

    box.script["/v1/chat/completions"] = action
    assert await collect(model_at(box), max_tokens=9) == [ChatText("fine")]
    assert box.requests[-1].json["max_completion_tokens"] == 9


async def test_a_reply_that_breaks_off_is_a_lost_link(box: HttpBox) -> None:
    box.script["/v1/chat/completions"] = lambda request: request.events(delta("Hal"), done=False)
    with pytest.raises(LinkError, match="broke off"):
        await collect(model_at(box))


async def test_an_error_inside_the_stream_is_raised(box: HttpBox) -> None:
    box.script["/v1/chat/completions"] = lambda request: request.events(
        delta("Hal"), {"error": {"message": "out of memory", "code": 500}}
    )
    with pytest.raises(ServerFault, match="out of memory"):
        await collect(model_at(box))


async def test_garbage_is_a_protocol_surprise(box: HttpBox) -> None:
    def action(request: Request) -> None:
        request.head(200, Content_Type="text/event-stream")
        request.write(b"data: {nonsense\n\n")

    box.script["/v1/chat/completions"] = action
    with pytest.raises(ProtocolSurprise):
        await collect(model_at(box))


async def test_a_silent_server_times_out_in_each_phase(box: HttpBox) -> None:
    def silent(request: Request) -> None:
        box.released.wait(10)

    def stalls(request: Request) -> None:
        request.events(delta("Hal"), done=False)
        box.released.wait(10)

    loop = asyncio.get_running_loop()
    for action in (silent, stalls):
        box.script["/v1/chat/completions"] = action
        began = loop.time()
        with pytest.raises(LinkError, match="said nothing"):
            await collect(model_at(box))
        assert loop.time() - began < 2.5


async def test_nobody_there_is_one_clear_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(LinkError, match=f"No connection to 127.0.0.1:{port}"):
        await collect(ChatModel(ChatEndpoint(f"http://127.0.0.1:{port}", timeouts=QUICK), "m"))


async def test_closing_the_iterator_closes_the_connection(box: HttpBox) -> None:
    gone = threading.Event()

    def endless(request: Request) -> None:
        request.head(200, Content_Type="text/event-stream")
        with contextlib.suppress(OSError):
            while not box.released.wait(0.01):
                request.write(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
        gone.set()

    box.script["/v1/chat/completions"] = endless
    model = model_at(box)
    stream = model.stream(HELLO)
    assert await anext(stream) == ChatText("x")
    await stream.aclose()
    assert await asyncio.to_thread(gone.wait, 5)
    await model.aclose()


async def test_endless_talk_and_endless_lines_are_ended() -> None:
    assembler = ReplyAssembler("here")
    for _ in range(10):
        assembler.feed(_json(delta("x" * 100_000)))
    with pytest.raises(ProtocolSurprise, match="stop talking"):
        assembler.feed(_json(delta("x" * 100_000)))
    stream = EventStream()
    for _ in range(10):
        assert list(stream.feed(b"x" * 100_000)) == []
    with pytest.raises(ProtocolSurprise, match="without an end"):
        list(stream.feed(b"x" * 100_000))


async def test_loopback_is_never_proxied(box: HttpBox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    box.script["/v1/chat/completions"] = lambda request: request.events(delta("here", finish="stop"))
    assert await collect(model_at(box)) == [ChatText("here")]


async def test_complete_and_list_models(box: HttpBox) -> None:
    box.script["/v1/chat/completions"] = lambda request: request.events(
        delta(" one"), delta(" two ", finish="stop")
    )
    box.script["/v1/models"] = lambda request: request.answer_json(
        200, {"data": [{"id": "a"}, {"id": "b"}, {}]}
    )
    model = model_at(box)
    assert await model.complete(HELLO) == "one two"
    await model.aclose()
    assert await list_models(box.url) == ["a", "b"]
    box.script["/v1/models"] = lambda request: request.answer(200, b"<html>")
    with pytest.raises(ProtocolSurprise):
        await list_models(box.url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "http://example.com",
        "http://",
        "nonsense",
        "http://u:p@127.0.0.1",
        "http://[::1",
        "http://a b/",
    ],
)
def test_a_bad_address_is_a_sentence(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ChatModel(ChatEndpoint(url), "m")
    assert ":p@" not in str(caught.value)


def test_a_key_that_is_none_is_refused_before_it_can_leak() -> None:
    with pytest.raises(CredentialsError) as caught:
        ChatModel(ChatEndpoint("http://127.0.0.1:1", api_key="sk-secret\n"), "m")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(ChatEndpoint("http://127.0.0.1:1", api_key="sk-secret"))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("http://localhost:1234/", "http://localhost:1234/v1"),
        ("https://host/api/v3", "https://host/api/v3"),
        ("https://host/v1/chat/completions", "https://host/v1"),
    ],
)
def test_the_base_address(url: str, base: str) -> None:
    assert api_base(checked_url(url)) == base


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("a.localhost", False),
        ("localhost.evil.com", False),
    ],
)
def test_loopback_names(host: str, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours


def test_retry_after_as_number_date_and_nonsense() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after_s({"Retry-After": "2.5"}) == 2.5
    assert retry_after_s({"retry-after": "Thu, 01 Jan 2026 00:00:09 GMT"}, now) == 9
    assert retry_after_s({"retry-after": "Thu, 01 Jan 2025 00:00:09 GMT"}, now) == 0
    assert retry_after_s({"retry-after": "1e9"}) == 3600
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({"retry-after": "nan"}) is None
    assert retry_after_s({}) is None


@given(st.lists(st.integers(1, 5)))
def test_thoughts_are_left_out_however_they_are_cut(sizes: list[int]) -> None:
    text = "<think>\nlet me see <b> </think>\n\nThe answer <think> is 4."
    thoughts, out = ThoughtFilter(), ""
    for size in [*sizes, len(text)]:
        piece, text = text[:size], text[size:]
        out += thoughts.push(piece)
    assert out + thoughts.finish() == "The answer <think> is 4."


def test_text_that_only_begins_like_a_thought_is_kept() -> None:
    thoughts = ThoughtFilter()
    assert thoughts.push("<th") + thoughts.push("e end>") + thoughts.finish() == "<the end>"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_end_in_parts_or_a_neko_error(data: bytes, size: int) -> None:
    stream, assembler = EventStream(), ReplyAssembler("here")
    with contextlib.suppress(NekoError):
        for at in range(0, len(data), size):
            for event in stream.feed(b"data: " + data[at : at + size] + b"\n\n"):
                assembler.feed(event)
        assembler.finish()


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "index",
                    "id",
                    "usage",
                    "prompt_tokens",
                    "completion_tokens",
                    "error",
                    "code",
                    "finish_reason",
                ]  # fmt: skip
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(_json_values)
def test_any_json_ends_in_parts_or_a_neko_error(value: object) -> None:
    assembler = ReplyAssembler("here")
    with contextlib.suppress(NekoError):
        assembler.feed(_json(value))
        assembler.finish()


def _json(value: object) -> bytes:
    import json

    return json.dumps(value).encode()
