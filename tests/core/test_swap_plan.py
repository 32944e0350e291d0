"""When a link is replaced, and how: every reason, every policy, and what never happens."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.capabilities import Resume
from neko_cli.core.profile import Standby, SwapTable
from neko_cli.core.swap_plan import (
    FLOOR,
    REPLACED,
    SETTLED,
    STANDBY_PART,
    Act,
    Choice,
    Situation,
    StandbyState,
    SwapReason,
    choose,
    due,
    is_late,
    remaining,
    resumes,
    wants_standby,
)

HOUR = 3600.0
QUIET_LIFE = Situation(policy=SwapTable(tokens=0), link_age=60.0, limit=HOUR)


def at(**changes) -> Situation:
    """A link in the middle of its life, with these differences; ``policy_turns`` … go to its policy."""
    policy = {name: changes.pop(f"policy_{name}") for name in ("turns", "tokens", "before_limit", "standby")
              if f"policy_{name}" in changes}  # fmt: skip
    table = msgspec.structs.replace(QUIET_LIFE.policy, **policy)
    return msgspec.structs.replace(QUIET_LIFE, policy=table, **changes)


# -- why ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        (at(), None),
        (at(limit=None, link_age=1e9), None),
        (at(link_age=3299.0), None),
        (at(link_age=3300.0), SwapReason.LIMIT),  # OpenAI: 55 of 60 min
        (at(limit=1800.0, renew_before=120.0, link_age=1679.0), None),
        (at(limit=1800.0, renew_before=120.0, link_age=1680.0), SwapReason.LIMIT),  # StepFun: 28 of 30
        (at(policy_before_limit=1200.0, link_age=2400.0), SwapReason.LIMIT),
        (at(policy_before_limit=1200.0, link_age=2399.0), None),
        (at(leaving_in=500.0), SwapReason.LIMIT),
        (at(leaving_in=0.0), SwapReason.LIMIT),
        # A time before the limit that is longer than the limit itself: half of the life, at least.
        (at(limit=3.0, link_age=1.4), None),
        (at(limit=3.0, link_age=1.5), SwapReason.LIMIT),
        (at(policy_turns=5, turns=4), None),
        (at(policy_turns=5, turns=5), SwapReason.CONTEXT),
        (at(policy_turns=0, turns=500), None),
        (at(policy_tokens=1000, tokens=999, turns=1), None),
        (at(policy_tokens=1000, tokens=1000, turns=1), SwapReason.CONTEXT),
        # What is large at the very beginning is not made smaller by yet another link.
        (at(policy_tokens=1000, tokens=9000, turns=0), None),
        (at(wishes=(SwapReason.USER,)), SwapReason.USER),
        (at(wishes=(SwapReason.CHARACTER,)), SwapReason.CHARACTER),
        (at(wishes=(SwapReason.AGENT,)), SwapReason.AGENT),
        (at(wishes=(SwapReason.AGENT, SwapReason.USER)), SwapReason.AGENT),
        # The provider's limit waits for nothing, a wish goes before the context.
        (at(wishes=(SwapReason.USER,), link_age=3300.0), SwapReason.LIMIT),
        (at(wishes=(SwapReason.USER,), policy_turns=1, turns=9), SwapReason.USER),
    ],
)
def test_why_a_link_is_replaced(situation, reason):
    assert due(situation) is reason


@pytest.mark.parametrize(
    ("situation", "left"),
    [
        (at(limit=None), None),
        (at(), HOUR - 60.0),
        (at(leaving_in=50.0), 50.0),
        (at(leaving_in=50.0, limit=100.0), 40.0),
        (at(leaving_in=50.0, limit=None), 50.0),
    ],
)
def test_what_is_left(situation, left):
    assert remaining(situation) == left


@pytest.mark.parametrize(
    ("situation", "late"),
    [
        (at(limit=None), False),
        (at(link_age=HOUR - FLOOR - 0.1), False),
        (at(link_age=HOUR - FLOOR), True),
        (at(leaving_in=FLOOR), True),
        (at(leaving_in=FLOOR + 1, limit=None), False),
        # Of a very short life not all is too late.
        (at(limit=3.0, link_age=1.5), False),
        (at(limit=3.0, link_age=2.69), False),
        (at(limit=3.0, link_age=2.7), True),
    ],
)
def test_when_a_quiet_moment_is_waited_for_no_more(situation, late):
    assert is_late(situation) is late


# -- how ----------------------------------------------------------------------------------------

DUE = {"link_age": 3400.0}
LATE = {"link_age": HOUR - 1.0}
READY = {"standby": StandbyState.READY}
TALKING = {"quiet": False}
HANDLE = {"handle": True, "resume": Resume.HANDLE}


@pytest.mark.parametrize(
    ("situation", "act"),
    [
        (at(**DUE), Act.PREPARE),
        (at(**DUE, **TALKING), Act.PREPARE),
        (at(**DUE, standby=StandbyState.PREPARING), Act.REST),
        (at(**DUE, **READY), Act.SWAP),
        (at(**DUE, **READY, **TALKING), Act.REST),
        (at(**LATE, **READY, **TALKING), Act.SWAP),
        (at(**LATE, **TALKING), Act.PREPARE),
        # A standby link that cannot be told more is made when nothing more is being said.
        (at(**DUE, can_catch_up=False, **TALKING), Act.REST),
        (at(**DUE, can_catch_up=False), Act.PREPARE),
        # Where somebody talks to the end it would never fit: then the live link goes first, as far as it may.
        (at(**LATE, can_catch_up=False, **TALKING), Act.REPLACE),
        (at(**LATE, can_catch_up=False, wishes=(SwapReason.AGENT,), **TALKING), Act.REPLACE),
        (at(wishes=(SwapReason.CHARACTER,), can_catch_up=False, **TALKING), Act.REST),
        (at(**LATE, can_catch_up=False, standby=StandbyState.PREPARING, **TALKING), Act.REST),
        (at(**LATE, can_catch_up=False, **READY, **TALKING), Act.SWAP),
        # Where no two links may be open at once, the first is closed before.
        (at(**DUE, standby_refused=True), Act.REPLACE),
        (at(**DUE, standby_refused=True, **TALKING), Act.REST),
        (at(**LATE, standby_refused=True, **TALKING), Act.REPLACE),
        # But not for what it goes on well without.
        (at(wishes=(SwapReason.USER,), standby_refused=True), Act.REPLACE),
        (at(policy_turns=1, turns=3, standby_refused=True), Act.REPLACE),
        (at(wishes=(SwapReason.CHARACTER,), standby_refused=True), Act.PREPARE),
        (at(wishes=(SwapReason.AGENT,), standby_refused=True), Act.PREPARE),
        (at(wishes=(SwapReason.AGENT, SwapReason.USER), standby_refused=True), Act.REPLACE),
        (at(wishes=(SwapReason.AGENT,), policy_turns=1, turns=3, standby_refused=True), Act.REPLACE),
        # A standby link that is not what is wanted any more.
        (at(**DUE, **READY, standby_fits=False), Act.DROP),
        (at(**READY, standby_fits=False, policy_standby=Standby.WARM), Act.DROP),
        # By a handle.
        (at(**DUE, **HANDLE), Act.REPLACE),
        (at(**DUE, **HANDLE, **TALKING), Act.REST),
        (at(**LATE, **HANDLE, **TALKING), Act.REPLACE),
        (at(wishes=(SwapReason.USER,), **HANDLE), Act.REPLACE),
        # What shall be different needs a session of its own.
        (at(wishes=(SwapReason.CHARACTER,), **HANDLE), Act.PREPARE),
        (at(wishes=(SwapReason.AGENT,), **HANDLE), Act.PREPARE),
        (at(policy_turns=1, turns=3, **HANDLE), Act.PREPARE),
        # No handle just now.
        (at(**DUE, resume=Resume.HANDLE), Act.PREPARE),
        (at(**DUE, handle=True), Act.PREPARE),
    ],
)
def test_how_a_link_is_replaced(situation, act):
    assert choose(situation).act is act
    if act is not Act.REST:
        assert choose(situation).reason is due(situation) or due(situation) is None


def test_only_where_nothing_changes_a_handle_is_used():
    for reason in SwapReason:
        assert resumes(at(**HANDLE), reason) is (reason in (SwapReason.LIMIT, SwapReason.USER))
        assert not resumes(at(resume=Resume.HANDLE), reason)
        assert not resumes(at(handle=True), reason)
    assert resumes(at(handle=True, resume=Resume.CONVERSATION), SwapReason.LIMIT)


# -- standby links --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standby", "idle_is_free", "wanted"),
    [
        (Standby.WARM, False, True),
        (Standby.WARM, True, True),
        (Standby.COLD, False, False),
        (Standby.COLD, True, False),
        (Standby.AUTO, False, False),
        (Standby.AUTO, True, True),
    ],
)
def test_policies(standby, idle_is_free, wanted):
    situation = at(policy_standby=standby, idle_is_free=idle_is_free)
    assert wants_standby(situation) is wanted
    assert choose(situation) == (Choice(Act.PREPARE) if wanted else Choice(Act.REST))
    kept = msgspec.structs.replace(situation, standby=StandbyState.READY)
    assert choose(kept).act is (Act.REST if wanted else Act.DROP)


@pytest.mark.parametrize(
    "unlike",
    [
        {"keep_standby": False},
        {"standby_refused": True},
        {"can_catch_up": False},
        {"resume": Resume.HANDLE},
        {"resume": Resume.CONVERSATION},
        {"link_age": SETTLED - 0.1},
    ],
)
def test_without_need_no_standby_link_is_made(unlike):
    situation = at(policy_standby=Standby.WARM, **unlike)
    assert not wants_standby(situation)
    assert choose(situation).act is Act.REST


def test_a_standby_link_is_kept_right_after_another_one_was_used():
    situation = at(policy_standby=Standby.WARM, link_age=0.1, **READY)
    assert choose(situation).act is Act.REST


@pytest.mark.parametrize(
    ("limits", "oldest"),
    [
        ({"limit": HOUR}, HOUR * STANDBY_PART),
        ({"limit": HOUR, "standby_limit": 60.0}, 60.0 * STANDBY_PART),
        ({"limit": None, "standby_limit": 60.0}, 60.0 * STANDBY_PART),
    ],
)
def test_a_standby_link_that_grew_old_is_renewed(limits, oldest):
    young = at(policy_standby=Standby.WARM, **READY, standby_age=oldest, **limits)
    old = msgspec.structs.replace(young, standby_age=oldest + 1)
    assert choose(young).act is Act.REST
    assert choose(old).act is Act.DROP
    # With a swap due, an old one is better than none.
    assert choose(msgspec.structs.replace(old, leaving_in=100.0)).act is Act.SWAP


def test_a_standby_link_never_grows_too_old_without_limits():
    assert choose(at(policy_standby=Standby.WARM, limit=None, **READY, standby_age=1e9)).act is Act.REST


# -- always and never ---------------------------------------------------------------------------

seconds = st.one_of(st.floats(0, 20), st.floats(0, 8000))
policies = st.builds(
    SwapTable,
    turns=st.integers(0, 20),
    tokens=st.integers(0, 30_000),
    before_limit=st.one_of(st.just(0.0), st.floats(0, 3600)),
    standby=st.sampled_from(Standby),
)
situations = st.builds(
    Situation,
    policy=policies,
    link_age=seconds,
    limit=st.one_of(st.none(), seconds.filter(bool)),
    leaving_in=st.one_of(st.none(), st.none(), seconds),
    renew_before=st.floats(0, 600),
    turns=st.integers(0, 30),
    tokens=st.integers(0, 40_000),
    wishes=st.lists(
        st.sampled_from([SwapReason.USER, SwapReason.CHARACTER, SwapReason.AGENT]), max_size=2
    ).map(tuple),
    quiet=st.booleans(),
    standby=st.sampled_from(StandbyState),
    standby_age=seconds,
    standby_limit=st.one_of(st.none(), seconds),
    standby_fits=st.booleans(),
    standby_refused=st.booleans(),
    idle_is_free=st.booleans(),
    keep_standby=st.booleans(),
    can_catch_up=st.booleans(),
    handle=st.booleans(),
    resume=st.sampled_from(Resume),
)
often = settings(max_examples=400, deadline=None)


@often
@given(situations)
def test_nobody_is_cut_short_unless_time_is_up(now):
    if choose(now).act in (Act.SWAP, Act.REPLACE):
        assert now.quiet or is_late(now)
        assert due(now) is not None


@often
@given(situations)
def test_no_link_is_closed_beforehand_for_what_it_goes_on_well_without(now):
    if choose(now).act is Act.REPLACE:
        assert choose(now).reason in REPLACED


@often
@given(situations)
def test_before_the_limit_is_over_something_is_done(now):
    left = remaining(now)
    if left is None or left > FLOOR or not is_late(now):
        return
    act = choose(now).act
    replaced = resumes(now, SwapReason.LIMIT) or (now.standby_refused and due(now) in REPLACED)
    if now.standby is StandbyState.PREPARING and not replaced:
        assert act is Act.REST  # it is on its way
    else:
        assert act is not Act.REST


@often
@given(situations)
def test_a_swap_is_due_before_a_link_is_over(now):
    left = remaining(now)
    if left is not None and left <= 0:
        assert due(now) is SwapReason.LIMIT
        assert is_late(now)
    if is_late(now):
        assert due(now) is not None


@often
@given(situations)
def test_where_idle_links_cost_something_auto_keeps_none_until_a_swap_is_due(now):
    careful = msgspec.structs.replace(now, idle_is_free=False)
    careful = msgspec.structs.replace(
        careful, policy=msgspec.structs.replace(now.policy, standby=Standby.AUTO)
    )
    if due(careful) is None:
        assert choose(careful).act is (Act.DROP if careful.standby is StandbyState.READY else Act.REST)


@often
@given(situations)
def test_what_does_not_fit_is_never_promoted(now):
    if not now.standby_fits:
        assert choose(now).act is not Act.SWAP
    if choose(now).act is Act.SWAP:
        assert now.standby is StandbyState.READY


@often
@given(situations)
def test_what_was_dropped_is_not_made_again_only_to_be_dropped(now):
    """A new standby link, of age 0 and as is wanted, is kept; else links would be opened for ever."""
    if choose(now).act is Act.PREPARE:
        made = msgspec.structs.replace(now, standby=StandbyState.READY, standby_age=0.0, standby_fits=True)
        assert choose(made).act is not Act.DROP


@often
@given(situations, st.floats(1.0, 8000.0))
def test_a_link_lives_half_of_its_life_before_its_limit_is_a_reason(now, limit):
    young = msgspec.structs.replace(now, limit=limit, link_age=limit * 0.49, leaving_in=None, wishes=())
    assert due(young) in (None, SwapReason.CONTEXT)
