"""One call of a program, with real programs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.errors import ToolError
from neko_cli.services.tool_process import MAX_OUTPUT_BYTES, run
from neko_cli.services.tool_program import Program, prepare, tool_environment
from neko_cli.services.tool_results import bounded, last_line, result_of
from neko_cli.services.tool_spawn import GRACE_S
from tests.services.tool_parts import LIMIT, ends, lives, pipe_in, read

WHAT = 'The tool "it"'


def python(code: str, *arguments: str, env: tuple[str, ...] = (), folder: str = "") -> Program:
    return Program(run=(sys.executable, "-c", code, *arguments), env=env, folder=folder)


def shell(line: str) -> Program:
    """The shell is the test's program here; neko uses none."""
    return Program(run=("/bin/sh", "-c", line))


async def said(program: Program, limit: float = LIMIT, **arguments: object) -> str:
    return await run(WHAT, program, arguments, limit)


async def trouble(program: Program, limit: float = LIMIT) -> str:
    with pytest.raises(ToolError) as caught:
        await run(WHAT, program, {}, limit)
    return caught.value.message


# -- results --------------------------------------------------------------------------------


async def test_arguments_come_as_json_and_json_is_passed_on_compact() -> None:
    program = python("import json, sys; print(json.dumps(json.load(sys.stdin), indent=4))")
    assert await said(program, city="Łódź", days=[1, 2]) == '{"city":"Łódź","days":[1,2]}'


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("printf 'sunny\\n'", '{"text":"sunny"}'),
        ("printf '\"sunny\"'", '"sunny"'),
        ("printf '17'", "17"),
        ("printf '{\"a\": tru'", '{"text":"{\\"a\\": tru"}'),
        ("printf '\\033[31mred\\377'", '{"text":"red�"}'),
        ("printf '  \\n'", '{"ok":true}'),
        ("true", '{"ok":true}'),
        ("cat >&2", '{"ok":true}'),
    ],
)
async def test_what_is_no_json_is_told_as_text(line: str, result: str) -> None:
    assert await said(shell(line)) == result


async def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    trap = f"$(touch {tmp_path}/made); `touch {tmp_path}/made`"
    program = python("import json, sys; print(json.dumps(sys.argv[1:]))", trap, "*")
    assert json.loads(await said(program)) == [trap, "*"]
    assert list(tmp_path.iterdir()) == []


async def test_a_program_need_not_read_its_input() -> None:
    assert await said(shell("echo 1"), text="x" * 300_000) == "1"


async def test_it_runs_in_its_folder(tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\npwd\n")
    script.chmod(0o700)
    program = Program(run=("./tool",), folder=str(tmp_path))
    assert json.loads(await said(program))["text"] == str(tmp_path)


# -- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("echo one >&2; printf '\\033]0;x\\007no \\033[1mnetwork\\n\\n' >&2; exit 3", "failed: no network"),
        ("echo lost; exit 3", "failed with exit code 3."),
        ("kill -9 $$", "was ended by signal 9."),
        ("echo 'OPENAI_API_KEY=sk-abcdefghijkl' >&2; exit 1", "failed: OPENAI_API_KEY=[redacted]"),
    ],
)
async def test_a_failure_is_the_last_line_of_standard_error(line: str, sentence: str) -> None:
    assert await trouble(shell(line)) == f"{WHAT} {sentence}"


async def test_a_flood_of_complaints_is_cut_and_not_kept() -> None:
    program = python("import sys; sys.stderr.write('x' * 5_000_000 + '\\nthe end\\n'); sys.exit(1)")
    assert await trouble(program) == f"{WHAT} failed: the end"


