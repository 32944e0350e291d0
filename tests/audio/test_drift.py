"""Hours of talk in minutes: the real devices' callbacks at two clocks that differ, on virtual time.

The loudspeaker runs on the system's clock, the microphone 100 ppm faster: in two hours it captures 0.72 s
more than was played. Rings, resamplers, playout and echo canceller are the real ones; the room is a delay.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neko_cli.audio import echo as echo_module
from neko_cli.audio import microphone as microphone_module
from neko_cli.audio import speaker as speaker_module
from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.core.pcm import Resampler
from neko_cli.core.playout import Playout
from tests.fakes.driven import DrivenMicrophone, DrivenSpeaker
from tests.simulation.loop import VirtualLoop

RATE, WIRE = 48_000, 24_000
BLOCK = RATE // 100
PPM = 100.0
ROOM_MS = 60.0
ECHO_GAIN = 0.3
REPLY_S, EVERY_S = 6.0, 8.0
PIECES = (997, 1_499, 241, 2_399)
"""Samples of the pieces of a reply, in turn."""

LOOKS = 40
"""How often memory, threads and queues are looked at in a run."""


def pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Room:
    """Carries what is played to a microphone whose clock runs faster; sound waits here as bytes."""

    def __init__(self, ppm: float) -> None:
        import soxr

        self._stream = soxr.ResampleStream(RATE, RATE * (1 + ppm * 1e-6), 1, dtype="float32")
        self._pieces: deque[Any] = deque([np.zeros(int(RATE * ROOM_MS / 1000), np.float32)])
        self._noise = np.random.default_rng(2).normal(scale=8.0, size=RATE * 3)
        self.level = int(RATE * ROOM_MS / 1000)
        self._at = 0

    def played(self, block: bytes) -> None:
        sound = np.frombuffer(block, "<i2").astype(np.float32) * ECHO_GAIN
        heard = self._stream.resample_chunk(sound)
        self._pieces.append(heard)
        self.level += len(heard)

    def captured(self) -> bytes:
        """The microphone's next block."""
        parts, wanted = [], BLOCK
        while wanted and self._pieces:
            piece = self._pieces.popleft()
            if len(piece) > wanted:
                self._pieces.appendleft(piece[wanted:])
            parts.append(piece[:wanted])
            wanted -= len(parts[-1])
        self.level -= BLOCK - wanted
        heard = np.concatenate([*parts, np.zeros(wanted, np.float32)])
        self._at = (self._at + BLOCK) % (len(self._noise) - BLOCK)
        heard = heard + self._noise[self._at : self._at + BLOCK]
        return np.rint(heard).astype("<i2").tobytes()


class LongTalk:
    """Replies that are played while the microphone listens, for so long."""

    def __init__(self, seconds: float, reply: bytes, echo: DeviceEcho) -> None:
        self.seconds, self._reply, self.echo = seconds, reply, echo
        self.speaker = DrivenSpeaker(taps=[echo.tap], ring_s=30.0)
        self.microphone = DrivenMicrophone(echo=echo)
        self.room = Room(PPM)
        self.fed = self.captured = self.read = self.sent = self.replies = 0
        self.looks: list[dict[str, float]] = []
        self.states: list[str] = []

    async def run(self) -> None:
        await self.microphone.listen("scripted")
        self.playout = Playout(self.speaker)
        await self.playout.open()
        reading = asyncio.create_task(self._read())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loudspeaker())
            group.create_task(self._microphone())
            group.create_task(self._character())
            group.create_task(self._watch())
        await asyncio.sleep(0.2)
        reading.cancel()

    async def _at(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))

    async def _loudspeaker(self) -> None:
        for n in range(round(self.seconds * 100)):
            await self._at(n * 0.01)
            self.speaker.blocks(1, self.room.played)

    async def _microphone(self) -> None:
        for n in range(round(self.seconds * 100 * (1 + PPM * 1e-6))):
            await self._at(0.005 + n * 0.01 / (1 + PPM * 1e-6))
            self.microphone.capture(self.room.captured())
            self.captured += BLOCK

    async def _read(self) -> None:
        uplink = Resampler(RATE, WIRE)
        async for frame in self.microphone.frames():
            self.read += len(frame) // 2
            self.sent += len(uplink.push(frame)) // 2

    async def _character(self) -> None:
        count = max(1, int((self.seconds - 1.0) / EVERY_S))
        for number in range(count):
            await self._at(0.5 + number * EVERY_S)
            self.playout.begin()
            at, piece = 0, 0
            while at < len(self._reply):
                size = 2 * PIECES[piece % len(PIECES)]
                self.playout.feed(self._reply[at : at + size], WIRE, "item")
                self.fed += len(self._reply[at : at + size]) // 2
                at, piece = at + size, piece + 1
                await asyncio.sleep(0.005)
            self.playout.finish()
            self.replies += 1

    async def _watch(self) -> None:
        for look in range(LOOKS):
            await self._at((look + 1) * (self.seconds - 0.5) / LOOKS)
            self.states.append(self.echo.figure.state)
            self.looks.append(
                {
                    "memory": pages(),
                    "threads": threading.active_count(),
                    "tasks": len(asyncio.all_tasks()),
                    "unread": self.microphone.unread,
                    "room": self.room.level,
                    "erle": self.echo.figure.erle_db,
                }
            )


