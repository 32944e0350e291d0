"""The canceller between a real loudspeaker stream and a real microphone stream; runs inside a PulseBox.

    python -m benchmarks.kit.echo_real PLAYED.pcm OUT.pcm RAW.pcm

Plays a file (16-bit mono at RATE) and captures for as long; writes what the canceller lets through, and
what the microphone heard. Prints a line of JSON: figures of the canceller, and the time that frames took.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from pathlib import Path
from typing import Any

import sounddevice as sd

from benchmarks.kit.echo_engines import canceller
from benchmarks.kit.echo_room import FRAME, RATE
from neko_cli.audio.echo_clock import BlockClock

FORMAT: dict[str, Any] = {
    "samplerate": RATE,
    "blocksize": FRAME,
    "channels": 1,
    "dtype": "int16",
    "latency": "low",
}


def main(played: str, out: str, raw: str, engine: str) -> None:
    """Play, capture, write, report."""
    echo = canceller(engine)
    sound = memoryview(Path(played).read_bytes())
    at = 0
    captured: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def fill(block: Any, frames: int, when: Any, status: Any) -> None:
        nonlocal at
        part = sound[at : at + len(block)]
        block[: len(part)] = part
        block[len(part) :] = bytes(len(block) - len(part))
        at += len(part)
        echo.played(memoryview(block), time.monotonic())

    def copy(block: Any, frames: int, when: Any, status: Any) -> None:
        clock.block(time.monotonic(), frames)
        captured.put(bytes(block))

    speaker = sd.RawOutputStream(**FORMAT, callback=fill)
    microphone = sd.RawInputStream(**FORMAT, callback=copy)
    clock = BlockClock(RATE)
    echo.speaker_opened(RATE)
    times, heard, left, samples = [], [], [], 0
    with speaker, microphone:
        while samples * 2 < len(sound):
            frame = captured.get(timeout=5)
            begun = time.perf_counter()
            left.append(echo.process(frame, clock.time_of(samples), RATE))
            times.append((time.perf_counter() - begun) * 1000.0)
            heard.append(frame)
            samples += FRAME
    left.append(echo.rest())
    Path(out).write_bytes(b"".join(left))
    Path(raw).write_bytes(b"".join(heard))
    report = echo.report
    print(
        json.dumps(
            {
                "state": report.state,
                "erle_db": report.erle_db,
                "realigned": report.realigned,
                "latency_ms": [1000 * speaker.latency, 1000 * microphone.latency],
                "frame_ms": times,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
