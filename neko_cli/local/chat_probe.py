"""Finds a chat server on the usual loopback ports, quickly and without httpx.

A raw connection and one small HTTP request cost about a millisecond a port; importing an HTTP
client alone would take the whole budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from neko_cli.core.codecs.chat_wire import choose_model, model_names
from neko_cli.core.errors import ProtocolSurprise

USUAL_PORTS: tuple[tuple[int, str], ...] = ((11434, "Ollama"), (1234, "LM Studio"), (8080, "llama.cpp"))
"""Default ports and the program that listens there, by each program's own documentation."""

LOOK_S = 0.1
"""How long the search may take in all, in seconds."""

MAX_ANSWER_BYTES = 512 * 1024
"""Largest answer that is read from a port that may be anything."""


class FoundServer(msgspec.Struct, frozen=True):
    """A chat server on this machine, and the models it lists (at least one)."""

    port: int
    program: str
    models: tuple[str, ...]

    @property
    def url(self) -> str:
        """Address for the chat client."""
        return f"http://127.0.0.1:{self.port}"


def has_model(server: FoundServer, wanted: str) -> bool:
    """Whether the server lists the model; ``llama3`` also stands for ``llama3:latest``."""
    return any(wanted in (name, name.partition(":")[0]) for name in server.models)


async def find_chat_server(
    wanted: str = "", *, ports: Sequence[tuple[int, str]] = USUAL_PORTS, budget_s: float = LOOK_S
) -> FoundServer | None:
    """The first port with a chat server that offers a chat model; all ports are asked at once.

    A server that lists the ``wanted`` model goes before the others. Never raises for what a port
    answers; whoever has not answered within the budget is not there.
    """
    found: list[FoundServer | None] = [None] * len(ports)

    async def look(place: int, port: int, program: str) -> None:
        found[place] = await _ask(port, program)

    try:
        async with asyncio.timeout(budget_s), asyncio.TaskGroup() as group:
            for place, (port, program) in enumerate(ports):
                group.create_task(look(place, port, program))
    except TimeoutError:
        pass  # the ones that answered in time are in the list
    servers = [server for server in found if server is not None]
    if wanted:
        servers.sort(key=lambda server: not has_model(server, wanted))
    return servers[0] if servers else None


async def _ask(port: int, program: str) -> FoundServer | None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return None
    try:
        # HTTP/1.0 asks for a body that ends with the connection; answers in 1.1 are understood.
        writer.write(f"GET /v1/models HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode())
        await writer.drain()
        answer = await _read_answer(reader)
        names = model_names(_body(answer))
    except (OSError, ValueError, asyncio.IncompleteReadError, ProtocolSurprise):
        return None
    finally:
        writer.close()
    models = tuple(name for name in names if choose_model([name]))
    return FoundServer(port, program, models) if models else None


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    """Head and body: by its length when it tells one, else until the connection ends."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (
            line.split(b":", 1)[1]
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        None,
    )
    if length is not None:
        if int(length) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too large")
        return head + await reader.readexactly(int(length))
    data = bytearray(head)
    while chunk := await reader.read(65536):
        data += chunk
        if len(data) > MAX_ANSWER_BYTES:
            raise ValueError("the answer is too large")
        if data.endswith(b"\r\n0\r\n\r\n"):  # the end of a chunked body on a connection kept open
            break
    return bytes(data)


def _body(answer: bytes) -> bytes:
    """The body of a 200 answer; raises ValueError for anything else."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status = lines[0].split(b" ")
    if not lines[0].startswith(b"HTTP/") or len(status) < 2 or status[1] != b"200":
        raise ValueError("not a good answer")
    headers = [line.lower().replace(b" ", b"") for line in lines[1:]]
    return _joined_chunks(body) if b"transfer-encoding:chunked" in headers else body


def _joined_chunks(body: bytes) -> bytes:
    """A chunked body in one piece (RFC 9112 §7.1)."""
    out, rest = bytearray(), body
    while True:
        size_text, found, rest = rest.partition(b"\r\n")
        size = int(size_text.split(b";")[0], 16)
        if not found or size < 0 or size > len(rest):
            raise ValueError("a broken chunk")
        if size == 0:
            return bytes(out)
        out += rest[:size]
        rest = rest[size + 2 :]