def reply() -> bytes:
    """Speech of six seconds at the wire's rate."""
    from benchmarks.kit.echo_room import RATE as ROOM_RATE
    from benchmarks.kit.echo_room import as_pcm, character

    whole = Resampler(ROOM_RATE, WIRE)
    said = as_pcm(character(REPLY_S))
    return whole.push(said) + whole.drain()


def slope(values: list[float]) -> float:
    """How much they grow from the first to the last, by the straight line that fits best."""
    x = np.arange(len(values))
    return float(np.polyfit(x, values, 1)[0] * (len(values) - 1))


def check(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    pytest.importorskip("pywebrtc_audio")
    loop = VirtualLoop()
    clock = SimpleNamespace(monotonic=loop.time)
    monkeypatch.setattr(speaker_module, "clock_time", clock)
    monkeypatch.setattr(echo_module, "time", clock)
    monkeypatch.setattr(microphone_module, "monotonic", loop.time)
    echo = DeviceEcho()
    said = reply()
    gc.collect()

    async def run() -> LongTalk:
        talk = LongTalk(seconds, said, echo)
        await talk.run()
        return talk

    talk = loop.run(run())
    settled = talk.looks[LOOKS // 4 :]
    grown = slope([s["memory"] for s in settled])
    print(
        f"{seconds:.0f} s, {talk.replies} replies: memory {grown / 1e6:+.2f} MB, "
        f"unread at most {max(s['unread'] for s in talk.looks)} samples, ERLE {settled[-1]['erle']} dB, "
        f"captured {talk.captured - round(seconds * RATE):+d} samples against the loudspeaker's clock"
    )
    assert loop.unhandled == []
    # every sample, exactly
    assert talk.speaker.handed == talk.fed * RATE // WIRE
    assert talk.playout.lost_ms == 0.0
    assert talk.playout.jitter.underruns == 0
    assert talk.speaker.gaps == talk.replies, "dry at each reply's end, and never in its middle"
    assert talk.microphone.overflows == 0
    assert 0 <= talk.captured - talk.read <= 10 * BLOCK, "what waits for what was played beside it"
    assert abs(talk.sent - talk.read * WIRE // RATE) <= WIRE // 50
    # nothing grows
    assert max(s["unread"] for s in talk.looks) <= 2 * BLOCK
    assert abs(slope([s["unread"] for s in settled])) <= BLOCK
    assert grown < 4e6
    assert len({s["threads"] for s in settled}) == 1
    assert len({s["tasks"] for s in settled}) <= 2
    # and the echo is still taken out
    assert set(talk.states[LOOKS // 4 :]) <= {"working", "waiting"}, talk.states
    assert min(s["erle"] for s in settled) > 20.0, [s["erle"] for s in settled]


def test_a_minute_with_clocks_that_differ_loses_nothing_and_grows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check(monkeypatch, 60.0)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hours_with_clocks_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    check(monkeypatch, 7200.0)
