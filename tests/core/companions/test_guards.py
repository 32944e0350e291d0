"""Limits on connection time are told before they are reached, and hold; idle links are parked."""

from __future__ import annotations

import datetime

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.companions.guards import IDLE_MARGIN, Budget, Scope, Standing, park_due
from neko_cli.core.profile import GuardTable

NOON = datetime.datetime(2026, 3, 4, 12).astimezone().timestamp()
DAY = 86_400.0


def limits(session: float = 0, day: float = 0) -> GuardTable:
    return GuardTable(max_minutes=session, max_minutes_day=day)


def test_without_limits_all_is_fine() -> None:
    budget = Budget(limits(), 1e9)
    assert budget.look(NOON, 1e9).standing is Standing.FINE


def test_a_limit_is_told_at_four_fifths_and_at_one_minute_once_each() -> None:
    budget = Budget(limits(session=30))
    told = [(second, budget.look(NOON, second)) for second in range(0, 1801, 10)]
    warnings = [(second, verdict.left) for second, verdict in told if verdict.standing is Standing.WARN]
    assert warnings == [(1440, 360.0), (1740, 60.0)]
    assert told[-1][1].standing is Standing.STOP
    assert all(verdict.standing is not Standing.STOP for second, verdict in told if second < 1800)


def test_warnings_and_stops_are_sentences() -> None:
    budget = Budget(limits(session=30))
    assert budget.look(NOON, 1440).text == "6 minutes left of the 30 minutes that this session may use."
    assert budget.look(NOON, 1740).text == "60 seconds left of the 30 minutes that this session may use."
    assert budget.look(NOON, 1800).text == "The 30 minutes that this session may use are over."
    assert budget.look(NOON, 0).text == ""


def test_a_stop_holds() -> None:
    budget = Budget(limits(session=1))
    assert {budget.look(NOON, seconds).standing for seconds in (60, 61, 3600)} == {Standing.STOP}


def test_a_limit_of_a_minute_or_less_is_not_told_at_its_beginning() -> None:
    budget = Budget(limits(session=1))
    assert budget.look(NOON, 0).standing is Standing.FINE
    assert budget.look(NOON, 48).standing is Standing.WARN


def test_a_late_look_warns_once_for_both_marks() -> None:
    budget = Budget(limits(session=30))
    assert budget.look(NOON, 1770).standing is Standing.WARN
    assert budget.look(NOON, 1771).standing is Standing.FINE


def test_the_day_counts_what_other_sessions_used() -> None:
    budget = Budget(limits(day=60), used_today_s=3000)
    assert budget.look(NOON, 0).scope is Scope.DAY
    verdict = budget.look(NOON, 600)
    assert (verdict.standing, verdict.scope) == (Standing.STOP, Scope.DAY)
    assert "one day" in verdict.text
    budget.used_elsewhere(0.0)
    assert budget.look(NOON, 600).standing is Standing.FINE


def test_the_next_day_counts_afresh_and_warns_afresh() -> None:
    budget = Budget(limits(day=60), used_today_s=2880)
    assert budget.look(NOON, 0).standing is Standing.WARN
    assert budget.look(NOON, 720).standing is Standing.STOP
    tomorrow = [budget.look(NOON + DAY, 800 + used).standing for used in (0, 2870, 2880, 2890, 3590, 3600)]
    assert [standing.value for standing in tomorrow] == ["fine", "fine", "warn", "fine", "warn", "stop"]


def test_midnight_does_not_end_a_sessions_own_limit() -> None:
    budget = Budget(limits(session=10))
    budget.look(NOON, 590)
    assert budget.look(NOON + DAY, 600).standing is Standing.STOP


def test_two_limits_are_told_one_after_the_other_the_nearer_first() -> None:
    budget = Budget(limits(session=10, day=10), used_today_s=5)
    first, second, third = (budget.look(NOON, 480) for _ in range(3))
    assert (first.scope, second.scope) == (Scope.DAY, Scope.SESSION)
    assert third.standing is Standing.FINE


# Parking


def test_an_idle_link_that_costs_is_parked_after_the_profiles_time() -> None:
    guard = GuardTable(park_minutes=5)
    assert not park_due(299.0, Capabilities(), guard)
    assert park_due(300.0, Capabilities(), guard)


def test_an_idle_link_that_is_free_is_never_parked() -> None:
    assert not park_due(1e9, Capabilities(idle_is_free=True), GuardTable(park_minutes=5))


def test_a_link_is_parked_before_the_provider_closes_it() -> None:
    guard, closes = GuardTable(park_minutes=5), Capabilities(idle_close=180.0)
    assert not park_due(180.0 - IDLE_MARGIN - 1, closes, guard)
    assert park_due(180.0 - IDLE_MARGIN, closes, guard)
    assert park_due(60.0, closes, GuardTable(park_minutes=1))
    assert park_due(5.0, Capabilities(idle_close=10.0), guard)
    assert not park_due(4.9, Capabilities(idle_close=10.0), guard)
    assert not park_due(1e9, closes, GuardTable(park_minutes=0))


def test_no_time_means_never() -> None:
    assert not park_due(1e9, Capabilities(), GuardTable(park_minutes=0))
