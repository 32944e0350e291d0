"""How well echo is cancelled, what is left of a user who speaks over it, and what that costs.

    python -m benchmarks.echo [--runs N] [--only PART] [--check]

``frames``: a second of sound through the canceller, frame by frame, beside the resampling that the uplink
does with it anyway. ``package``: loading the engine, in processes of its own. ``rooms``: the embedded
engine's voice in computed rooms; our own detector listens to what comes through. ``real``: the same through
a private PulseAudio, where one is installed. livekit's audio processing is measured as well where it can be
imported (pip install livekit). With ``--check`` the exit code is 1 when a limit of ours is broken.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.kit import echo_live
from benchmarks.kit.echo_bench import Pass, run
from benchmarks.kit.echo_engines import OURS, canceller, installed
from benchmarks.kit.echo_room import FRAME, QUESTION, RATE, Room, as_pcm, character, spoken, user
from benchmarks.kit.stats import Limit, Reading, Series, alternate, readings, table
from neko_cli.core.pcm import Resampler

FEWEST_RUNS = 1000
WORK_LIMIT_MS = 50.0
"""For a second of sound: 5 % of a core."""
HOLD_LIMIT_MS = 3.0
"""Nothing may keep the process that owns the streams from them for longer (docs: sound)."""
LOAD_LIMIT_MS, MEMORY_LIMIT_MB = 50.0, 15.0
"""The second is what issue 6 allows for echo cancelling."""
LEAST_ERLE_DB = 30.0
LATEST_HEARD_MS = 600.0
MOST_TAKEN_DB = 8.0

FRAMES = 100
"""In a second."""

STEADY_S = 60.0
TALK_S, SPEAKS_S = 24.0, 11.0
RATES = (48_000, 24_000, 16_000)

LOAD = """
import sys, time, numpy
from benchmarks.kit.process import resident_bytes
from benchmarks.kit.echo_engines import canceller
before, begun = resident_bytes(), time.perf_counter()
one = canceller(sys.argv[1])
one.process(bytes(960), 0.0, 48000)
loaded = time.perf_counter()
for n in range(500):
    one.process(bytes(960), n / 100, 48000)
