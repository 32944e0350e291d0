"""Reading standard input."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from neko_cli.cli import stdin
from neko_cli.cli.stdin import InputReader, can_hold_text, decode, is_terminal
from neko_cli.core.errors import ConfigError


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for number in (writing, reading):
        try:
            os.close(number)
        except OSError:
            continue


async def test_everything_until_the_end(pipe: tuple[int, int]) -> None:
    reader = InputReader(pipe[0])
    os.write(pipe[1], "\ufeffhé".encode()[:4])
    os.write(pipe[1], "\ufeffhé".encode()[4:] + b"llo\xff")
    os.close(pipe[1])
    assert await reader.text() == "héllo\ufffd"


async def test_a_silent_pipe_is_left_alone_after_the_wait(pipe: tuple[int, int]) -> None:
    reader = InputReader(pipe[0])
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await reader.text(wait=0.05) == ""
    assert loop.time() - began < 2


async def test_a_pipe_that_spoke_up_is_read_to_its_end(pipe: tuple[int, int]) -> None:
    reader = InputReader(pipe[0])
    os.write(pipe[1], b"first ")
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(reader.text(wait=1.0))
        await asyncio.to_thread(os.write, pipe[1], b"second")
        os.close(pipe[1])
    assert reading.result() == "first second"


async def test_an_unreadable_input_is_a_sentence(tmp_path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(ConfigError, match="cannot be read"):
            await InputReader(folder).text()
    finally:
        os.close(folder)


async def test_too_much_text_is_refused(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdin, "MAX_TEXT_BYTES", 10)
    os.write(pipe[1], b"x" * 11)
    with pytest.raises(ConfigError, match="1 MiB"):
        await InputReader(pipe[0]).text()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n", ["one"]),
        (b"one\r\n\ntwo", ["one", "", "two"]),
        ("é\u2028x\n".encode(), ["é\u2028x"]),
    ],
)
async def test_lines(pipe: tuple[int, int], data: bytes, lines: list[str]) -> None:
    os.write(pipe[1], data)
    os.close(pipe[1])
    assert [line async for line in InputReader(pipe[0]).lines()] == lines


async def test_a_line_is_there_before_the_next_one_is(pipe: tuple[int, int]) -> None:
    lines = InputReader(pipe[0]).lines()
    os.write(pipe[1], b"one\ntw")
    async with asyncio.timeout(5):
        assert await anext(lines) == "one"
        os.write(pipe[1], b"o\n")
        assert await anext(lines) == "two"


def test_what_can_hold_text(pipe: tuple[int, int], tmp_path) -> None:
    assert can_hold_text(pipe[0])
    assert not is_terminal(pipe[0])
    one, other = socket.socketpair()
    with one, other, (tmp_path / "f").open("w") as file:
        assert can_hold_text(one.fileno())
        assert can_hold_text(file.fileno())
    with open(os.devnull) as nothing:  # noqa: PTH123 - a device, not a path of ours
        assert not can_hold_text(nothing.fileno())
    assert not can_hold_text(9999)
    assert not is_terminal(9999)


def test_decode() -> None:
    assert decode(b"\xef\xbb\xbfa\xff") == "a\ufffd"
