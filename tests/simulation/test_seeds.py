"""500 seeds in every test run; `make simulate` runs as many as you like."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.hygiene.tree import ROOT
from tests.simulation.run import run_seed

SEEDS = 500
TESTS = 20
"""Tests that the seeds are split into, so that they spread over processes."""

PER_TEST = SEEDS // TESTS


@pytest.mark.timeout(120)
@pytest.mark.parametrize("first", range(0, SEEDS, PER_TEST))
def test_every_promise_is_kept(first: int) -> None:
    failed: list[str] = []
    for seed in range(first, first + PER_TEST):
        problems = run_seed(seed).problems
        if problems:
            failed.append(
                f"seed {seed}: {problems[0].rstrip()[:1500]}\n"
                f"  replay: python -m tests.simulation --seed {seed} --verbose"
            )
    assert not failed, "\n".join(failed)


def test_a_seed_runs_the_same_way_in_every_process() -> None:
    program = (
        "from tests.simulation.run import run_seed\n"
        "print([run_seed(seed).digest for seed in (3, 7, 11, 21, 40)])"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
            timeout=50,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1, digests
