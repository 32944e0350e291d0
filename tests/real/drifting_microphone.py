"""Feeds a sound server's pipe source at a clock that is not the system's: a microphone that runs too fast.

Usage: ``python -m tests.real.drifting_microphone FIFO SOUND PPM``. Writes silence, from a line on standard
input on the 16-bit mono sound at 48 kHz, then silence again, until it is ended. The sound server passes on
what comes when it comes, so whoever listens gets (1 + PPM/10⁶) · 48000 samples a second.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

RATE = 48_000
EVERY_S = 0.005


def main(fifo: str, sound_file: str, ppm: str) -> None:
    sound = Path(sound_file).read_bytes()
    rate = RATE * (1.0 + float(ppm) * 1e-6)
    begins = threading.Event()
    threading.Thread(target=lambda: sys.stdin.readline() and begins.set(), daemon=True).start()
    with Path(fifo).open("wb", buffering=0) as out:
        began, written, at = time.monotonic(), 0, 0
        while True:
            due = int((time.monotonic() - began) * rate) - written
            piece = sound[at : at + 2 * due] if begins.is_set() else b""
            at += len(piece)
            data = piece + bytes(2 * due - len(piece))
            while data:
                data = data[out.write(data) :]
            written += due
            time.sleep(EVERY_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
