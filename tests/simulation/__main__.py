"""Runs many seeds over all cores, or replays one with a trace.

python -m tests.simulation --seeds 100000
python -m tests.simulation --seed 4711 --verbose
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

import msgspec

from tests.simulation.batch import run_chunk
from tests.simulation.run import Result, run_scenario
from tests.simulation.scenario import make_scenario
from tests.simulation.shrink import shrink

CHUNK = 20
"""Seeds that a process takes at once."""


def main() -> int:
    """The exit code: 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--stop-after", type=int, default=20, help="failing seeds after which it is enough")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--verbose", action="store_true", help="with --seed: print everything that happens")
    parser.add_argument("--shrink", action="store_true", help="with --seed: leave out what does not matter")
    options = parser.parse_args()
    if options.seed is not None:
        return _replay(options.seed, verbose=options.verbose, smaller=options.shrink)
    return _run_many(range(options.first, options.first + options.seeds), options.jobs, options.stop_after)


def _replay(seed: int, *, verbose: bool, smaller: bool) -> int:
    scenario = make_scenario(seed)
    if smaller:
        scenario = shrink(scenario)
    result = run_scenario(scenario, keep_trace=verbose)
    if verbose or smaller:
        print(_describe(result))
    for line in result.trace:
        print(line)
    for problem in result.problems:
        print(f"PROBLEM  {problem}")
    print(f"seed {seed}: {'failed' if result.problems else 'ok'}, {result.seconds:.1f} virtual seconds")
    return 1 if result.problems else 0


def _describe(result: Result) -> str:
    data = msgspec.to_builtins(result.scenario)
    return "\n".join(f"{key}: {value}" for key, value in data.items())


def _chunks(seeds: range) -> Iterator[list[int]]:
    for start in range(0, len(seeds), CHUNK):
        yield list(seeds[start : start + CHUNK])


def _run_many(seeds: range, jobs: int, enough: int) -> int:
    began = time.perf_counter()
    failed: list[int] = []
    done, busy, slowest = 0, 0.0, (0.0, -1)
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for chunk in pool.imap_unordered(run_chunk, _chunks(seeds)):
            for seed, problems, seconds in chunk:
                done += 1
                busy += seconds
                slowest = max(slowest, (seconds, seed))
                if problems:
                    failed.append(seed)
                    _tell_failure(seed, problems)
            _bar(done, len(seeds), len(failed), time.perf_counter() - began)
            if len(failed) >= enough:
                pool.terminate()
                break
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(
        f"{done} seeds in {time.perf_counter() - began:.1f} s, {busy / max(1, done) * 1000:.0f} ms each, "
        f"slowest {slowest[0] * 1000:.0f} ms (seed {slowest[1]}); {len(failed)} failed"
    )
    return 1 if failed else 0


def _tell_failure(seed: int, problems: list[str]) -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    lines = problems[0].rstrip().splitlines()
    print(f"seed {seed} failed: {lines[-1] if lines[0].startswith('Traceback') else lines[0]}"[:1000])
    if len(problems) > 1:
        print(f"  and {len(problems) - 1} more")
    print(f"  replay: python -m tests.simulation --seed {seed} --verbose", flush=True)


def _bar(done: int, total: int, failed: int, seconds: float) -> None:
    if not sys.stderr.isatty():
        return
    width = 40
    full = width * done // total
    left = seconds / done * (total - done)
    text = f"[{'#' * full}{'.' * (width - full)}] {done}/{total}  {failed} failed  {left:.0f} s left"
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
