"""Servers that speak MCP: real ones, made with the official package, over pipes and over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path

import pytest

from neko_cli.core.errors import ToolError
from neko_cli.core.retry import RetryPolicy
from neko_cli.core.tables import ToolServer
from neko_cli.services import tool_link
from neko_cli.services.tool_servers import ToolServers
from neko_cli.services.tool_view import View
from tests.services.tool_parts import LIMIT, NoKeys, Told, ends, lives, pipe_in, read, written
from tests.services.tool_running import SOON, TOOLS, WHAT, running, stdio


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
