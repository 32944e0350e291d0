"""A chat endpoint as a connection, on real sockets: events in order, one answer at a time, every failure."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from neko_cli.core.codecs import chat_frames
from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    RateLimited,
    ServerFault,
)
from neko_cli.core.ports import Endpoint
from neko_cli.core.transport.by_scheme import SchemeTransport
from neko_cli.core.transport.chat_http import WAITING, ChatConnection, ChatTimeouts, ChatTransport
from tests.core.transport.servers import answering, certificate, raw_server, silent
from tests.fakes.http_box import HttpBox, Request, delta, http_box

KEY = "sk-very-secret-key"
CHAT = "/v1/chat/completions"
QUICK = ChatTimeouts(connect=1, write=1, first=2, between=0.4, whole=5)
REQUEST = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True})


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        running.script["/v1/models"] = lambda request: request.answer_json(200, {"data": [{"id": "m"}]})
        yield running


def endpoint(url: str) -> Endpoint:
    return Endpoint(f"{url}{CHAT}", {"Authorization": f"Bearer {KEY}"})


async def opened(box: HttpBox) -> ChatConnection:
    return await ChatTransport(timeouts=QUICK).open(endpoint(box.url))


class Reader:
    """Reads a connection's frames as they come."""

    def __init__(self, connection: ChatConnection) -> None:
        self._frames = connection.frames()

    async def next(self) -> str | bytes | None:
        """The next frame; None at the end."""
        async with asyncio.timeout(5):
            return await anext(self._frames, None)

    async def until(self, last: bytes) -> list[str | bytes | None]:
        """Everything up to a tiding of the connection itself."""
        frames = [await self.next()]
        while frames[-1] not in (last, None):
            frames.append(await self.next())
        return frames


def events(*told: object, done: bool = True) -> Callable[[Request], None]:
    return lambda request: request.events(*told, done=done)


def data(*told: object) -> list[str]:
    return [json.dumps(event) for event in told]


def hang(box: HttpBox, path: str) -> threading.Event:
    """A page that never answers; the event is set when it is asked for."""
    asked = threading.Event()

    def wait(request: Request) -> None:
        asked.set()
        box.released.wait(10)

    box.script[path] = wait
    return asked


async def test_the_answer_comes_event_by_event(box: HttpBox) -> None:
    box.script[CHAT] = events(delta("Hel"), delta("lo"), delta(finish="stop"))
    connection = await opened(box)
    read = Reader(connection)
    assert await read.next() == chat_frames.opened(["m"])
    await connection.send(REQUEST)
    told = data(delta("Hel"), delta("lo"), delta(finish="stop"))
    assert await read.until(chat_frames.ENDED) == [*told, "[DONE]", chat_frames.ENDED]
    sent = box.requests[-1]
    assert (sent.method, sent.body.decode()) == ("POST", REQUEST)
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in f"{connection!r}"
    await connection.close()
    assert await read.next() is None
    assert connection.closing is not None
    assert (connection.closing.code, connection.closing.by_us) == (1000, True)


async def test_the_end_is_seen_though_the_server_holds_the_line(box: HttpBox) -> None:
    def holds(request: Request) -> None:
        request.events(delta("Hi"))
        box.released.wait(10)

    box.script[CHAT] = holds
    connection = await opened(box)
    read = Reader(connection)
    await connection.send(REQUEST)
    assert (await read.until(chat_frames.ENDED))[-1] == chat_frames.ENDED
    await connection.close()


async def test_one_request_at_a_time(box: HttpBox) -> None:
    answers: list[str] = []

    def answer(request: Request) -> None:
        answers.append(request.json["n"])
        request.events(delta(str(request.json["n"])))

    box.script[CHAT] = answer
    connection = await opened(box)
    read = Reader(connection)
    for number in range(3):
        await connection.send(json.dumps({"n": number}))
    for number in range(3):
        frames = await read.until(chat_frames.ENDED)
        assert json.dumps(delta(str(number))) in frames
    assert answers == [0, 1, 2]
    await connection.close()


async def test_too_many_requests_are_refused(box: HttpBox) -> None:
    connection = await opened(box)
    for _ in range(WAITING):
        await connection.send(REQUEST)
    with pytest.raises(LinkError, match="does not get on"):
        await connection.send(REQUEST)
    await connection.close()


