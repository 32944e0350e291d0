"""Makes a failing scenario smaller while it still fails: actions, faults and refusals are left out."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.simulation.plan import Scenario
from tests.simulation.run import run_scenario


def shrink(scenario: Scenario, *, rounds: int = 4) -> Scenario:
    """A scenario with less in it that still breaks a promise; the same one when it breaks none."""
    kind = _kind(scenario)
    if not kind:
        return scenario
    for _ in range(rounds):
        before = scenario
        for name in ("faults", "actions"):
            scenario = _without_some(scenario, name, kind)
        for number in tuple(scenario.refusals):
            fewer = {key: value for key, value in scenario.refusals.items() if key != number}
            scenario = _if_failing(scenario, kind, refusals=fewer)
        for calmer in ({"journal_fails": 0.0}, {"journal_delay": 0.0}, {"jitter": 0.0}, {"burst": 1}):
            scenario = _if_failing(scenario, kind, **calmer)
        if scenario == before:
            break
    return scenario


def _without_some(scenario: Scenario, name: str, kind: str) -> Scenario:
    at = 0
    while at < len(getattr(scenario, name)):
        items = getattr(scenario, name)
        smaller = _if_failing(scenario, kind, **{name: items[:at] + items[at + 1 :]})
        if smaller is scenario:
            at += 1
        scenario = smaller
    return scenario


def _if_failing(scenario: Scenario, kind: str, **changes: Any) -> Scenario:
    smaller = msgspec.structs.replace(scenario, **changes)
    return smaller if _kind(smaller) == kind else scenario


def _kind(scenario: Scenario) -> str:
    """The first words of the first problem: enough to tell one failure from another."""
    problems = run_scenario(scenario).problems
    return " ".join(word for word in problems[0].split()[:12] if word.isalpha()) if problems else ""
