"""Coding agents reach the chat by MCP: the official client talks to our server, and that to a real bus."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from neko_cli.core.tables_agents import AgentsTable
from neko_cli.services.agent_bus import ZmqBus
from neko_cli.services.folders import Folders
from neko_cli.services.mcp_server import make_server
from tests.cli.running import command, environment, neko
from tests.fakes.agent_peer import PATIENCE, Ears

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="private sockets")


@pytest.fixture
async def ears(tmp_path: Path) -> AsyncIterator[Ears]:
    """A chat runs."""
    bus, there = ZmqBus(Folders.find({"NEKO_HOME": str(tmp_path)}).run), Ears()
    await bus.open(AgentsTable(), there, character="Neko", profile="default")
    yield there
    await bus.close()


async def call(client: Any, name: str, **arguments: Any) -> tuple[bool, str]:
    """Whether it went well, and the words."""
    result = await asyncio.wait_for(client.call_tool(name, arguments), PATIENCE * 2)
    return not result.is_error, " ".join(part.text for part in result.content)


def run_folder(home: Path) -> Path:
    return Folders.find({"NEKO_HOME": str(home)}).run


async def test_the_tools_tell_ask_and_list(tmp_path: Path, ears: Ears) -> None:
    async with Client(make_server(run_folder(tmp_path))) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"notify", "ask_user", "list_sessions"}
        assert all(tool.description for tool in tools.values())
        assert await call(client, "notify", text="It is built.", status="partial", detail="d") == (
            True,
            "Neko will tell it.",
        )
        event = await ears.next()
        assert (event.summary, event.status, event.detail, event.channel) == (
            "It is built.",
            "partial",
            "d",
            "agent",
        )
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(call(client, "ask_user", question="Which branch?", seconds=60))
            assert (await ears.next()).question == "Which branch?"
            ears.answer.set_result("The main one.")
            assert await asking == (True, "The main one.")
        ok, listed = await call(client, "list_sessions")
        assert ok
        assert '"character": "Neko"' in listed
        assert '"waiting_results": 2' in listed


async def test_nobody_runs_is_an_error_that_the_agent_can_read(tmp_path: Path) -> None:
    async with Client(make_server(run_folder(tmp_path))) as client:
        for name, arguments in (("notify", {"text": "x"}), ("ask_user", {"question": "x"})):
            ok, words = await call(client, name, **arguments)
            assert not ok
            assert "No chat is running." in words
        assert (await call(client, "list_sessions"))[0]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("notify", {"text": ""}),
        ("notify", {"text": "x" * 501}),
        ("notify", {"text": "x", "status": "odd"}),
        ("ask_user", {"question": "x", "seconds": 0}),
        ("ask_user", {"question": "x", "seconds": 1e9}),
    ],
)
async def test_arguments_are_checked(name: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    async with Client(make_server(run_folder(tmp_path))) as client:
        assert not (await call(client, name, **arguments))[0]


async def test_the_program_speaks_over_its_pipes_and_ends_with_them(tmp_path: Path, ears: Ears) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "neko_cli", "mcp"], env=environment(tmp_path, PYTHONWARNINGS=None)
    )
    async with asyncio.timeout(PATIENCE * 3), Client(stdio_client(server)) as client:
        assert await call(client, "notify", text="Hello.") == (True, "Neko will tell it.")
        assert (await ears.next()).summary == "Hello."


def test_without_input_it_ends_at_once_and_says_nothing(tmp_path: Path) -> None:
    done = neko("mcp", home=tmp_path, env={"PYTHONWARNINGS": None})
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Traceback" not in done.stderr


def test_ctrl_c_ends_it_while_it_reads(tmp_path: Path) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    with subprocess.Popen(
        command("mcp"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path, PYTHONWARNINGS=None),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who runs the tests may ignore it
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            assert server.stderr is not None
            server.stdin.write(json.dumps(hello).encode() + b"\n")
            server.stdin.flush()
            assert b'"neko"' in server.stdout.readline()
            server.send_signal(signal.SIGINT)
            assert server.wait(PATIENCE) == 130
            assert server.stderr.read() == b""
        finally:
            server.kill()


def test_without_the_package_it_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mcp").mkdir()
    (tmp_path / "mcp" / "__init__.py").write_text("raise ImportError('none')")
    root = Path(__file__).resolve().parents[2]
    done = neko("mcp", home=tmp_path / "home", env={"PYTHONPATH": f"{tmp_path}:{root}"})
    assert done.returncode == 2
    assert b"neko-cli[mcp]" in done.stderr
