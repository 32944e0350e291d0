"""Playing a file: all of it, from anywhere, at any speed, and what becomes of a loudspeaker that dies."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neko_cli.audio.playback import AHEAD_MS, CHUNK_MS, Playback
from neko_cli.audio.wav import WavReader
from neko_cli.core.errors import AudioError
from tests.fakes.sound import FakeSpeaker

RATE = 8_000


class Player(FakeSpeaker):
    """Plays while it is asked what waits; dies after so many ms."""

    def __init__(self, dies_after_ms: float = 1e9) -> None:
        super().__init__(RATE)
        self.most = 0.0
        self.dies_after_ms = dies_after_ms

    @property
    def queued_ms(self) -> float:
        waiting = super().queued_ms
        self.most = max(self.most, waiting)
        if len(self.everything) / 2 / RATE * 1000 < self.dies_after_ms:
            self.advance(20.0)
        return waiting

    async def drained(self) -> None:
        if len(self.everything) / 2 / RATE * 1000 >= self.dies_after_ms:
            raise AudioError("The loudspeaker was unplugged.")
        self.advance(1e6)
        await super().drained()


def file(path: Path, seconds: float) -> np.ndarray:
    sound = np.random.default_rng(1).integers(-4000, 4000, (int(seconds * RATE), 2)).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.tobytes())
    return sound


async def read(call: Callable[[], bytes]) -> bytes:
    await asyncio.sleep(0)
    return call()


async def played(path: Path, speaker: Player, *, start: float = 0.0, speed: float = 1.0) -> Playback:
    await speaker.open()
    with WavReader.open(path) as wav:
        playback = Playback(wav, read, start=start, speed=speed)
        assert playback.position == start
        await playback.load()
        await playback.run(speaker)
    return playback


@pytest.mark.parametrize("start", [0.0, 0.1, 2.0, 2.9, 3.0, 99.0])
async def test_both_channels_are_heard_to_the_end(tmp_path: Path, start: float) -> None:
    sound = file(tmp_path / "t.wav", 3.0)
    speaker = Player()
    playback = await played(tmp_path / "t.wav", speaker, start=start)
    wanted = np.rint(sound[int(start * RATE) :].astype(float).mean(axis=1)).astype("<i2")
    assert bytes(speaker.everything) == wanted.tobytes()
    assert playback.position == pytest.approx(max(3.0, start), abs=0.001)
    assert speaker.most <= AHEAD_MS + CHUNK_MS


@pytest.mark.parametrize("speed", [0.5, 2.0, 16.0])
async def test_another_speed_takes_another_time_and_ends_at_the_same_place(
    tmp_path: Path, speed: float
) -> None:
    file(tmp_path / "t.wav", 2.0)
    speaker = Player()
    playback = await played(tmp_path / "t.wav", speaker, speed=speed)
    assert len(speaker.everything) / 2 / RATE == pytest.approx(2.0 / speed, rel=0.02)
    assert playback.position == pytest.approx(2.0, rel=0.02)


async def test_a_loudspeaker_that_dies_ends_it(tmp_path: Path) -> None:
    file(tmp_path / "t.wav", 5.0)
    with pytest.raises(AudioError, match="unplugged"):
        async with asyncio.timeout(10):
            await played(tmp_path / "t.wav", Player(dies_after_ms=500.0))