async def test_a_flood_of_output_ends_the_program(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    program = shell(f"echo $$ > {pipe}; exec yes")
    async with asyncio.TaskGroup() as group:
        call = group.create_task(trouble(program))
        pid = int(await read(pipe))
    assert call.result() == f"{WHAT} wrote more than 256 KiB and was ended."
    assert ends(pid)


async def test_output_up_to_the_limit_is_taken() -> None:
    program = python(f"print('\"' + 'x' * {MAX_OUTPUT_BYTES - 3} + '\"')")
    assert len(await said(program)) == MAX_OUTPUT_BYTES - 1


async def test_what_is_missing_is_said(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    for program, sentence in (
        (Program(run=("no-such-program",)), "the program “no-such-program” was not found"),
        (Program(run=(f"{tmp_path}/none",)), f"the program “{tmp_path}/none” was not found"),
        (Program(run=(str(plain),)), f"“{plain}” is not executable"),
        (Program(run=(str(tmp_path),)), f"“{tmp_path}” is a folder"),
        (Program(run=("cat",), folder=f"{tmp_path}/none"), f"there is no folder “{tmp_path}/none”"),
    ):
        assert await trouble(program) == f"{WHAT} cannot run: {sentence}."


async def test_what_the_system_refuses_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o700)
    assert await trouble(Program(run=(str(broken),))) == f"{WHAT} cannot run: Exec format error."
    assert await trouble(python("", "a\0b")) == f"{WHAT} cannot run: a zero byte is in its arguments."


# -- time -----------------------------------------------------------------------------------

STUBBORN = (
    "trap '' TERM; (trap '' TERM; exec sleep 300) > /dev/null 2>&1 & "
    "echo $$ $! > {pipe}; while :; do sleep 300; done"
)
"""A program and its child, which both do not want to end."""


async def test_a_call_that_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(trouble(shell(STUBBORN.format(pipe=pipe)), limit=0.5))
        pids = [int(word) for word in (await read(pipe)).split()]
    assert call.result() == f"{WHAT} took longer than 0.5 s and was ended."
    assert time.monotonic() - began >= 0.5 + GRACE_S  # they were asked first
    assert len(pids) == 2
    assert all(ends(pid) for pid in pids)


async def test_who_ends_when_asked_is_not_waited_for(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    line = f"trap 'echo bye > {pipe}; exit' TERM; echo $$ > {pipe}; while :; do sleep 0.05; done"
    async with asyncio.TaskGroup() as group:
        call = group.create_task(trouble(shell(line), limit=0.5))
        pid = int(await read(pipe))
        assert await read(pipe) == "bye\n"
    assert "took longer" in call.result()
    assert ends(pid)


async def test_a_cancelled_call_ends_with_all_that_it_started(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    async with asyncio.TaskGroup() as group:
        call = group.create_task(said(shell(STUBBORN.format(pipe=pipe))))
        pids = [int(word) for word in (await read(pipe)).split()]
        assert all(lives(pid) for pid in pids)
        call.cancel()
    assert call.cancelled()
    assert all(ends(pid) for pid in pids)


async def test_a_call_that_is_cancelled_twice_ends_by_force(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    asked = pipe_in(tmp_path, "asked")
    line = f"trap 'echo > {asked}' TERM; echo $$ > {pipe}; while :; do sleep 300 & wait; done"
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(said(shell(line)))
        pid = int(await read(pipe))
        call.cancel()
        await read(asked)
        call.cancel()
    assert call.cancelled()
    assert ends(pid)
    assert time.monotonic() - began < LIMIT


async def test_what_a_program_leaves_running_is_neither_waited_for_nor_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    pid = json.loads(await said(shell("sleep 300 & echo $!")))
    try:
        assert time.monotonic() - began < LIMIT
        assert lives(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
    assert ends(pid)


# -- environment ----------------------------------------------------------------------------

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


async def test_a_key_reaches_a_tool_only_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("WEATHER_KEY", "sunny")
    plain = await said(python(SHOW))
    assert "sk-secret" not in plain
    assert json.loads(plain)["PATH"] == os.environ["PATH"]
    named = json.loads(await said(python(SHOW, env=("WEATHER_KEY", "NOT_SET"))))
    assert named["WEATHER_KEY"] == "sunny"
    assert {"OPENAI_API_KEY", "NOT_SET"} & set(named) == set()


def test_the_environment_holds_what_is_harmless_and_named() -> None:
    given = {"PATH": "p", "LC_TIME": "de", "XDG_RUNTIME_DIR": "r", "A_TOKEN": "t", "NEKO_X": "n", "b": "b"}
    assert tool_environment(given, ["b"], windows=False) == {
        "PATH": "p", "LC_TIME": "de", "XDG_RUNTIME_DIR": "r", "b": "b",
    }  # fmt: skip
    assert tool_environment({"Path": "p", "SystemRoot": "s", "A_Token": "t"}, windows=True) == {
        "Path": "p", "SystemRoot": "s",
    }  # fmt: skip
    assert tool_environment({"A_Token": "t"}, ["A_TOKEN"], windows=True) == {"A_Token": "t"}


def test_a_program_is_looked_for_where_the_tool_would_look(tmp_path: Path) -> None:
    script = tmp_path / "own"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    assert prepare(WHAT, Program(run=("own", "x")), {"PATH": str(tmp_path)}).argv == (str(script), "x")
    with pytest.raises(ToolError, match="was not found"):
        prepare(WHAT, Program(run=("own",)), {"PATH": "/nowhere"})


# -- pure -----------------------------------------------------------------------------------


@given(st.text(max_size=400), st.integers(120, 300))
def test_a_long_result_is_cut_says_so_and_is_json(text: str, limit: int) -> None:
    whole = result_of(text)
    cut = bounded(whole, limit)
    if len(whole) <= limit:
        assert cut == whole
    else:
        assert len(cut) <= limit
        found = json.loads(cut)
        assert found["note"].startswith("Cut: these are the first ")
        assert found["text"] in whole or found["text"] in json.loads(whole)["text"]


def test_a_cut_keeps_as_much_as_fits() -> None:
    words = json.loads(bounded(json.dumps({"text": "word " * 10_000}), 16_000))["text"]
    assert 15_500 < len(words) < 16_000
    quotes = json.loads(bounded(json.dumps({"list": ['"'] * 10_000}), 16_000))["text"]
    assert 6_000 < len(quotes) < 16_000


@given(st.binary(max_size=200))
def test_any_output_becomes_json_that_is_safe_to_show(output: bytes) -> None:
    result = result_of(output)
    json.loads(result)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in result)


@given(st.binary(max_size=200))
def test_any_complaint_becomes_one_safe_line(errors: bytes) -> None:
    assert all(ord(char) >= 32 for char in last_line(errors))


def test_deep_json_is_told_as_text() -> None:
    assert json.loads(result_of("[" * 100_000))["text"].startswith("[[[")
