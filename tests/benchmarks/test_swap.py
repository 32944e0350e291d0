"""The benchmark of swaps measures what it says: real sockets, other processes, real time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from benchmarks import swap
from benchmarks.kit import crowd, fanout
from benchmarks.kit.process import allow_files, open_files, resident_bytes, threads
from benchmarks.kit.provider import ANSWER, Provider
from benchmarks.kit.proxy import Proxy
from benchmarks.kit.sessions import PacedMicrophone, make_session, until
from benchmarks.kit.stats import Limit, Reading, Series, readings, table
from neko_cli.core.events import InputMode, ReplyAudio, TurnEnded
from tests.hygiene.tree import ROOT

posix = pytest.mark.skipif(sys.platform == "win32", reason="file descriptors, signals")


def test_a_figure_is_kept_or_broken_by_its_limit() -> None:
    lines = readings(
        [
            Reading("a", 12_345.6, "events/s"),
            Reading("b", 0.5, "times", 0.5),
            Reading("c", 0.51, "times", 0.5),
        ]
    ).splitlines()
    assert "12,346 events/s" in lines[0]
    assert [line.split()[-1] for line in lines] == ["events/s", "kept", "BROKEN"]


def test_short_times_are_shown_with_their_decimals() -> None:
    line = table([], [Limit(Series("gap", [1.234, 1.234, 45.6]), milliseconds=20)]).splitlines()[1]
    assert "1.23 ms" in line
    assert "46 ms" in line


@posix
def test_open_files_and_memory_are_this_processes(tmp_path: Path) -> None:
    before, memory = open_files(), resident_bytes()
    with (tmp_path / "one").open("w") as file:
        ballast = bytearray(os.urandom(1 << 20)) * 50
        assert open_files().keys() - before.keys() == {file.fileno()}
        assert resident_bytes() - memory > 0.9 * len(ballast)
    assert open_files() == before
    assert "MainThread" in threads()
    assert allow_files(16) == 16  # more are allowed already


async def test_the_microphone_keeps_real_time_and_ends_when_closed() -> None:
    microphone = PacedMicrophone(bytes(48_000), 24_000)
    await microphone.open()
    started, frames = time.perf_counter(), 0
    async for frame in microphone.frames():
        assert len(frame) == 480
        frames += 1
        if frames == 20:
            await microphone.close()
    assert frames == 20
    assert 0.19 <= time.perf_counter() - started < 2


@posix
async def test_the_provider_answers_and_ends_with_its_context() -> None:
    with Provider() as provider:
        session = make_session(provider.url)
        reader = session.events()
        await session.start_session(InputMode.TEXT)
        await session.send_message("How are you?")
        assert (await until(reader, ReplyAudio)).ms == 100
        assert (await until(reader, TurnEnded)).text == ANSWER
        await session.cleanup()
    with pytest.raises(OSError, match="refused|Connect call failed"):
        await connect(provider.url, proxy=None)


@posix
async def test_the_proxy_holds_answers_back_and_resets() -> None:
    with Provider() as provider:
        async with Proxy(provider.url) as proxy, connect(proxy.url, proxy=None) as socket:
            assert "session.created" in str(await socket.recv())
            proxy.hold()
            await socket.send('{"type": "session.update", "session": {}}')
            await proxy.asked()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.1)
            proxy.reset()
            with pytest.raises(ConnectionClosedError) as ended:
                await socket.recv()
            assert isinstance(ended.value.__cause__, ConnectionResetError)


@posix
@pytest.mark.parametrize("part", ["gaps", "losses"])
def test_swaps_and_losses_are_measured(part: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert swap.main(["--only", part, "--runs", "6"]) == 0
    lines = capfd.readouterr().out.splitlines()
    words = {"gaps": ("bare connect", "quiet moment", "user speaking"), "losses": ("healthy", "warm", "cold")}
    for word in words[part]:
        assert any(word in line for line in lines), lines


@posix
async def test_many_sessions_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"IDLE_S": 0.3, "SENDING_S": 0.3, "BARE": 2}.items():
        monkeypatch.setattr(crowd, name, value)
    with Provider() as provider:
        figures = await crowd.measure(provider.url, [1, 3])
    assert [row["count"] for row in figures["rows"]] == [1, 3]
    for row in figures["rows"]:
        assert row["sending"] > row["idle"] > 0
        assert row["pace"] > 0.8
    assert figures["bare"] > 0


async def test_the_stream_is_measured_beside_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "EVENTS", 500)
    monkeypatch.setattr(fanout, "ROUNDS", 1)
    found = await fanout.fanout()
    assert [one.unit for one in found] == ["events/s", "events/s", "times"] * 2
    assert all(one.value > 0 for one in found)


@pytest.mark.parametrize(("most", "code"), [(2.0, 0), (0.5, 1)])
def test_check_fails_when_a_limit_is_broken(most: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Reading("a figure", 1.0, "times", most)
    monkeypatch.setattr(swap, "PARTS", {"events": lambda runs: swap._figures([one])})
    assert swap.main(["--check"]) == code
    assert swap.main([]) == 0


def test_it_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.swap", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "--check" in done.stdout
