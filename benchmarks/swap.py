"""What replacing a link costs, and what one more session costs.

    python -m benchmarks.swap [--runs N] [--only gaps|losses|sessions|events] [--check]

Real sockets throughout, and servers in processes of their own. Ratios are to something bare that was
measured in the same run, because machines differ. With ``--check`` the exit code is 1 when a limit is
broken.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence

from benchmarks.kit.crowd import crowd
from benchmarks.kit.fanout import fanout
from benchmarks.kit.gaps import gaps
from benchmarks.kit.losses import losses
from benchmarks.kit.stats import Limit, Reading, Series, readings, table

RUNS = 60
LOSSES_PART = 6
"""So many swaps are measured for each lost link: a standby link is worth keeping only after 3 s."""

Part = Callable[[int], tuple[str, list[str]]]


def _times(bases: Sequence[Series], limits: Sequence[Limit]) -> tuple[str, list[str]]:
    """The table of a part, and the names of the limits that are broken."""
    return table(bases, limits), [limit.series.name for limit in limits if not limit.kept]


def _figures(found: Sequence[Reading]) -> tuple[str, list[str]]:
    return readings(found), [one.name for one in found if not one.kept]


PARTS: dict[str, Part] = {
    "gaps": lambda runs: _times(*asyncio.run(gaps(runs))),
    "losses": lambda runs: _times(*asyncio.run(losses(max(1, runs // LOSSES_PART)))),
    "sessions": lambda runs: _figures(crowd()),
    "events": lambda runs: _figures(asyncio.run(fanout())),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and tell with ``--check`` whether all limits are kept."""
    parser = argparse.ArgumentParser(prog="swap", description="Swaps, lost links, many sessions, events.")
    parser.add_argument("--runs", type=int, default=RUNS, help="swaps to measure (default: %(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is broken")
    options = parser.parse_args(arguments)
    broken: list[str] = []
    for name, part in PARTS.items():
        if options.only and name not in options.only:
            continue
        try:
            shown, missed = part(max(1, options.runs))
        except (TimeoutError, OSError, subprocess.SubprocessError) as error:
            print(f"{name} could not be measured: {error!r}", file=sys.stderr)
            return 1
        print(f"{shown}\n", flush=True)
        broken += missed
    if broken:
        print(f"limits broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