print((loaded - begun) * 1000, (resident_bytes() - before) / 1e6)
"""

Figures = tuple[list[Series], list[Limit], list[Reading]]


def frames(engines: Sequence[str], runs: int) -> Figures:
    """Work for a second of sound while the character speaks, as its single frames take it."""
    sound = as_pcm(character(12.0))
    heard = as_pcm(Room().microphone(character(12.0)))
    bare = Series("resampling, 48 to 24 kHz")
    resampler = Resampler(RATE, 24_000)
    size = FRAME * 2
    measures: list[tuple[Series, Callable[[], float]]] = []
    turn = itertools.cycle(range(len(heard) // size))

    def resample() -> float:
        at = next(turn) * size
        begun = time.perf_counter()
        resampler.push(heard[at : at + size])
        return (time.perf_counter() - begun) * 1000.0 * FRAMES

    measures.append((bare, resample))
    limits = []
    for name in engines:
        for rate in RATES:
            series = Series(f"{name}, {rate // 1000} kHz")
            measures.append((series, _one_frame(name, rate, sound, heard)))
            promise = WORK_LIMIT_MS if name == OURS else float("inf")
            limits.append(Limit(series, basis=bare, milliseconds=promise))
    alternate(runs, measures)
    slow = [
        Reading(
            f"{one.series.name}, a frame, p99",
            one.series.p99 / FRAMES,
            "ms",
            HOLD_LIMIT_MS if OURS in one.series.name else None,
        )
        for one in limits
    ]
    return [bare], limits, slow


def _one_frame(name: str, rate: int, sound: bytes, heard: bytes) -> Callable[[], float]:
    far, near = (Resampler(RATE, rate).push(pcm) for pcm in (sound, heard))
    one = canceller(name)
    one.speaker_opened(rate)
    size = rate // 100 * 2
    ticks = itertools.count()

    def measure() -> float:
        n = next(ticks)
        at = n * size % (min(len(near), len(far)) // size * size)
        one.played(far[at : at + size], n / 100.0)
        begun = time.perf_counter()
        one.process(near[at : at + size], n / 100.0, rate)
        return (time.perf_counter() - begun) * 1000.0 * FRAMES

    return measure


def package(engines: Sequence[str], runs: int) -> Figures:
    """Loading an engine after numpy, and the memory that it takes with 5 s of silence processed."""
    found = []
    for name in engines:
        load, memory = Series(name), Series(name)
        for _ in range(max(3, runs // 200)):
            done = subprocess.run(
                [sys.executable, "-c", LOAD, name], capture_output=True, text=True, timeout=60, check=True
            )
            ms, mb = done.stdout.split()
            load.times.append(float(ms))
            memory.times.append(float(mb))
        ours = name == OURS
        found += [
            Reading(f"{name}, load and first frame", load.median, "ms", LOAD_LIMIT_MS if ours else None),
            Reading(f"{name}, memory", memory.median, "MB", MEMORY_LIMIT_MB if ours else None),
        ]
    return [], [], found


def rooms(engines: Sequence[str], runs: int) -> Figures:
    """What comes through: of the character alone, and of a user who speaks over it."""
    found = []
    for name in engines:
        for label, room, changed_s in (
            ("60 ms", Room(60.0), -1.0),
            ("150 ms", Room(150.0), -1.0),
            ("60 ms, 100 ppm", Room(60.0, drift_ppm=100.0), -1.0),
            ("60 to 150 ms at a change of device", Room(60.0, jump_ms=90.0), STEADY_S / 2),
        ):
            played = character(STEADY_S)
            done = run(
                canceller(name),
                played,
                room.microphone(played),
                drift_ppm=room.drift_ppm,
                reset_at_s=changed_s,
            )
            found += _alone(f"{name}, {label}", done, changed_s, limited=name == OURS)
        for delay_ms in (60.0, 150.0):
            played, near = character(TALK_S), user(TALK_S, SPEAKS_S)
            done = run(canceller(name), played, Room(delay_ms).microphone(played, near))
            found += _over(f"{name}, {delay_ms:.0f} ms", done, SPEAKS_S, limited=name == OURS)
    return [], [], found


def _alone(label: str, done: Pass, changed_s: float, *, limited: bool) -> list[Reading]:
    unsettled = range(int(changed_s), int(changed_s) + 2) if changed_s > 0 else range(0)
    steady = min(done.taken_db(s, s + 1) for s in range(3, int(STEADY_S)) if s not in unsettled)
    # While it has not converged the half-duplex guard holds: see EchoReport.converged.
    turns = [at for at in done.turns() if int(at) not in unsettled]
    return [
        Reading(f"{label}: taken in 1 s", -done.taken_db(0.0, 1.0), "dB", None),
        Reading(
            f"{label}: taken, whole", -done.taken_db(3.0, STEADY_S), "dB", -LEAST_ERLE_DB if limited else None
        ),
        Reading(f"{label}: taken, worst second", -steady, "dB", None),
        Reading(f"{label}: false turns", len(turns), "in 60 s", 0.0 if limited else None),
        Reading(f"{label}: taken for speech", 100.0 * done.speech_share(), "%", None),
    ]


def _over(label: str, done: Pass, began_s: float, *, limited: bool) -> list[Reading]:
    length_s = spoken(QUESTION, "en-us+f3").size / RATE
    after = [at for at in done.turns() if at >= began_s]
    early = len(done.turns()) - len(after)
    late_ms = (after[0] - began_s) * 1000.0 if after else float("inf")
    # In the microphone are both, equally loud: 3 dB of what is taken is the echo.
    taken = done.taken_db(began_s, began_s + length_s) - 3.0
    heard = done.speech_share(began_s, began_s + length_s)
    return [
        Reading(f"{label}, spoken over: heard after", late_ms, "ms", LATEST_HEARD_MS if limited else None),
        Reading(f"{label}, spoken over: taken of the user", taken, "dB", MOST_TAKEN_DB if limited else None),
        Reading(f"{label}, spoken over: taken for speech", 100.0 * heard, "%", None),
        Reading(f"{label}, spoken over: false turns", early, "before", 0.0 if limited else None),
    ]


def real(engines: Sequence[str], runs: int) -> Figures:
    """Through a sound server: the loudspeaker's monitor at -6 dB is the microphone."""
    if echo_live.missing():
        print(f"no real sound: {', '.join(echo_live.missing())} not installed", file=sys.stderr)
        return [], [], []
    found = []
    for name in engines:
        live = echo_live.talk(name, seconds=25.0, speaks_s=18.0)
        limited = name == OURS
        taken = live.done.taken_db(4.0, live.began_s - 1.0)
        found += [
            Reading(f"{name}, real: taken", -taken, "dB", -LEAST_ERLE_DB if limited else None),
            *_over(f"{name}, real", live.done, live.began_s, limited=limited),
            Reading(f"{name}, real: frame, p99", live.p99_ms, "ms", None),
        ]
    return [], [], found


PARTS = {"frames": frames, "package": package, "rooms": rooms, "real": real}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and tell with ``--check`` whether all limits are kept."""
    parser = argparse.ArgumentParser(prog="echo", description="Echo cancelling: how well, and at what price.")
    parser.add_argument(
        "--runs", type=int, default=FEWEST_RUNS, help="frames of each kind (default: %(default)s)"
    )
    parser.add_argument("--only", choices=sorted(PARTS), help="measure only this")
    parser.add_argument("--check", action="store_true", help="fail when a limit is broken")
    options = parser.parse_args(arguments)
    kept = True
    for name, part in PARTS.items():
        if options.only in (None, name):
            bases, limits, found = part(installed(), options.runs)
            if limits:
                print(table(bases, limits))
            if found:
                print(readings(found))
            kept = kept and all(one.kept for one in (*limits, *found))
    return 1 if options.check and not kept else 0


if __name__ == "__main__":
    sys.exit(main())