async def test_an_answer_is_stopped_and_the_next_one_comes(box: HttpBox) -> None:
    hung_up = threading.Event()

    def endless(request: Request) -> None:
        request.events(delta("Once"), done=False)
        try:
            while not box.released.wait(0.02):
                request.write(b": more\n\n")
        except OSError:
            hung_up.set()

    box.script[CHAT] = endless
    connection = await opened(box)
    read = Reader(connection)
    await read.next()
    await connection.send(REQUEST)
    assert await read.next() == json.dumps(delta("Once"))
    waiting = asyncio.ensure_future(read.next())
    await asyncio.sleep(0)
    await connection.send(chat_frames.CANCEL)
    assert await waiting == chat_frames.CANCELLED
    assert await asyncio.to_thread(hung_up.wait, 5), "the server was not told"
    box.script[CHAT] = events(delta("Next"))
    await connection.send(REQUEST)
    assert json.dumps(delta("Next")) in await read.until(chat_frames.ENDED)
    await connection.close()


async def test_an_answer_is_stopped_before_it_begins(box: HttpBox) -> None:
    asked = hang(box, CHAT)
    connection = await opened(box)
    read = Reader(connection)
    await read.next()
    await connection.send(REQUEST)
    waiting = asyncio.ensure_future(read.next())
    assert await asyncio.to_thread(asked.wait, 5)
    await connection.send(chat_frames.CANCEL)
    assert await waiting == chat_frames.CANCELLED
    await connection.close()


async def test_a_request_that_was_not_made_yet_is_never_made(box: HttpBox) -> None:
    box.script[CHAT] = events(delta("Next"))
    connection = await opened(box)
    read = Reader(connection)
    await connection.send(chat_frames.CANCEL)  # there is nothing to stop
    await connection.send(REQUEST)
    await connection.send(chat_frames.CANCEL)
    await connection.send(chat_frames.CANCEL)
    await connection.send(REQUEST)
    assert (await read.until(chat_frames.CANCELLED))[-1] == chat_frames.CANCELLED
    assert json.dumps(delta("Next")) in await read.until(chat_frames.ENDED)
    assert sum(request.path == CHAT for request in box.requests) == 1
    await connection.close()


async def test_a_refusal_is_told_and_the_connection_stays(box: HttpBox) -> None:
    body = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    box.script[CHAT] = lambda request: request.answer_json(429, body, Retry_After="7")
    connection = await opened(box)
    read = Reader(connection)
    await read.next()
    await connection.send(REQUEST)
    assert await read.next() == chat_frames.refused(429, json.dumps(body), 7.0)
    box.script[CHAT] = events(delta("Hi"))
    await connection.send(REQUEST)
    assert (await read.until(chat_frames.ENDED))[-1] == chat_frames.ENDED
    await connection.close()


async def test_what_an_older_server_refuses_is_left_out(box: HttpBox) -> None:
    def picky(request: Request) -> None:
        if "stream_options" in request.json:
            request.answer_json(400, {"error": "unknown field stream_options"})
        else:
            request.events(delta("Hi"))

    box.script[CHAT] = picky
    connection = await opened(box)
    read = Reader(connection)
    await read.next()
    await connection.send(json.dumps({"stream": True, "stream_options": {"include_usage": True}}))
    assert await read.next() == json.dumps(delta("Hi"))
    assert box.requests[-1].json == {"stream": True}
    await connection.close()


async def test_a_server_that_does_not_stream_is_read_whole(box: HttpBox) -> None:
    whole = {"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}
    box.script[CHAT] = lambda request: request.answer_json(200, whole)
    connection = await opened(box)
    read = Reader(connection)
    await read.next()
    await connection.send(REQUEST)
    assert await read.until(chat_frames.ENDED) == [json.dumps(whole), chat_frames.ENDED]
    await connection.close()


def cut(request: Request) -> None:
    """Breaks off in the middle of a chunk."""
    request.handler.send_response(200)
    request.handler.send_header("Transfer-Encoding", "chunked")
    request.handler.send_header("Content-Type", "text/event-stream")
    request.handler.end_headers()
    event = b"data: " + json.dumps(delta("Hal")).encode() + b"\n\n"
    request.write(f"{len(event):x}\r\n".encode() + event + b"\r\n40\r\nda")


def stalls(request: Request) -> None:
    request.events(delta("Hal"), done=False)
    time.sleep(2)


def endless_line(request: Request) -> None:
    request.head(200, Content_Type="text/event-stream")
    for _ in range(40):
        request.write(b"x" * 65536)


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [(cut, 1006, "was lost"), (stalls, 1006, "said nothing"), (endless_line, 1002, "without an end")],
)
async def test_an_answer_that_breaks_off_ends_the_connection(
    box: HttpBox, action: Callable[[Request], None], code: int, words: str
) -> None:
    box.script[CHAT] = action
    connection = await opened(box)
    read = Reader(connection)
    await connection.send(REQUEST)
    assert (await read.until(b"never"))[-1] is None
    assert connection.closing is not None
    assert connection.closing.code == code
    assert words in connection.closing.reason
    assert not connection.closing.by_us
    with pytest.raises(NekoError):
        await connection.send(REQUEST)
    assert not await connection.probe(1.0)
    await connection.close()
    assert connection.closing.code == code


