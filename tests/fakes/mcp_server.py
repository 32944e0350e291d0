"""A server that speaks MCP, made with the official package's own classes; tests start it as a program.

``python -m tests.fakes.mcp_server [stdio|http] [options]``; over HTTP its port is the first line of its
standard output. Its tools do what a client has to cope with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp.types.version as versions
from mcp import types
from mcp.server import Server
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types.jsonrpc import JSONRPCError

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(64)
PAGE = 50


def tools() -> MCPServer[Any]:
    """The usual server."""
    server: MCPServer[Any] = MCPServer("fake", log_level="WARNING")

    @server.tool(structured_output=False)
    def echo(text: str) -> str:
        """Say it again."""
        return text

    @server.tool()
    def add(a: int, b: int) -> dict[str, int]:
        """Add two numbers."""
        return {"sum": a + b}

    @server.tool(name="read.file", structured_output=False)
    def read_file() -> str:
        return "a file"

    @server.tool()
    def fail() -> str:
        raise ValueError("the disk is \x1b[31mfull")

    @server.tool(structured_output=False)
    def picture() -> list[Any]:
        return ["Here it is:", Image(data=PIXEL, format="png")]

    @server.tool(structured_output=False)
    def variable(name: str) -> str:
        return os.environ.get(name, "none")

    @server.tool(structured_output=False)
    def place() -> str:
        return str(Path.cwd())

    @server.tool(structured_output=False)
    def process() -> str:
        """Its number, and that of a program that it started."""
        child = subprocess.Popen(["sleep", "300"])
        return f"{os.getpid()} {child.pid}"

    @server.tool(structured_output=False)
    async def wait(pipe: str) -> str:
        """Wait without end; a named pipe is told when that begins, and when it is cancelled."""
        Path(pipe).write_text("begun")
        try:
            await asyncio.sleep(300)
        except asyncio.CancelledError:
            Path(pipe).write_text("cancelled")
            raise
        return "done"

    @server.tool(structured_output=False)
    def die() -> str:
        print("out of \x1b[1mluck", file=sys.stderr, flush=True)
        os._exit(3)

    @server.tool(structured_output=False)
    async def grow(ctx: Context[Any, Any]) -> str:
        """Get another tool, and tell."""
        server.add_tool(lambda: "new", name="fresh", structured_output=False)
        if ctx.protocol_version in versions.MODERN_PROTOCOL_VERSIONS:
            await ctx.notify_tools_changed()
        else:
            await ctx.session.send_tool_list_changed()
        return "grown"

    @server.tool(structured_output=False)
    async def ask(ctx: Context[Any, Any]) -> str:
        """Ask the client's model something."""
        message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="hi"))
        params = types.CreateMessageRequestParams(messages=[message], max_tokens=1)
        answer = await ctx.session.send_request(
            types.CreateMessageRequest(params=params), types.CreateMessageResult
        )
        return repr(answer)

    return server


def many(count: int) -> Server[Any]:
    """A server of so many tools, told in pages."""

    async def page(_: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        first = int(params.cursor) if params is not None and params.cursor else 0
        last = min(first + PAGE, count)
        return types.ListToolsResult(
            tools=[
                types.Tool(name=f"tool{number}", input_schema={"type": "object"})
                for number in range(first, last)
            ],
            next_cursor=str(last) if last < count else None,
        )

    return Server("many", on_list_tools=page)


class OldEars:
    """Incoming messages of a server that knows the protocol's older versions alone."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def __aiter__(self) -> OldEars:
        return self

    async def __anext__(self) -> Any:
        while True:
            item = await self._incoming.__anext__()
            message = item.message
            if getattr(message, "method", "") != "server/discover":
                return item
            error = types.ErrorData(code=types.METHOD_NOT_FOUND, message="Method not found")
            answer = JSONRPCError(jsonrpc="2.0", id=message.id, error=error)
            await self._outgoing.send(SessionMessage(answer))

    async def receive(self) -> Any:
        return await self.__anext__()

    async def aclose(self) -> None:
        await self._incoming.aclose()

    async def __aenter__(self) -> OldEars:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def guarded(app: Any, token: str) -> Any:
    """An ASGI application that wants a Bearer token."""

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", [])).get(b"authorization", b"").decode()
        if scope["type"] == "http" and given != f"Bearer {token}":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"go away"})
            return
        await app(scope, receive, send)

    return checked


async def over_http(server: MCPServer[Any], port: int, token: str) -> None:
    import uvicorn  # not for those that speak over pipes

    app = server.streamable_http_app()
    with socket.create_server(("127.0.0.1", port)) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(
            guarded(app, token) if token else app, log_level="error", timeout_graceful_shutdown=1
        )
        await uvicorn.Server(config).serve([listening])


async def over_stdio(server: Server[Any], *, old: bool = False) -> None:
    async with stdio_server() as (incoming, outgoing):
        ears: Any = OldEars(incoming, outgoing) if old else incoming
        await server.run(ears, outgoing, server.create_initialization_options())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=["stdio", "http"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="")
    parser.add_argument("--old", action="store_true")
    parser.add_argument("--many", type=int, default=0)
    parser.add_argument("--noise", action="store_true")
    parser.add_argument("--once", default="", help="a file that the first start makes; later ones fail")
    parser.add_argument("--hold", default="", help="a named pipe: it begins when somebody has written")
    chosen = parser.parse_args()
    if chosen.once:
        try:
            os.close(os.open(chosen.once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            sys.exit("started before")
    if chosen.hold:
        Path(chosen.hold).read_bytes()
    if chosen.noise:
        print("Welcome to the \x1b[31mfake server!", flush=True)
    if chosen.many:
        asyncio.run(over_stdio(many(chosen.many)))
        return
    server = tools()
    if chosen.way == "http":
        asyncio.run(over_http(server, chosen.port, chosen.token))
    else:
        asyncio.run(over_stdio(server._lowlevel_server, old=chosen.old))


if __name__ == "__main__":
    main()
