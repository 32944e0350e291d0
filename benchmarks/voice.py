"""A conversation by voice beside the least that a client can be: how soon it is heard, and how soon it stops.

    python -m benchmarks.voice [--turns N] [--only PART] [--check]

``neko chat`` itself, in a terminal of 120 x 36, talks to a scripted server on this machine's loopback; a
client of forty lines (sounddevice and websockets alone) does the same in the same run, in turns. Sound goes
through a private PulseAudio; its null sink is recorded, and each sample of a reply tells where in the reply
it belongs. All times are of one clock.

latency     first delta -> first audible sample
stop        the server's speech_started -> the last audible sample
gaps        silence inside a reply, from a server that sends in real time, in bursts, and 200 ms irregularly
truncate    audio_end_ms as the server is told, beside where the recording ends
microphone  a sample at the microphone -> its arrival at the server
cpu         percent of a core, while both ways stream and the screen shows it
memory      resident, likewise

With ``--check`` the exit code is 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache

from benchmarks.kit.stats import Series
from benchmarks.kit.voice_scenes import Cut, Load, Reply, bursts, cut_greetings, cuts, loads, replies
from benchmarks.kit.voice_stage import ALL, ECHO, PLAIN, Client, control, neko
from benchmarks.kit.voice_table import Row, table
from tests.real.pulse import missing_programs

TURNS = 20
PACES = ("steady", "burst", "jitter")
CUTS = (("sending", "still sending"), ("sent", "all sent"))
"""Whether the server had sent all of a reply, long before it was cut."""

BLOCKS = 2
"""Times that each client is started for a figure, in turns with the other one."""

ABOVE_MS = 10.0
ABOVE_WITH_ECHO_MS = 15.0
SILENT_WITHIN_MS = 60.0
JITTER_SILENCE_MS = 20.0
TOLD_WITHIN_MS = 20.0
CPU_FACTOR, CPU_ABOVE = 2.0, 12.0
MEMORY_MB, MEMORY_WITH_ECHO_MB = 110.0, 125.0
"""The limits of the promise: see docs/development.md, A conversation by voice."""

CONTROL = control()
CLIENTS = {"plain": neko(PLAIN), "echo": neko(ECHO), "all": neko(ALL)}


class Bench:
    """Plays each scene once, however many figures are read from it."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self.replies = cache(self._replies)
        self.cuts = cache(self._cuts)
        self.loads = cache(self._loads)

    def latency(self) -> list[Row]:
        """First delta to first audible sample."""
        rows = []
        for pace in PACES:
            ours, floor = self.replies(pace)
            rows.append(
                Row(
                    Series(f"first delta -> audible, {pace}", [one.first_ms for one in ours]),
                    Series("", [one.first_ms for one in floor]),
                    above=None if pace == "jitter" else ABOVE_MS,
                )
            )
        return rows

    def gaps(self) -> list[Row]:
        """Silence inside a reply."""
        rows = []
        for pace in PACES:
            ours, floor = self.replies(pace)
            rows.append(
                Row(
                    Series(f"silence inside a reply, {pace}", [one.silent_ms for one in ours]),
                    Series("", [one.silent_ms for one in floor]),
                    most=JITTER_SILENCE_MS if pace == "jitter" else 0.0,
                )
            )
        return rows

    def stop(self) -> list[Row]:
        """The user speaks: silence."""
        ours, floor = self.cuts()
        return [
            Row(
                Series(f"speech_started -> silence, {words}", [o.silence_ms for o in ours if o.kind == kind]),
                Series("", [one.silence_ms for one in floor if one.kind == kind]),
                above=ABOVE_MS,
                most=SILENT_WITHIN_MS,
            )
            for kind, words in CUTS
        ]

    def truncate(self) -> list[Row]:
        """What the server is told beside what was heard."""
        ours, _ = self.cuts()
        opening = cut_greetings(CLIENTS["plain"], self._turns, self._turns)
        return [
            *(self._told(kind, words, ours) for kind, words in CUTS),
            self._told("opening", "device opening", opening),
            Row(Series("first delta -> audible, opening", [one.first_ms for one in opening])),
        ]

    def _told(self, kind: str, words: str, found: Sequence[Cut]) -> Row:
        apart = []
        for one in found:
            if one.kind == kind:
                # Who says nothing says that all of it was heard.
                apart.append(abs(one.told_ms - one.heard_ms) if one.told_ms is not None else float("inf"))
        return Row(Series(f"truncated beside heard, {words}", apart), most=TOLD_WITHIN_MS)

    def microphone(self) -> list[Row]:
        """A sample to the wire."""
        times: dict[str, list[float]] = {"floor": [], "plain": [], "echo": []}
        for turns in self._blocks():
            times["floor"] += bursts(CONTROL, turns)
            for name in ("plain", "echo"):
                times[name] += bursts(CLIENTS[name], turns)
        floor = Series("", times["floor"])
        return [
            Row(Series("microphone -> wire", times["plain"]), floor, above=ABOVE_MS),
            Row(Series("microphone -> wire, echo cancelled", times["echo"]), floor, above=ABOVE_WITH_ECHO_MS),
        ]

    def cpu(self) -> list[Row]:
        """Percent of a core."""
        floor = Series("", [one.cpu for one in self.loads("control")])
        return [
            Row(
                Series("processor", [one.cpu for one in self.loads("plain")]),
                floor,
                factor=CPU_FACTOR,
                unit="%",
                tail=False,
            ),
            Row(
                Series("processor, echo and detector", [one.cpu for one in self.loads("all")]),
                floor,
                above=CPU_ABOVE,
                unit="%",
                tail=False,
            ),
        ]

    def memory(self) -> list[Row]:
        """What stays in RAM."""
        floor = Series("", [one.resident_mb for one in self.loads("control")])
        return [
            Row(Series(words, [one.resident_mb for one in self.loads(name)]), floor, most=most, unit="MB")
            for name, words, most in (
                ("plain", "memory", MEMORY_MB),
                ("echo", "memory, echo", MEMORY_WITH_ECHO_MB),
                ("all", "memory, echo and detector", None),
            )
        ]

    def _blocks(self) -> list[int]:
        """The turns in blocks, between which the clients change."""
        half = max(1, self._turns // BLOCKS)
        return [half] * (BLOCKS - 1) + [self._turns - half * (BLOCKS - 1)] if self._turns > 1 else [1]

    def _replies(self, pace: str) -> tuple[list[Reply], list[Reply]]:
        ours: list[Reply] = []
        floor: list[Reply] = []
        for seed, turns in enumerate(self._blocks()):
            floor += replies(CONTROL, turns, pace, seed)
            ours += replies(CLIENTS["plain"], turns, pace, seed)
        return ours, floor

    def _cuts(self) -> tuple[list[Cut], list[Cut]]:
        ours: list[Cut] = []
        floor: list[Cut] = []
        for seed, turns in enumerate(self._blocks()):
            floor += cuts(CONTROL, turns, seed)
            ours += cuts(CLIENTS["plain"], turns, seed)
        return ours, floor

    def _loads(self, name: str) -> list[Load]:
        client: Client = CONTROL if name == "control" else CLIENTS[name]
        return loads(client, self._turns)


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "latency": Bench.latency,
    "stop": Bench.stop,
    "gaps": Bench.gaps,
    "truncate": Bench.truncate,
    "microphone": Bench.microphone,
    "cpu": Bench.cpu,
    "memory": Bench.memory,
}


def missing() -> list[str]:
    """Programs without which nothing can be measured here."""
    return [*missing_programs(), *([] if shutil.which("tmux") else ["tmux"])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and tell with ``--check`` whether all limits are kept."""
    parser = argparse.ArgumentParser(
        prog="voice", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=TURNS, help="turns of each (default: %(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is broken")
    options = parser.parse_args(arguments)
    if absent := missing():
        print(f"not measured, because these are not installed: {', '.join(absent)}", file=sys.stderr)
        return 0
    bench, rows = Bench(max(1, options.turns)), []
    for name, part in PARTS.items():
        if not options.only or name in options.only:
            try:
                rows += part(bench)
            except (TimeoutError, AssertionError, ValueError, RuntimeError) as error:
                print(f"{name} could not be measured: {error}", file=sys.stderr)
                return 1
    print(table(rows), flush=True)
    broken = [row.ours.name for row in rows if not row.kept]
    if broken:
        print(f"limits broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended as well
    sys.exit(main())
