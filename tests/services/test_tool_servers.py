"""Servers that speak MCP: real ones, made with the official package, over pipes and over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from neko_cli.core.errors import ToolError
from neko_cli.core.retry import RetryPolicy
from neko_cli.core.tables import ToolServer
from neko_cli.services import tool_link
from neko_cli.services.tool_names import RemoteTool, named, words_of
from neko_cli.services.tool_servers import ToolServers
from neko_cli.services.tool_view import View
from tests.services.tool_parts import LIMIT, NoKeys, Told, ends, lives, pipe_in, read, written

PROGRAM = (sys.executable, "-m", "tests.fakes.mcp_server")
SOON = RetryPolicy(first=0.05, cap=0.2, jitter=0.0, attempts=200)
WHAT = 'The tool server "it"'

TOOLS = "echo add read.file fail picture variable place process wait die grow ask".split()


def stdio(*options: str, **more: object) -> ToolServer:
    return ToolServer(run=(*PROGRAM, "stdio", *options), **more)


class Running:
    """One server called ``it``, and what is told of it."""

    def __init__(self, entry: ToolServer, servers: ToolServers, told: Told) -> None:
        self.entry = entry
        self.servers = servers
        self.told = told

    async def view(self, entry: ToolServer | None = None) -> View:
        if entry is not None:
            self.entry = entry
        return (await self.servers.update({"it": self.entry}))["it"]

    async def names(self) -> list[str]:
        return [tool.name for tool in (await self.view()).tools]

    async def call(self, tool: str, limit: float = LIMIT, **arguments: object) -> object:
        return json.loads(await self.servers.call("it", tool, arguments, limit))

    async def trouble(self, tool: str, limit: float = LIMIT, **arguments: object) -> str:
        with pytest.raises(ToolError) as caught:
            await self.servers.call("it", tool, arguments, limit)
        return caught.value.message


@asynccontextmanager
async def running(
    entry: ToolServer, *, patience: float = LIMIT, policy: RetryPolicy = SOON, **keys: str
) -> AsyncIterator[Running]:
    told = Told()
    servers = ToolServers(NoKeys(**keys), told, patience=patience, policy=policy)
    try:
        yield Running(entry, servers, told)
    finally:
        await servers.close()


@asynccontextmanager
async def http(port: int = 0, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A server over HTTP, and its address."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "http", "--port", str(port), *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT):
            line = await process.stdout.readline()
        yield f"http://127.0.0.1:{int(line)}/mcp", process
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(LIMIT):
            await process.wait()


# -- calls ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--old",), ("--noise",)], ids=["new", "old", "noisy"])
async def test_a_server_offers_its_tools_and_carries_them_out(options: tuple[str, ...]) -> None:
    async with running(stdio(*options)) as it:
        view = await it.view()
        assert (view.problem, view.note) == ("", "")
        assert [tool.name for tool in view.tools] == TOOLS
        assert view.tools[0].description == "Say it again."
        assert view.tools[0].parameters["properties"]["text"]["type"] == "string"
        assert await it.call("echo", text="so") == {"text": "so"}
        assert await it.call("echo", text='{"a": 1}') == {"a": 1}
        assert await it.call("add", a=1, b=2) == {"sum": 3}
        assert await it.call("read.file") == {"text": "a file"}
        picture = await it.call("picture")
        assert picture == {"text": "Here it is:\n[an image, image/png, 72 bytes, which cannot be given here]"}
        assert "Error executing tool fail" in await it.trouble("fail")
        assert await it.trouble("none") == 'The tool "none" of "it" failed: Unknown tool: none'
        assert it.told.count == 0


@pytest.mark.parametrize("options", [(), ("--old",)], ids=["new", "old"])
async def test_a_server_may_not_ask_us_for_anything(options: tuple[str, ...]) -> None:
    async with running(stdio(*options)) as it:
        await it.view()
        assert (await it.trouble("ask")).startswith('The tool "ask" of "it" failed: ')
        assert await it.call("echo", text="still there") == {"text": "still there"}


async def test_a_server_gets_no_key_and_runs_in_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("WEATHER_KEY", "sunny")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    entry = stdio(env=("WEATHER_KEY", "PYTHONPATH"), folder=str(tmp_path))
    async with running(entry) as it:
        await it.view()
        assert await it.call("variable", name="OPENAI_API_KEY") == {"text": "none"}
        assert await it.call("variable", name="WEATHER_KEY") == {"text": "sunny"}
        assert await it.call("place") == {"text": str(tmp_path)}


async def test_a_call_that_takes_too_long_is_cancelled_at_the_server(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    async with running(stdio()) as it:
        await it.view()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(it.trouble("wait", 1.0, pipe=str(pipe)))
            assert await read(pipe) == "begun"
            assert await read(pipe) == "cancelled"
        assert call.result() == 'The tool "wait" of "it" took longer than 1 s and was stopped.'


async def test_a_cancelled_call_is_cancelled_at_the_server(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    async with running(stdio("--old")) as it:
        await it.view()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(it.call("wait", pipe=str(pipe)))
            assert await read(pipe) == "begun"
            call.cancel()
            assert await read(pipe) == "cancelled"
        assert call.cancelled()
        assert await it.call("echo", text="so") == {"text": "so"}


# -- which tools ----------------------------------------------------------------------------


async def test_only_what_the_profile_names_is_offered() -> None:
    async with running(stdio(only=("e*", "read.*"))) as it:
        assert await it.names() == ["echo", "read.file"]
        view = await it.view(stdio(only=("nothing*",)))
        assert (view.tools, view.note) == ((), f"{WHAT} has no tools that `only` allows.")


async def test_tools_come_in_pages_and_not_without_end() -> None:
    async with running(stdio("--many", "120")) as it:
        assert len((await it.view()).tools) == 120
        view = await it.view(stdio("--many", "300"))
        assert len(view.tools) == 128
        assert view.note == f"{WHAT} has more than 128 tools; name those you want under `only`."
        assert [tool.name for tool in (await it.view(stdio("--many", "300", only=("tool299",)))).tools] == [
            "tool299"
        ]


@pytest.mark.parametrize("options", [(), ("--old",)], ids=["new", "old"])
async def test_a_server_that_gets_another_tool_is_looked_at_again(options: tuple[str, ...]) -> None:
    async with running(stdio(*options)) as it:
        assert await it.names() == TOOLS
        assert await it.call("grow") == {"text": "grown"}
        await it.told.again()
        assert await it.names() == [*TOOLS, "fresh"]
        assert await it.call("fresh") == {"text": "new"}


# -- coming and going -----------------------------------------------------------------------


async def test_a_server_that_dies_is_told_and_started_again() -> None:
    async with running(stdio()) as it:
        await it.view()
        assert await it.trouble("die") == 'The tool "die" of "it" failed: its server ended meanwhile.'
        await it.told.again()
        view = await it.view()
        if view.problem:  # it may be back already
            assert view.problem == f"{WHAT} ended unexpectedly (“out of luck”). It is tried again."
            assert [tool.name for tool in view.tools] == TOOLS  # it may be back soon
        assert await it.call("echo", text="back") == {"text": "back"}
        assert await it.view() == View(view.tools)
        assert it.told.count in (1, 2)


async def test_a_server_that_stays_away_offers_nothing(tmp_path: Path) -> None:
    async with running(stdio("--once", str(tmp_path / "mark")), patience=3.0) as it:
        assert await it.names() == TOOLS
        await it.trouble("die")
        await it.told.again()
        assert (await it.view()).tools != ()
        await it.told.again()
        view = await it.view()
        assert view == View(problem=f"{WHAT} ended unexpectedly (“out of luck”). It is tried again.")
        assert await it.trouble("echo", 0.2, text="") == (
            'The tool "echo" of "it" took longer than 0.2 s and was stopped.'
        )
        (tmp_path / "mark").unlink()
        await it.told.again()
        assert await it.names() == TOOLS


async def test_a_server_that_is_late_is_told_and_offered_when_it_comes(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    async with running(stdio("--hold", str(pipe)), patience=0.3) as it:
        began = time.monotonic()
        view = await it.view()
        assert time.monotonic() - began >= 0.3
        assert view == View(problem=f"{WHAT} is not there yet; its tools are offered as soon as it is.")
        assert await it.trouble("echo", text="") == f"{WHAT} is not there at the moment."
        assert await it.view() == view
        await written(pipe)
        await it.told.again()
        assert await it.names() == TOOLS


async def test_a_server_that_cannot_start_says_why_and_is_given_up() -> None:
    policy = RetryPolicy(first=0.01, cap=0.01, attempts=1)
    broken = ToolServer(run=(sys.executable, "-c", "import sys; sys.exit('no \x1b[31mdatabase')"))
    async with running(broken, policy=policy) as it:
        view = await it.view()
        assert view.problem == f"{WHAT} ended unexpectedly (“no database”). It is tried again."
        await it.told.again()
        view = await it.view()
        assert view.problem == f"{WHAT} ended unexpectedly (“no database”). It is not tried again."
        assert await it.trouble("echo") == f"{WHAT} is not there at the moment."
        assert (await it.view()).problem.endswith("It is tried again.")  # somebody asked anew


async def test_a_program_that_is_missing_is_told_at_once() -> None:
    async with running(ToolServer(run=("no-such-server",))) as it:
        assert (await it.view()).problem == (
            f"{WHAT} cannot run: the program “no-such-server” was not found. "
            "Correct `run` in the profile, or install the program. It is not tried again."
        )


async def test_without_the_package_a_server_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    async with running(stdio()) as it:
        assert (await it.view()).problem == (
            f"{WHAT} needs the package mcp: pip install 'neko-cli[mcp]'. It is not tried again."
        )


async def test_a_server_ends_with_all_that_it_started() -> None:
    async with running(stdio()) as it:
        await it.view()
        found = await it.call("process")
        assert isinstance(found, dict)
        pids = [int(word) for word in found["text"].split()]
        assert all(lives(pid) for pid in pids)
        began = time.monotonic()
        await it.servers.close()
        assert time.monotonic() - began < 5.0
        assert all(ends(pid) for pid in pids)
        await it.servers.close()
        assert await it.trouble("echo") == f"{WHAT} is not there at the moment."
        assert await it.names() == TOOLS  # and again


async def test_a_server_that_does_not_want_to_end_is_ended(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    line = f"trap '' TERM; echo $$ > {pipe}; while :; do sleep 300; done"
    async with running(ToolServer(run=("/bin/sh", "-c", line)), patience=0.1) as it:
        async with asyncio.TaskGroup() as group:
            view = group.create_task(it.view())
            pid = int(await read(pipe))
        assert "not there yet" in view.result().problem
        began = time.monotonic()
        await it.servers.close()
        assert time.monotonic() - began < 5.0
        assert ends(pid)


async def test_servers_come_and_go_with_the_table() -> None:
    told = Told()
    servers = ToolServers(NoKeys(), told, patience=LIMIT, policy=SOON)

    async def pid(name: str) -> int:
        return int(json.loads(await servers.call(name, "process", {}, LIMIT))["text"].split()[0])

    try:
        views = await servers.update({"one": stdio(), "two": stdio()})
        assert list(views) == ["one", "two"]
        one, two = await pid("one"), await pid("two")
        await servers.update({"one": stdio(), "three": stdio(only=("process",))})
        assert await pid("one") == one
        assert ends(two)
        await servers.update({"one": stdio("--old")})
        assert ends(one)
        await servers.update({})
        with pytest.raises(ToolError, match="not there"):
            await servers.call("one", "process", {}, LIMIT)
    finally:
        await servers.close()
    assert told.count == 0


async def test_what_a_server_complains_goes_to_the_log_alone(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="neko_cli.services.tool_pipes")
    async with running(stdio()) as it:
        await it.view()
        await it.trouble("die")
        await it.told.again()
        await it.call("echo", text="a secret word")
    assert "tool server it: out of luck" in caplog.text
    assert "a secret word" not in caplog.text
    assert capfd.readouterr() == ("", "")


async def test_a_line_without_end_is_the_end_of_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    policy = RetryPolicy(first=0.01, attempts=0)
    async with running(ToolServer(run=(sys.executable, "-c", code)), policy=policy) as it:
        assert (await it.view()).problem == f"{WHAT} ended unexpectedly. It is not tried again."


async def test_close_does_not_wait_for_a_server_that_does_not_answer(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    async with running(ToolServer(run=("/bin/sh", "-c", f"echo > {pipe}; exec cat > /dev/null"))) as it:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            view = group.create_task(it.view())
            await read(pipe)
            await it.servers.close()
        assert view.result() == View()
        assert time.monotonic() - began < tool_link.CONNECT_LIMIT_S / 4


# -- over HTTP ------------------------------------------------------------------------------


async def test_a_server_is_spoken_to_over_http() -> None:
    async with http() as (url, _), running(ToolServer(url=url)) as it:
        assert await it.names() == TOOLS
        assert await it.call("add", a=1, b=2) == {"sum": 3}
        assert await it.call("grow") == {"text": "grown"}
        await it.told.again()
        assert await it.names() == [*TOOLS, "fresh"]


async def test_a_key_is_sent_and_nothing_else_is_let_in() -> None:
    async with http(0, "--token", "tk-1") as (url, _):
        entry = ToolServer(url=url, key="FILES_KEY")
        async with running(entry, FILES_KEY="tk-1") as it:
            assert await it.names() == TOOLS
        async with running(entry, FILES_KEY="tk-2") as it:
            place = url.removeprefix("http://").removesuffix("/mcp")
            assert (await it.view()).problem == (
                f"{WHAT} at {place} rejected the key. Check the key for this server. It is not tried again."
            )
    async with running(entry) as it:
        assert (await it.view()).problem.startswith(f"{WHAT} needs the key FILES_KEY, and there is none.")


async def test_a_server_over_http_that_went_away_is_found_again() -> None:
    async with running(ToolServer(url="http://127.0.0.1:9/mcp")) as it:
        async with http() as (url, process):
            port = int(url.rpartition(":")[2].partition("/")[0])
            it.entry = ToolServer(url=url)
            assert await it.names() == TOOLS
            process.kill()
            async with asyncio.timeout(LIMIT):
                await process.wait()
            await it.trouble("echo", 0.5, text="")
            await it.told.again()
        async with http(port):
            assert await it.call("echo", text="back") == {"text": "back"}
            assert (await it.view()).problem == ""


async def test_an_address_where_nobody_is_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with running(ToolServer(url=f"http://127.0.0.1:{port}/mcp")) as it:
        assert (await it.view()).problem == (
            f"{WHAT} at 127.0.0.1:{port} cannot be reached (ConnectError). It is tried again."
        )


@pytest.mark.parametrize("url", ["http://example.com/mcp", "ftp://example.com", "https://a:b@example.com/"])
async def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    async with running(ToolServer(url=url)) as it:
        assert (await it.view()).problem.startswith(f"{WHAT} cannot be used: ")


# -- names and words ------------------------------------------------------------------------


def remote(name: str, **parameters: object) -> RemoteTool:
    return RemoteTool(name, "Words.", {"type": "object", **parameters})


def test_names_are_made_to_fit_and_what_cannot_be_is_told() -> None:
    tools = [
        remote("read.file"),
        remote("read/file"),
        remote("x" * 60),
        remote(""),
        remote("größe"),
        remote("list"),
    ]
    fit, problems = named("files", [*tools, remote("ok", big="x" * 40_000)], taken={"files__list"})
    assert [(one.spec.name, one.tool) for one in fit] == [
        ("files__read_file", "read.file"),
        ("files__gr__e", "größe"),
    ]
    assert problems == [
        'The tool "read/file" of "files" is left out: another one is called "files__read_file" as well.',
        f'The tool "{"x" * 60}" of "files" is left out: its name is too long or empty.',
        'The tool "" of "files" is left out: its name is too long or empty.',
        'The tool "list" of "files" is left out: another one is called "files__list" as well.',
        'The tool "ok" of "files" is left out: the description of its arguments is too long.',
    ]


def part(kind: str, **fields: object) -> SimpleNamespace:
    return SimpleNamespace(type=kind, **fields)


def test_what_is_no_text_is_named() -> None:
    blob = "A" * 40_000
    content = [
        part("text", text="one"),
        part("image", mime_type="image/png", data="AAAA"),
        part("audio", mime_type="audio/wav", data=blob),
        part("resource_link", name="notes", uri="file:///notes", description="My\nnotes"),
        part("resource", resource=SimpleNamespace(uri="file:///a", text="inside")),
        part("resource", resource=SimpleNamespace(uri="file:///b", blob=blob)),
        part("text", text=""),
        part("hologram"),
    ]
    assert words_of(content).splitlines() == [
        "one",
        "[an image, image/png, 3 bytes, which cannot be given here]",
        "[a sound, audio/wav, 30 kB, which cannot be given here]",
        "[the resource notes at file:///notes: My notes]",
        "inside",
        "[the resource file:///b, 30 kB, which is not text]",
        "[a part of another kind]",
    ]
