"""The tools of a profile as one: what is offered, what is wrong, and calls of all kinds."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from neko_cli.core.errors import ToolError
from neko_cli.core.ports import Toolbox
from neko_cli.core.tables import CommandTool, PythonTool, ToolServer, ToolsTable
from neko_cli.services import toolbox
from neko_cli.services.toolbox import SystemToolbox
from tests.services.tool_parts import LIMIT, NoKeys, Told, ends, pipe_in, read

CAT = CommandTool(run=("cat",), description="Says what it hears.", parameters={"properties": {"a": {}}})
SERVER = ToolServer(run=(sys.executable, "-m", "tests.fakes.mcp_server", "stdio"), only=("echo", "process"))
DICE = '''
def roll(sides: int) -> int:
    """Roll a die."""
    return sides
'''


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[SystemToolbox]:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "dice.py").write_text(DICE)
    made: Toolbox = SystemToolbox(NoKeys(), tools, patience=LIMIT)
    assert isinstance(made, SystemToolbox)
    yield made
    await made.close()


async def call(box: SystemToolbox, name: str, **arguments: object) -> Any:
    return json.loads(await box.call(name, arguments))


async def test_tools_of_all_kinds_are_offered_and_carried_out(box: SystemToolbox) -> None:
    table = ToolsTable(
        command={"cat": CAT, "now": CommandTool(run=("true",))},
        python={"roll": PythonTool(entry="dice:roll")},
        mcp={"files": SERVER},
    )
    offer = await box.offer(table)
    assert offer.problems == ()
    assert [spec.name for spec in offer.specs] == ["cat", "now", "roll", "files__echo", "files__process"]
    cat, now, roll, echo, _ = offer.specs
    assert (cat.description, cat.parameters) == (CAT.description, {"type": "object", "properties": {"a": {}}})
    assert now.parameters == {"type": "object", "properties": {}}
    assert (roll.description, roll.parameters["required"]) == ("Roll a die.", ["sides"])
    assert echo.parameters["required"] == ["text"]
    assert await call(box, "cat", a=1) == {"a": 1}
    assert await call(box, "now") == {"ok": True}
    assert await call(box, "roll", sides=6) == 6
    assert await call(box, "files__echo", text="so") == {"text": "so"}


async def test_what_the_profile_says_goes_before_what_a_function_says(box: SystemToolbox) -> None:
    words = PythonTool(entry="dice:roll", description="Dice!")
    whole = PythonTool(entry="none:none", description="Not looked at.", parameters={"type": "object"})
    offer = await box.offer(ToolsTable(python={"words": words, "whole": whole}))
    assert [spec.description for spec in offer.specs] == ["Dice!", "Not looked at."]
    assert offer.specs[0].parameters["required"] == ["sides"]
    assert offer.problems == ()


async def test_one_bad_tool_does_not_hide_the_others(box: SystemToolbox) -> None:
    table = ToolsTable(
        command={"lost": CommandTool(run=("no-such-program",)), "cat": CAT,
                 "odd": CommandTool(run=("cat",), parameters={"type": "string"})},
        python={"none": PythonTool(entry="dice:none"), "roll": PythonTool(entry="dice:roll")},
        mcp={"lost": ToolServer(run=("no-such-server",)), "files": SERVER},
    )  # fmt: skip
    offer = await box.offer(table)
    assert [spec.name for spec in offer.specs] == ["cat", "roll", "files__echo", "files__process"]
    assert sorted(problem.partition(":")[0] for problem in offer.problems) == [
        'The tool "lost" cannot run',
        'The tool "none" failed',
        'The tool "odd" is left out',
        'The tool server "lost" cannot run',
    ]


async def test_functions_that_hang_when_they_are_imported_are_left_out(
    box: SystemToolbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbox, "DESCRIBE_ALL_S", 2.0)
    monkeypatch.setattr(toolbox, "AT_ONCE", 1)
    (tmp_path / "tools" / "slow.py").write_text("import time\ntime.sleep(300)")
    slow = PythonTool(entry="slow:f")
    offer = await box.offer(ToolsTable(command={"cat": CAT}, python={"one": slow, "two": slow}))
    assert [spec.name for spec in offer.specs] == ["cat"]
    assert offer.problems == (
        'The tool "one" is left out: it was not described in time.',
        'The tool "two" is left out: it was not described in time.',
    )


async def test_two_tools_of_one_name_are_told(box: SystemToolbox) -> None:
    table = ToolsTable(
        command={"files__echo": CAT, "roll": CAT},
        python={"roll": PythonTool(entry="dice:roll")},
        mcp={"files": SERVER},
    )
    offer = await box.offer(table)
    assert [spec.name for spec in offer.specs] == ["files__echo", "roll", "files__process"]
    assert offer.problems == (
        'Two tools are called "roll"; only the first one is offered.',
        'The tool "echo" of "files" is left out: another one is called "files__echo" as well.',
    )
    assert await call(box, "roll", a=1) == {"a": 1}


async def test_only_what_was_offered_is_carried_out(box: SystemToolbox) -> None:
    await box.offer(ToolsTable(command={"cat": CAT}))
    with pytest.raises(ToolError, match="no such tool"):
        await box.call("roll", {})
    await box.offer(ToolsTable())
    with pytest.raises(ToolError, match="no such tool"):
        await box.call("cat", {})


async def test_a_long_result_is_cut(box: SystemToolbox) -> None:
    await box.offer(ToolsTable(command={"cat": CAT}))
    result = await box.call("cat", {"text": "x" * 100_000})
    assert len(result) <= 16_000
    assert json.loads(result)["note"].endswith(" of 100000 characters.")


async def test_each_tool_has_its_time(box: SystemToolbox) -> None:
    sleep = CommandTool(run=("sleep", "300"))
    long = CommandTool(run=("sleep", "300"), time_limit=0.2)
    await box.offer(ToolsTable(command={"own": long, "usual": sleep}, time_limit=0.4))
    for name, seconds in (("own", "0.2"), ("usual", "0.4")):
        with pytest.raises(ToolError, match=f"took longer than {seconds} s"):
            await box.call(name, {})


async def test_a_cancelled_call_ends_its_program(box: SystemToolbox, tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    await box.offer(ToolsTable(command={"it": CommandTool(run=("sh", "-c", f"echo $$ > {pipe}; sleep 300"))}))
    async with asyncio.TaskGroup() as group:
        calling = group.create_task(box.call("it", {}))
        pid = int(await read(pipe))
        calling.cancel()
    assert calling.cancelled()
    assert ends(pid)


async def test_changes_of_a_server_are_told_and_closing_ends_it(box: SystemToolbox) -> None:
    told = Told()
    box.watch(told)
    table = ToolsTable(mcp={"files": ToolServer(run=SERVER.run)})
    await box.offer(table)
    await call(box, "files__grow")
    await told.again()
    assert "files__fresh" in [spec.name for spec in (await box.offer(table)).specs]
    pid = int((await call(box, "files__process"))["text"].split()[0])
    began = time.monotonic()
    await box.close()
    await box.close()
    assert time.monotonic() - began < 5.0
    assert ends(pid)
    with pytest.raises(ToolError, match="not there"):
        await box.call("files__echo", {"text": ""})
    assert "files__echo" in [spec.name for spec in (await box.offer(table)).specs]


async def test_a_mistake_of_ours_does_not_end_the_conversation(
    box: SystemToolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr("neko_cli.services.tool_servers.ToolServers.update", broken)
    offer = await box.offer(ToolsTable(command={"cat": CAT}))
    assert "Something went wrong inside neko" in offer.problems[0]


def test_nothing_heavy_is_loaded_before_a_server_is_named() -> None:
    code = (
        "import asyncio, sys\n"
        "from neko_cli.core.tables import ToolsTable\n"
        "from neko_cli.services.toolbox import SystemToolbox\n"
        "offer = asyncio.run(SystemToolbox(None).offer(ToolsTable()))\n"
        "assert offer.specs == offer.problems == ()\n"
        "print(sorted({'mcp', 'pydantic', 'anyio', 'httpx2', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "[]\n"
