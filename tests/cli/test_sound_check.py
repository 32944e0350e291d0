"""The pure parts of the sound test, and its run with devices that are not there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from neko_cli.audio.meters import bar_of
from neko_cli.cli import sound_check
from neko_cli.cli.sound_check import drawn, hears, run, summary, tone, tone_level
from neko_cli.core.errors import NoMicrophone, NoSpeaker
from neko_cli.core.pcm import level_dbfs
from neko_cli.core.ports import DeviceInfo


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_the_tone_is_found_at_its_own_frequency_and_level(rate: int) -> None:
    pcm = tone(rate)
    assert len(pcm) == 2 * rate
    assert tone_level(pcm, rate) == pytest.approx(-12.0, abs=0.5)
    assert tone_level(pcm, rate, 440.0) < -40
    assert pcm[:2] == pcm[-2:] == b"\0\0"


def test_nothing_and_silence_have_no_tone() -> None:
    assert tone_level(b"", 48_000) < -100
    assert tone_level(bytes(9600), 48_000) < -100


@pytest.mark.parametrize(("level", "cells"), [(-96.0, 0), (-60.0, 0), (-30.0, 15), (0.0, 30), (6.0, 30)])
def test_the_meter(level: float, cells: int) -> None:
    assert drawn(bar_of(level), level).count("#") == cells
    assert len(drawn(bar_of(level), level)) == len(drawn(1.0, 0.0))


def test_what_counts_as_heard() -> None:
    assert hears(-90.0, -40.0)
    assert not hears(-45.0, -40.0)


class Air:
    """A room: the microphone hears what the loudspeaker plays, when they are not separated."""

    def __init__(self, *, separated: bool = False) -> None:
        self.sound = bytearray()
        self.separated = separated


class Mouth:
    rate, name, level, played, queued_ms = 48_000, "Mouth", -20.0, 0, 0.0

    def __init__(self, air: Air, missing: bool) -> None:
        self.air, self.missing = air, missing

    async def open(self) -> None:
        if self.missing:
            raise NoSpeaker("There is no loudspeaker.")

    def play(self, pcm: bytes) -> int:
        if not self.air.separated:
            self.air.sound += pcm
        return len(pcm)

    def clear(self) -> None:
        self.air.sound.clear()

    async def drained(self) -> None:
        return

    async def close(self) -> None:
        return


class Ear:
    rate, name = 48_000, "Ear"

    def __init__(self, air: Air, missing: bool, noise: bytes) -> None:
        self.air, self.missing, self.noise = air, missing, noise
        self.level = -96.0

    async def open(self) -> None:
        if self.missing:
            raise NoMicrophone("There is no microphone.", hint="Connect one.")

    async def frames(self) -> AsyncIterator[bytes]:
        import asyncio

        while True:
            await asyncio.sleep(0.001)
            frame = bytes(self.air.sound[:960]) or self.noise
            del self.air.sound[:960]
            self.level = level_dbfs(frame)
            yield frame

    async def close(self) -> None:
        return


class Room:
    def __init__(
        self, *, ear: bool = True, mouth: bool = True, separated: bool = False, noise: bytes = b""
    ) -> None:
        self.air = Air(separated=separated)
        self.ear, self.mouth, self.noise = ear, mouth, noise or b"\x20\x00\xe0\xff" * 240

    async def devices(self) -> Sequence[DeviceInfo]:
        return []

    def microphone(self, name: str = "") -> Ear:
        return Ear(self.air, not self.ear, self.noise)

    def speaker(self, name: str = "") -> Mouth:
        return Mouth(self.air, not self.mouth)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_check, "TONE_S", 0.2)


@pytest.mark.parametrize(("separated", "heard"), [(False, True), (True, False)])
async def test_a_room(capsys: pytest.CaptureFixture[str], separated: bool, heard: bool) -> None:
    assert await run(Room(separated=separated), "", "", seconds=0.05, json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hears_itself"] is heard
    assert found["microphone"] == "Ear"
    assert -70 < found["loudest"] < -40
    assert found["problems"] == []


async def test_a_missing_microphone_does_not_keep_the_loudspeaker_from_its_test(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run(Room(ear=False), "", "", seconds=0.05, json=False) == 7
    out, err = capsys.readouterr()
    assert "the tone was played" in out
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
    assert await run(Room(noise=bytes(960)), "", "", seconds=0.05, json=False) == 7
    assert "muted" in capsys.readouterr().err


def test_a_name_from_a_device_is_sanitised() -> None:
    text = summary(sound_check.Result(microphone="a\x1b[31mb", loudest=-10.0))
    assert "\x1b" not in text
