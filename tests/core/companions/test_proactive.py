"""The character speaks first when it may, and never into anything."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.proactive import (
    COOL_DOWN,
    QUIET,
    UNANSWERED,
    Cause,
    Initiative,
    Situation,
)
from neko_cli.core.tables_eyes import ProactiveTable

BOTH = ProactiveTable(idle_minutes=5, on_notice=True)
QUIET_ROOM = Situation(idle_s=300.0, talking=False, typing=False, muted=False, link_up=True)


def but(**fields: object) -> Situation:
    return msgspec.structs.replace(QUIET_ROOM, **fields)


def test_it_is_off_by_default() -> None:
    now = but(idle_s=1e9, notice_waits=True)
    assert Initiative().may_speak(ProactiveTable(), 0.0, now) is None


def test_after_the_idle_time_and_on_a_notice() -> None:
    who = Initiative()
    assert who.may_speak(BOTH, 0.0, QUIET_ROOM) is Cause.IDLE
    assert who.may_speak(BOTH, 0.0, but(idle_s=299.9)) is None
    assert who.may_speak(BOTH, 0.0, but(idle_s=QUIET, notice_waits=True)) is Cause.NOTICE
    assert who.may_speak(BOTH, 0.0, but(idle_s=QUIET - 0.1, notice_waits=True)) is None
    assert who.may_speak(ProactiveTable(idle_minutes=5), 0.0, but(idle_s=60.0, notice_waits=True)) is None


@pytest.mark.parametrize(
    "other", [{"talking": True}, {"typing": True}, {"muted": True}, {"link_up": False}], ids=str
)
@pytest.mark.parametrize("notice", [True, False])
def test_never_into_anything(other: dict[str, bool], notice: bool) -> None:
    assert Initiative().may_speak(BOTH, 0.0, but(notice_waits=notice, **other)) is None


def test_it_rests_after_it_spoke_and_waits_when_nobody_answers() -> None:
    who, now = Initiative(), 1000.0
    for _ in range(UNANSWERED):
        assert who.may_speak(BOTH, now, QUIET_ROOM) is Cause.IDLE
        who.spoke_first(now)
        assert who.may_speak(BOTH, now + COOL_DOWN - 0.1, QUIET_ROOM) is None
        now += COOL_DOWN
    assert who.may_speak(BOTH, now + 1e6, QUIET_ROOM) is None
    who.user_spoke()
    assert who.may_speak(BOTH, now, QUIET_ROOM) is Cause.IDLE


@given(st.lists(st.floats(0, 400), max_size=40))
def test_without_an_answer_it_speaks_only_so_often(gaps: list[float]) -> None:
    who, now, spoke = Initiative(), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if who.may_speak(BOTH, now, QUIET_ROOM):
            who.spoke_first(now)
            spoke.append(now)
    assert len(spoke) <= UNANSWERED
    assert all(later - earlier >= COOL_DOWN for earlier, later in zip(spoke, spoke[1:], strict=False))
