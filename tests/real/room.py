"""A room around a private sound server: its microphone hears the loudspeaker, some time later.

    python -m tests.real.room SECONDS A.raw B.raw

records the loudspeaker's monitor and the microphone side by side, for the delay between them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.real.pulse import RATE, PulseBox

ALSA = """
pcm.played { type pulse device "speaker.monitor" }
pcm.heard { type pulse device "mic" }
"""
"""For PulseBox: both ends of the way as devices of one program."""

NEAR_MS = 8.0
"""A delay as near as this to the wanted one is taken for it."""

TRIES = 6
SOUND_S, RECORD_S = 1.0, 4.0


@contextmanager
def looped_back(box: PulseBox, delay_ms: float, gain_db: float) -> Iterator[float]:
    """What the loudspeaker plays is heard by the microphone; yields the delay in ms, as it was measured.

    It stays as it is: the module that loops back is told not to adjust it. What the devices themselves
    delay comes on top. ``box`` has ALSA. Raises RuntimeError when there is none like that.
    """
    asked, found = delay_ms, 0.0
    for _ in range(TRIES):
        module = box.pactl(
            "load-module", "module-loopback", "source=speaker.monitor", "sink=mic_in",
            f"latency_msec={max(1, round(asked))}", "adjust_time=0",
        )  # fmt: skip
        inputs = box.pactl("list", "short", "sink-inputs").split()
        box.pactl("set-sink-input-volume", inputs[0], f"{gain_db}dB")
        found = _delay_ms(box)
        if abs(found - delay_ms) <= NEAR_MS:
            break
        box.pactl("unload-module", module)
        asked += delay_ms - found
    else:
        raise RuntimeError(f"no loop-back of {delay_ms} ms, but one of {found:.1f} ms")
    try:
        yield found
    finally:
        box.pactl("unload-module", module)


def _delay_ms(box: PulseBox) -> float:
    """Play noise; how much later the microphone has it than the monitor."""
    noise = np.random.default_rng(1).integers(-6000, 6000, int(SOUND_S * RATE), dtype="<i2")
    played = box.folder / "noise.raw"
    played.write_bytes(noise.tobytes())
    files = [box.folder / name for name in ("played.raw", "heard.raw")]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.real.room", str(RECORD_S), *map(str, files)],
        env=box.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as recorder:
        assert recorder.stdout is not None
        recorder.stdout.readline()  # it runs
        subprocess.run(
            ["pacat", "--playback", "--device=speaker", "--raw", f"--rate={RATE}", "--channels=1"]
            + ["--format=s16le", str(played)],
            env=box.env,
            check=True,
            timeout=20,
        )
        apart_ms = float(recorder.communicate(timeout=20)[0])
    one, other = (_found_ms(np.frombuffer(file.read_bytes(), "<i2"), noise) for file in files)
    return other - one + apart_ms


def _found_ms(heard: np.ndarray, noise: np.ndarray) -> float:
    """Where the noise begins in what was heard."""
    size = 1 << (len(heard) + len(noise)).bit_length()
    spectrum = np.fft.rfft(heard.astype(float), size) * np.conj(np.fft.rfft(noise.astype(float), size))
    return float(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)])) * 1000.0 / RATE


def _record(seconds: float, *files: str) -> float:
    """Both devices into files; returns by how many ms the second one began later.

    Callbacks come late and never early, so that the earliest says when a stream began.
    """
    import sounddevice as sd

    began = [float("inf")] * 2
    blocks: list[list[bytes]] = [[], []]

    def stream(n: int, device: str) -> sd.RawInputStream:
        count = 0

        def copy(block: object, frames: int, when: object, status: object) -> None:
            nonlocal count
            began[n] = min(began[n], time.monotonic() - count / RATE)
            count += frames
            blocks[n].append(bytes(block))  # type: ignore[call-overload]

        return sd.RawInputStream(
            samplerate=RATE, blocksize=RATE // 100, device=device, channels=1, dtype="int16", latency="low",
            callback=copy,
        )  # fmt: skip

    with stream(0, "played"), stream(1, "heard"):
        while not all(blocks):
            time.sleep(0.01)
        print("running", flush=True)
        time.sleep(seconds)
    for file, recorded in zip(files, blocks, strict=True):
        Path(file).write_bytes(b"".join(recorded))
    return (began[1] - began[0]) * 1000.0


if __name__ == "__main__":
    print(_record(float(sys.argv[1]), *sys.argv[2:]))
