"""What is measured of one client in conversation, turn by turn."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.kit.voice_signal import murmur, place_ms
from benchmarks.kit.voice_sink import RATE, Heard
from benchmarks.kit.voice_stage import Client, Stage, Usage
from neko_cli.audio.wav import WavWriter

REPLY_MS = 1_500
LONG_MS = 3_000
LATE_MS = 3.0
"""A server that keeps its schedule sends no piece later than this; a busy machine makes it."""

HOLDS_S = 0.6
"""More than a client holds back of a reply, for it to have been heard to its end."""

CUT_AFTER_S = (0.8, 1.2)
STREAM_MS = 3_000
BURST_MS, BURST_EVERY_MS = 60, 400
BLOCK_S = 0.01
SWEEP_SAMPLES = RATE * 20 // 1000
"""Two blocks."""

ROOM_PEAK = 100
"""A quiet room: no detector takes it for speech."""

SEED = 11


@dataclass(frozen=True)
class Reply:
    """A reply that was heard to its end."""

    first_ms: float
    """From its first delta to its first sample at the sink."""
    silent_ms: float
    """Silence inside it."""


@dataclass(frozen=True)
class Cut:
    """A reply that the user spoke over."""

    kind: str
    silence_ms: float
    """From the server's speech_started to the last sample at the sink."""
    heard_ms: float
    """How far the reply was heard."""
    told_ms: float | None
    """What the client says of that; None when it says nothing."""
    first_ms: float


@dataclass(frozen=True)
class Load:
    """What a client used during one reply."""

    cpu: float
    """Percent of a core."""
    resident_mb: float


def replies(client: Client, turns: int, pace: str, seed: int) -> list[Reply]:
    """Whole replies at one pace. The first one is not counted: what a client has measured of the network by
    then is no more than nothing, and what it learns in it holds from the second one on. Nor is one counted
    whose pieces the server sent late: another is made in its place. They begin evenly over a client's blocks:
    how long a sample waits for the next one depends on it.

    Raises:
        RuntimeError: the server was late with every other one.
    """
    chance, marks = random.Random(seed), []
    order = chance.sample(range(turns + 1), turns + 1)
    with Stage(client) as stage:
        for number in range(2 * turns + 1):
            user_speaks(stage)
            stage.do(
                "reply",
                pace=_burst(pace, number),
                ms=REPLY_MS,
                seed=chance.randrange(1 << 30),
                begin=_in_block(order[len(marks)] / len(order)),
            )
            first = stage.wait("first")["at"]
            done = stage.wait("done")
            _sleep_until(max(first + REPLY_MS / 1000.0, done["at"]) + HOLDS_S)
            if number == 0 or done["late_ms"] <= LATE_MS:
                marks.append((first, time.monotonic()))
            if len(marks) > turns:
                break
        else:
            raise RuntimeError("this machine is too busy: the server could not keep its schedule")
        heard = stage.heard()
    found = []
    for first, end in marks[1:]:
        sound = heard.sounding(first, end)
        if sound is None:
            raise ValueError(f"{client.name} was not heard")
        found.append(Reply((sound.begins - first) * 1000.0, sound.silent_ms))
    return found


def cuts(client: Client, turns: int, seed: int) -> list[Cut]:
    """Replies cut while they are sent in real time, and long after all of them was sent."""
    chance, marks = random.Random(seed), []
    with Stage(client) as stage:
        for kind in ("sending", *("sending", "sent") * turns):
            user_speaks(stage)
            stage.do("reply", pace="steady" if kind == "sending" else "once", ms=LONG_MS)
            first = stage.wait("first")["at"]
            _sleep_until(first + chance.uniform(*CUT_AFTER_S))
            marks.append((kind, first, *_cut(stage)))
        heard = stage.heard()
    return [_as_cut(heard, *mark, ms=LONG_MS) for mark in marks[1:]]


def cut_greetings(client: Client, turns: int, seed: int) -> list[Cut]:
    """The reply is there as soon as the session is, while devices still open; then it is cut."""
    chance, found = random.Random(seed), []
    for _ in range(turns):
        with Stage(client, greeting={"pace": "once", "ms": 2 * LONG_MS}) as stage:
            first = stage.seen("first")["at"]
            _sleep_until(max(first, time.monotonic()) + chance.uniform(*CUT_AFTER_S))
            mark = ("opening", first, *_cut(stage))
            heard = stage.heard()
        found.append(_as_cut(heard, *mark, ms=2 * LONG_MS))
    return found