async def test_closing_takes_no_time_whatever_is_under_way(box: HttpBox) -> None:
    asked = hang(box, CHAT)
    connection = await opened(box)
    read = Reader(connection)
    await read.next()
    await connection.send(REQUEST)
    waiting = asyncio.ensure_future(read.next())
    assert await asyncio.to_thread(asked.wait, 5)
    began = time.monotonic()
    await connection.close()
    await connection.close()
    assert await waiting is None
    assert time.monotonic() - began < 1.0


async def test_a_probe_finds_the_server(box: HttpBox) -> None:
    connection = await opened(box)
    assert await connection.probe(2.0)
    box.script["/v1/models"] = lambda request: request.answer_json(503, {})
    assert not await connection.probe(2.0)
    hang(box, "/v1/models")
    assert not await connection.probe(0.1)
    await connection.close()


# Opening


async def test_a_server_without_a_list_is_taken_as_it_is(box: HttpBox) -> None:
    for answer in (
        lambda request: request.answer_json(404, {}),
        lambda request: request.answer_json(200, ["what"]),
    ):
        box.script["/v1/models"] = answer
        connection = await opened(box)
        assert await Reader(connection).next() == chat_frames.opened([])
        await connection.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, CredentialsError), (429, RateLimited), (500, ServerFault), (302, InvalidRequest)],
)
async def test_a_server_that_refuses_us_is_told_at_once(
    box: HttpBox, status: int, kind: type[NekoError]
) -> None:
    body = {"error": {"message": "no"}}
    box.script["/v1/models"] = lambda request: request.answer_json(status, body, Retry_After="9")
    with pytest.raises(kind) as caught:
        await opened(box)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    if kind is RateLimited:
        assert caught.value.retry_after == 9.0


async def failure(url: str, timeout: float = 5.0) -> NekoError:
    with pytest.raises(NekoError) as caught:
        await ChatTransport(timeouts=QUICK).open(endpoint(url), timeout=timeout)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)
    return caught.value


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (type(error), error.code) == (LinkError, "refused")


async def test_somebody_there_who_says_nothing_or_something_else(box: HttpBox) -> None:
    async with raw_server(silent) as port:
        error = await failure(f"http://127.0.0.1:{port}", timeout=0.2)
        assert (type(error), error.code) == (LinkError, "timeout")
    async with raw_server(answering(b"SSH-2.0-server\r\n")) as port:
        assert (await failure(f"http://127.0.0.1:{port}")).code == "cut"
    error = await failure(box.url.replace("http", "https"))
    assert (error.code, error.permanent) == ("certificate", False)


async def test_a_certificate_of_nobody(tmp_path) -> None:
    server_side, _ = certificate(tmp_path)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=server_side)
    async with server:
        error = await failure(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert (error.code, error.permanent) == ("certificate", True)


async def test_plain_http_goes_to_this_machine_alone() -> None:
    with pytest.raises(ConfigError, match="not be encrypted"):
        await ChatTransport().open(endpoint("http://example.com"))


async def test_the_scheme_chooses_the_transport(box: HttpBox) -> None:
    class Sockets:
        async def open(self, endpoint: Endpoint, *, timeout: float = 10.0):
            raise LinkError("a socket")

    both = SchemeTransport(Sockets(), ChatTransport(timeouts=QUICK))
    connection = await both.open(endpoint(box.url))
    await connection.close()
    with pytest.raises(LinkError, match="a socket"):
        await both.open(Endpoint("ws://127.0.0.1:1"))
