"""What the codecs cost per event, beside the bare JSON and base64 of the same frames.

    python -m benchmarks.codec [--runs N] [--only FAMILY] [--check]

Each figure is the time of 1,000 events: of 20 ms of sound each (that is 20 s of talk), or of a piece of
text each. The basis does with the standard library what cannot be left out: it parses the frame and
decodes its sound, or encodes the sound and writes the frame. With ``--check`` the exit code is 1 when a
limit is broken; a family of the registry without a sample always makes it 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from benchmarks.kit.codec_samples import PCM, SAMPLES, TEXT, Sample, base64
from benchmarks.kit.stats import Limit, Series, alternate, table
from neko_cli.core.codecs.endpoints import FAMILIES
from neko_cli.core.commands import AppendAudio, Command, SendText

FEWEST_RUNS = 21
FACTOR = 2.0
"""The limit of the promise: see docs/development.md."""

EVENTS = 1000
"""Events that a figure stands for."""

FRESH = 50
"""Codecs that are made for one round where each is good for one event."""

Step = tuple[Callable[[Any], object], Any]
"""A call, and what it is called with."""


def timed(steps: Sequence[Step]) -> float:
    """Milliseconds for these calls, as if there were EVENTS of them."""
    collecting = gc.isenabled()
    gc.disable()  # the collector's visits are not the codec's doing
    try:
        started = time.perf_counter()
        for call, argument in steps:
            call(argument)
        elapsed = time.perf_counter() - started
    finally:
        if collecting:
            gc.enable()
    return elapsed * 1000 * EVENTS / len(steps)


def decoding(sample: Sample, frames: Sequence[str | bytes]) -> Callable[[], float]:
    """Decode these frames in turns, with a codec in the middle of a reply."""

    def measure() -> float:
        decode = sample.make().decode
        return timed([(decode, frame) for frame in islice(cycle(frames), EVENTS)])

    return measure


def bare_decoding(sample: Sample, frames: Sequence[str | bytes], *, sound: bool) -> Callable[[], float]:
    """Parse them, and decode the sound that they hold."""
    audio_of = sample.audio_of

    def with_sound(frame: str | bytes) -> bytes:
        return b64decode(audio_of(json.loads(frame)))

    call = with_sound if sound else json.loads
    return lambda: timed([(call, frame) for frame in islice(cycle(frames), EVENTS)])


def encoding(sample: Sample, command: Command) -> Callable[[], float]:
    """Encode a command. A codec that has to answer for what it sent gets a fresh one for each."""
    lasting = isinstance(command, AppendAudio)

    def measure() -> float:
        if lasting:
            encode = sample.make().encode
            return timed([(encode, command)] * EVENTS)
        return timed([(sample.make().encode, command) for _ in range(FRESH)])

    return measure


def bare_encoding(sample: Sample, command: Command) -> Callable[[], float]:
    """Write the same frames, and encode the sound that they hold."""
    events = [json.loads(frame) for frame in sample.make().encode(command)]
    if not isinstance(command, AppendAudio):
        return lambda: timed([(lambda all_of_them: [json.dumps(e) for e in all_of_them], events)] * FRESH)
    (event,) = events
    place, key = _place_of(event, base64(command.pcm))

    def write(pcm: bytes) -> str:
        place[key] = b64encode(pcm).decode("ascii")
        return json.dumps(event)

    return lambda: timed([(write, command.pcm)] * EVENTS)


def _place_of(value: Any, audio: str) -> tuple[Any, Any]:
    """The object or array that holds the sound, and under which key; raises ValueError when none does."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        if entry == audio:
            return value, key
        try:
            return _place_of(entry, audio)
        except ValueError:
            continue
    raise ValueError("the frame does not hold the sound")


@dataclass(frozen=True)
class Case:
    """Something that a codec does, and the least that it takes."""

    name: str
    measure: Callable[[], float]
    bare: Callable[[], float]


def cases(family: str, sample: Sample) -> list[Case]:
    """What is measured of a family."""
    words, heard = [sample.words], sample.sound
    asked, spoken = SendText(TEXT), AppendAudio(PCM)
    found = [
        Case(f"{family}, decode text", decoding(sample, words), bare_decoding(sample, words, sound=False)),
        Case(f"{family}, encode text", encoding(sample, asked), bare_encoding(sample, asked)),
    ]
    if heard:
        found += [
            Case(
                f"{family}, decode sound", decoding(sample, heard), bare_decoding(sample, heard, sound=True)
            ),
            Case(f"{family}, encode sound", encoding(sample, spoken), bare_encoding(sample, spoken)),
        ]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and tell with ``--check`` whether all limits are kept."""
    parser = argparse.ArgumentParser(prog="codec", description="Codecs, beside bare JSON and base64.")
    parser.add_argument("--runs", type=int, default=FEWEST_RUNS, help="runs of each (default: %(default)s)")
    parser.add_argument("--only", choices=sorted(FAMILIES), action="append", help="measure this family alone")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is broken")
    options = parser.parse_args(arguments)
    if missing := sorted(set(FAMILIES) - set(SAMPLES)):
        print(f"no sample of {', '.join(missing)}: see benchmarks/kit/codec_samples.py", file=sys.stderr)
        return 1
    limits: list[Limit] = []
    for family in options.only or FAMILIES:
        for case in cases(family, SAMPLES[family]):
            series, basis = Series(case.name), Series(f"{case.name}, bare")
            alternate(max(1, options.runs), [(basis, case.bare), (series, case.measure)])
            limits.append(Limit(series, FACTOR, basis))
    print(f"milliseconds for {EVENTS:,} events")
    print(table([limit.basis for limit in limits if limit.basis], limits), flush=True)
    broken = [limit.series.name for limit in limits if not limit.kept]
    if broken:
        print(f"limits broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
