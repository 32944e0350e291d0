"""The sound test with rooms that are not there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from neko_cli.audio.meters import bar_of
from neko_cli.cli import sound_check
from neko_cli.cli.sound_check import drawn, run
from neko_cli.core.errors import AudioError, NoMicrophone, NoSpeaker
from neko_cli.core.pcm import level_dbfs


@pytest.mark.parametrize(("level", "cells"), [(-96.0, 0), (-60.0, 0), (-30.0, 15), (0.0, 30), (6.0, 30)])
def test_the_meter(level: float, cells: int) -> None:
    assert drawn(bar_of(level), level).count("#") == cells
    assert len(drawn(bar_of(level), level)) == len(drawn(1.0, 0.0))


RATE = 48_000
FRAME = 960
NOISE = b"\x20\x00\xe0\xff" * 240


class Air:
    """A room: what the loudspeaker plays is heard ``delay_s`` later, halved so many times."""

    def __init__(self, *, separated: bool = False, delay_s: float = 0.06, halved: int = 2) -> None:
        self.separated, self.delay_s, self.halved = separated, delay_s, halved
        self.sound = b""
        self.began = 0.0

    def play(self, pcm: bytes) -> None:
        self.sound, self.began = pcm, time.monotonic()

    def between(self, start: float) -> bytes:
        """A frame of what is heard from a moment on."""
        if self.separated or not self.sound:
            return b""
        at = round((start - self.began - self.delay_s) * RATE) * 2
        frame = self.sound[max(0, at) : max(0, at + FRAME)]
        frame = bytes(max(0, min(FRAME, -at))) + frame if at < 0 else frame
        quieter = [
            int.from_bytes(frame[i : i + 2], "little", signed=True) >> self.halved
            for i in range(0, len(frame) & ~1, 2)
        ]
        return b"".join(value.to_bytes(2, "little", signed=True) for value in quieter).ljust(FRAME, b"\0")


class Mouth:
    rate, name, level, queued_ms, underruns, latency_ms = RATE, "Mouth", -20.0, 0.0, 0, 0.0

    def __init__(self, air: Air, missing: bool) -> None:
        self.air, self.missing = air, missing

    @property
    def played(self) -> int:
        passed = time.monotonic() - self.air.began if self.air.sound else 0.0
        return min(len(self.air.sound) // 2, int(passed * RATE))

    async def open(self) -> None:
        if self.missing:
            raise NoSpeaker("There is no loudspeaker.")

    def play(self, pcm: bytes) -> int:
        self.air.play(pcm)
        return len(pcm)

    def clear(self) -> None:
        return

    def take_back(self, keep_ms: float = 0.0) -> bytes:
        return b""

    def hold(self, on: bool) -> None:
        return

    async def drained(self) -> None:
        while self.played < len(self.air.sound) // 2:  # noqa: ASYNC110 (a count)
            await asyncio.sleep(0.01)

    async def lost(self) -> AudioError:
        raise NotImplementedError

    async def close(self) -> None:
        return


class Ear:
    unhurried, raw_level = False, -96.0
    rate, name, level, overflows = RATE, "Ear", -96.0, 0

    def __init__(self, air: Air, missing: bool, noise: bytes, dies: bool) -> None:
        self.air, self.missing, self.noise, self.dies = air, missing, noise, dies

    async def open(self) -> None:
        if self.missing:
            raise NoMicrophone("There is no microphone.", hint="Connect one.")

    async def frames(self) -> AsyncIterator[bytes]:
        began, count = time.monotonic(), 0
        while True:
            count += 1
            await asyncio.sleep(max(0.0, began + count * 0.01 - time.monotonic()))
            if self.dies and count == 10:
                raise AudioError("The microphone was unplugged.")
            heard = self.air.between(began + (count - 1) * 0.01)
            yield heard if level_dbfs(heard) > level_dbfs(self.noise) else self.noise

    async def close(self) -> None:
        return


class Room:
    def __init__(
        self,
        air: Air | None = None,
        *,
        ear: bool = True,
        mouth: bool = True,
        noise: bytes = NOISE,
        dies: bool = False,
    ) -> None:
        self.air = air or Air()
        self.ear, self.mouth, self.noise, self.dies = ear, mouth, noise, dies

    def microphone(self, name: str = "") -> Ear:
        return Ear(self.air, not self.ear, self.noise, self.dies)

    def speaker(self, name: str = "") -> Mouth:
        return Mouth(self.air, not self.mouth)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_check, "QUIET_S", 0.1)


async def findings(room: Room, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, object]:
    assert await run(room, "", "", seconds=0.1, json=True) == code
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("delay_ms", [10, 60, 150])
async def test_a_loudspeaker_that_comes_back(capsys: pytest.CaptureFixture[str], delay_ms: int) -> None:
    found = await findings(Room(Air(delay_s=delay_ms / 1000)), capsys)
    assert found["hears_itself"] is True
    assert found["delay_ms"] == pytest.approx(delay_ms, abs=5)
    assert found["round_trip_ms"] == pytest.approx(delay_ms, abs=15)
    assert found["echo_db"] == pytest.approx(-12.0, abs=0.7)
    assert found["verdict"][0].startswith("Use headphones or echo cancelling: ")  # type: ignore[index]
    assert (found["microphone"], found["microphone_rate"]) == ("Ear", RATE)
    assert (found["overflows"], found["underruns"], found["clipped"]) == (0, 0, 0)
    assert found["noise_floor"] == pytest.approx(-60.0, abs=1.0)
    assert found["problems"] == []


async def test_headphones(capsys: pytest.CaptureFixture[str]) -> None:
    found = await findings(Room(Air(separated=True)), capsys)
    assert (found["hears_itself"], found["delay_ms"], found["echo_db"]) == (False, None, None)
    assert found["verdict"] == ["Full duplex is fine: the microphone does not hear the loudspeaker."]


async def test_a_missing_microphone_does_not_keep_the_loudspeaker_from_its_test(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(Room(ear=False), "", "", seconds=0.05, json=False) == 7
    out, err = capsys.readouterr()
    assert "the test sound was played" in out
    assert "There is no microphone." in err
    assert "Connect one." in err


async def test_a_missing_loudspeaker(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(Room(mouth=False), "", "", seconds=0.05, json=False) == 7
    out, err = capsys.readouterr()
    assert "loudest" in out
    assert "There is no loudspeaker." in err


async def test_nothing_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(Room(mouth=False, ear=False), "", "", seconds=0.05, json=False) == 7
    assert "No sound could be tested." in capsys.readouterr().out


async def test_a_microphone_that_gives_silence_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    found = await findings(Room(Air(separated=True), noise=bytes(FRAME)), capsys, 7)
    assert "hears nothing at all" in found["verdict"][0]  # type: ignore[index]


async def test_a_microphone_that_dies_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = await findings(Room(dies=True), capsys, 7)
    assert found["problems"] == ["The microphone was unplugged."]


async def test_the_meter_is_written_in_lines_where_nobody_sees_it_move(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_check, "METER_LINE_S", 0.1)
    await run(Room(mouth=False), "", "", seconds=0.35, json=False)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.endswith(" dBFS")]
    assert len(lines) == 3
    assert all("\r" not in line for line in lines)
