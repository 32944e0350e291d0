"""What one process of many does; apart, because processes import it by name."""

from __future__ import annotations

import time

from tests.simulation.run import run_seed


def run_chunk(seeds: list[int]) -> list[tuple[int, list[str], float]]:
    """Seed, problems and real seconds of each run."""
    done = []
    for seed in seeds:
        began = time.perf_counter()
        result = run_seed(seed)
        done.append((seed, result.problems, time.perf_counter() - began))
    return done