def bursts(client: Client, turns: int) -> list[float]:
    """Ms from a sample at the microphone to its arrival at the server, for so many bursts of a tone.

    They fall evenly over a client's blocks: how long a sample waits for the rest of its block depends on it.
    """
    import numpy as np

    every, length = RATE * BURST_EVERY_MS // 1000, RATE * BURST_MS // 1000
    sound = np.zeros(every * (turns + 2), dtype="<i2")
    tone = np.sin(2 * np.pi * 1000.0 * np.arange(length) / RATE) * 12_000
    for number in range(turns + 1):  # the first one is not counted
        at = every * (number + 1) + SWEEP_SAMPLES * number // turns
        sound[at : at + length] = tone
    with Stage(client) as stage:
        _microphone_hears(stage, sound.tobytes())
        time.sleep(HOLDS_S)
        said, arrived = stage.said(), stage.arrived()
    began, came = _onsets(said), _onsets(arrived)
    if len(began) != len(came) or len(began) != turns + 1:
        raise ValueError(f"{client.name}: {turns + 1} bursts became {len(began)} and {len(came)}")
    times = zip(began, came, strict=True)
    return [(arrived.time_of(b) - said.time_of(a)) * 1000.0 for a, b in times][1:]


def loads(client: Client, turns: int) -> list[Load]:
    """Sound both ways: replies in real time, and a room that is not dead silent."""
    seconds = (turns + 2) * (STREAM_MS / 1000.0 + 0.1)
    with Stage(client) as stage:
        usage = Usage(stage.pid)
        path = _wav(stage, murmur(int(seconds * 1000), ROOM_PEAK, RATE))
        stage.box.play_as_microphone(path)
        found = []
        for _ in range(turns + 1):
            stage.do("reply", pace="steady", ms=STREAM_MS, sound="murmur")
            stage.wait("first")
            begun, used = time.monotonic(), usage.cpu_s()
            stage.wait("done")
            took, used = time.monotonic() - begun, usage.cpu_s() - used
            found.append(Load(used / took * 100.0, usage.resident_mb()))
    return found[1:]


def user_speaks(stage: Stage) -> None:
    """The user's half of a turn."""
    stage.do("speech")
    stage.wait("speech")
    stage.do("commit")
    stage.wait("commit")


def _cut(stage: Stage) -> tuple[float, float, float | None]:
    """The user speaks: when, until when it was listened for, and what the client told."""
    stage.do("speech")
    speech = stage.wait("speech")["at"]
    told: float | None = None
    _sleep_until(speech + HOLDS_S)
    end = time.monotonic()
    stage.do("commit")
    stage.wait("commit")
    for event in reversed(stage.events):
        if event["event"] == "truncate" and event["at"] >= speech:
            told = float(event["ms"])
    return speech, end, told


def _as_cut(
    heard: Heard, kind: str, first: float, speech: float, end: float, told: float | None, *, ms: int
) -> Cut:
    sound = heard.sounding(first, end)
    if sound is None:
        raise ValueError("the client was not heard")
    return Cut(
        kind,
        (sound.ends - speech) * 1000.0,
        place_ms(sound.last_level, ms),
        told,
        (sound.begins - first) * 1000.0,
    )


def _in_block(part: float) -> float:
    """A moment soon, this part of a block after the clock's last multiple of one."""
    return (time.monotonic() // BLOCK_S + 2.0 + part) * BLOCK_S


def _burst(pace: str, number: int) -> str:
    """Every other burst comes in lumps, the rest all at once."""
    return "once" if pace == "burst" and number % 2 else pace


def _microphone_hears(stage: Stage, sound: bytes) -> None:
    player = stage.box.play_as_microphone(_wav(stage, sound))
    player.wait(len(sound) / 2 / RATE + 20)


def _wav(stage: Stage, sound: bytes) -> Path:
    path = stage.box.folder / "said.wav"
    with WavWriter.create(path, RATE) as file:
        file.write(sound)
    return path


def _onsets(heard: Heard) -> list[int]:
    """Where bursts begin: loud samples after a time without any."""
    import numpy as np

    levels: Any = np.abs(heard.samples.astype(np.int32))
    loud = np.flatnonzero(levels > np.max(levels, initial=1) / 4)
    quiet = heard.rate * (BURST_EVERY_MS - BURST_MS) // 2000
    return [int(at) for n, at in enumerate(loud) if n == 0 or at - loud[n - 1] > quiet]


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
