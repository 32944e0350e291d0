"""Rate limits move a ladder down, each mode for itself; nothing else does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.energy import (
    COOL_DOWN,
    EXHAUSTED,
    Change,
    EnergyBook,
    Ladder,
    Reason,
    clamp,
    costs_energy,
    current,
    degrade,
    handle_valid_for,
    ladder_for,
    prompt_for,
    reset,
)
from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
    SessionExpired,
)
from neko_cli.core.modes import Mode
from neko_cli.core.profile import EnergyTable, Profile, ProviderTable, Rung
from neko_cli.core.retry import Backoff

MODELS = Ladder((Rung(model="big"), Rung(model="middle"), Rung(model="small", resumable=False)))
PLAIN = Profile(provider=ProviderTable(model="own"))
LADDERED = Profile(
    provider=ProviderTable(model="own"),
    energy=EnergyTable(call=MODELS.rungs, text=(Rung(), Rung(model="small"))),
)
ladders = st.builds(
    lambda rungs: Ladder(tuple(rungs)),
    st.lists(st.builds(Rung, model=st.sampled_from(["", "a", "b"]), resumable=st.booleans()), max_size=5),
)
levels = st.integers(-3, 8)


def exhausted(mode: Mode = Mode.CALL, *, now: float = 100.0, retry_after: float | None = None) -> EnergyBook:
    """A book whose ladder for a mode has just run out."""
    book = EnergyBook(PLAIN)
    while book.level(mode):
        book.rate_limited(mode, now, retry_after)
    return book


# The ladder


def test_a_ladder_counts_down_from_the_newest_rung_to_none() -> None:
    assert [current(MODELS, level) for level in (3, 2, 1)] == list(MODELS.rungs)
    assert current(MODELS, 0) is None
    assert reset(MODELS) == 3


@given(ladders, levels)
def test_each_step_down_costs_one_level_and_ends_at_none(ladder: Ladder, level: int) -> None:
    lower = degrade(ladder, level)
    assert lower == max(0, clamp(ladder, level) - 1)
    assert (current(ladder, lower) is None) == (lower == 0)
    assert degrade(ladder, 0) == 0


@given(ladders, st.floats())
def test_any_bad_level_becomes_one_of_the_ladder(ladder: Ladder, level: float) -> None:
    assert 0 <= clamp(ladder, level) <= ladder.top


def test_a_fraction_of_a_level_is_rounded_down_and_nonsense_is_none() -> None:
    assert clamp(MODELS, 2.9) == 2
    assert clamp(MODELS, math.nan) == 0
    assert clamp(MODELS, math.inf) == 3


def test_default_ladders_have_three_rungs_for_calls_and_two_for_text() -> None:
    assert ladder_for(PLAIN, Mode.CALL).top == 3
    assert ladder_for(PLAIN, Mode.TEXT).top == 2
    for mode in Mode:
        rungs = ladder_for(PLAIN, mode).rungs
        assert {rung.model for rung in rungs} == {""}
        assert [rung.resumable for rung in rungs] == [True] * (len(rungs) - 1) + [False]


def test_a_profiles_ladder_goes_before_the_default_in_each_mode() -> None:
    half = Profile(energy=EnergyTable(text=(Rung(model="only"),)))
    assert ladder_for(half, Mode.TEXT).rungs == (Rung(model="only"),)
    assert ladder_for(half, Mode.CALL).top == 3


# Handles


def test_a_handle_is_not_for_another_model() -> None:
    assert not handle_valid_for(MODELS, 3, 2)
    assert not handle_valid_for(MODELS, 1, 3)


def test_the_same_model_takes_the_handle_unless_its_rung_cannot_resume() -> None:
    default = ladder_for(PLAIN, Mode.CALL)
    assert handle_valid_for(default, 3, 2)
    assert not handle_valid_for(default, 2, 1)
    assert not handle_valid_for(default, 3, 1)
    assert handle_valid_for(default, 1, 3)


@given(ladders, levels)
def test_a_level_takes_its_own_handle_and_an_exhausted_one_takes_none(ladder: Ladder, level: int) -> None:
    assert handle_valid_for(ladder, level, level) == (clamp(ladder, level) > 0)
    assert not handle_valid_for(ladder, level, 0)
    assert not handle_valid_for(ladder, 0, level)


@given(ladders, levels, levels)
def test_a_valid_handle_never_crosses_models_or_unresumable_rungs(ladder: Ladder, old: int, new: int) -> None:
    before, after = current(ladder, old), current(ladder, new)
    if handle_valid_for(ladder, old, new):
        assert before is not None
        assert after is not None
        assert before.model == after.model
        if clamp(ladder, new) < clamp(ladder, old):
            assert after.resumable


# What costs energy


@pytest.mark.parametrize(
    "error",
    [
        CredentialsError("rate limit of keys"),
        LinkError("too many requests"),
        InvalidRequest("429"),
        QuotaExhausted("quota", code="insufficient_quota"),
        ServerFault("overloaded", retry_after=3.0),
        SessionExpired("limit"),
        ConfigError("rate_limit_exceeded", code="rate_limit_exceeded"),
    ],
)
def test_no_other_error_costs_energy_whatever_its_words(error) -> None:
    assert not costs_energy(error)


def test_a_rate_limit_costs_energy_and_our_own_refusal_does_not() -> None:
    assert costs_energy(RateLimited("wait"))
    refusal = exhausted().refusal(Mode.CALL, 100.0)
    assert refusal is not None
    assert not costs_energy(refusal)


# The book


def test_a_rate_limit_tells_what_changed() -> None:
    book = EnergyBook(LADDERED)
    assert book.model(Mode.CALL) == "big"
    assert book.rate_limited(Mode.CALL, 0.0) == Change(
        mode=Mode.CALL,
        old=3,
        level=2,
        max=3,
        model="middle",
        reason=Reason.RATE_LIMIT,
        handle_valid=False,
    )
    assert book.rung(Mode.CALL) == MODELS.rungs[1]


def test_a_rung_without_a_model_takes_the_profiles_and_still_costs_a_level() -> None:
    book = EnergyBook(PLAIN)
    change = book.rate_limited(Mode.CALL, 0.0)
    assert change is not None
    assert (change.level, change.model, change.handle_valid) == (2, "own", True)


@pytest.mark.parametrize(("limited", "other"), [(Mode.CALL, Mode.TEXT), (Mode.TEXT, Mode.CALL)])
def test_a_rate_limit_in_one_mode_never_touches_the_other(limited: Mode, other: Mode) -> None:
    book = EnergyBook(PLAIN)
    top = book.level(other)
    for _ in range(9):
        book.rate_limited(limited, 0.0)
    assert book.level(limited) == 0
    assert book.level(other) == top
    assert book.refusal(other, 0.0) is None


def test_an_exhausted_ladder_changes_no_more() -> None:
    book = exhausted()
    assert book.rate_limited(Mode.CALL, 101.0) is None
    assert book.model(Mode.CALL) == ""
    assert book.rung(Mode.CALL) is None


def test_an_exhausted_ladder_refuses_until_the_cool_down_is_over() -> None:
    book = exhausted(now=100.0)
    refusal = book.refusal(Mode.CALL, 100.0)
    assert isinstance(refusal, RateLimited)
    assert refusal.code == EXHAUSTED
    assert refusal.retry_after == COOL_DOWN
    assert str(refusal) == "The energy for calls is exhausted. Try again in 10 minutes."
    late = book.refusal(Mode.CALL, 100.0 + COOL_DOWN - 1)
    assert late is not None
    assert late.hint == "Try again in 1 second."
    assert book.refusal(Mode.CALL, 100.0 + COOL_DOWN) is None


def test_the_provider_says_how_long_to_wait() -> None:
    book = exhausted(now=0.0, retry_after=45.0)
    refusal = book.refusal(Mode.CALL, 5.0)
    assert refusal is not None
    assert refusal.retry_after == 40.0
    assert refusal.hint == "Try again in 40 seconds."


def test_a_late_rate_limit_lengthens_the_wait_and_never_shortens_it() -> None:
    book = exhausted(now=0.0, retry_after=45.0)
    book.rate_limited(Mode.CALL, 1.0, 5.0)
    book.rate_limited(Mode.CALL, 2.0)
    refusal = book.refusal(Mode.CALL, 2.0)
    assert refusal is not None
    assert refusal.retry_after == 43.0
    book.rate_limited(Mode.CALL, 3.0, 100.0)
    refusal = book.refusal(Mode.CALL, 3.0)
    assert refusal is not None
    assert refusal.retry_after == 100.0


@pytest.mark.parametrize("told", [math.nan, -5.0, math.inf])
def test_a_senseless_wait_does_no_harm(told: float) -> None:
    refusal = exhausted(retry_after=told).refusal(Mode.CALL, 100.0)
    assert refusal is None if told < 0 else refusal is not None


def test_a_refusal_is_not_tried_again_in_a_loop() -> None:
    refusal = exhausted().refusal(Mode.CALL, 100.0)
    assert Backoff(lambda: 0.5).next_delay(refusal) is None


def test_a_new_call_does_not_refill_a_ladder_that_refuses() -> None:
    book = exhausted(now=0.0)
    assert book.new_call(1.0) is None
    assert book.refusal(Mode.CALL, 1.0) is not None
    change = book.new_call(COOL_DOWN)
    assert change is not None
    assert (change.old, change.level, change.reason) == (0, 3, Reason.NEW_CALL)


def test_a_new_call_restores_call_energy_alone() -> None:
    book = EnergyBook(PLAIN)
    book.rate_limited(Mode.CALL, 0.0)
    book.rate_limited(Mode.TEXT, 0.0)
    change = book.new_call(1.0)
    assert change is not None
    assert change.mode is Mode.CALL
    assert book.level(Mode.CALL) == 3
    assert book.level(Mode.TEXT) == 1
    assert book.new_call(2.0) is None


def test_text_energy_comes_back_after_the_cool_down_only() -> None:
    book = EnergyBook(PLAIN)
    book.rate_limited(Mode.TEXT, 0.0)
    assert book.recovered(Mode.TEXT, 1e6) is None
    book.rate_limited(Mode.TEXT, 0.0)
    assert book.recovered(Mode.TEXT, COOL_DOWN - 1) is None
    change = book.recovered(Mode.TEXT, COOL_DOWN)
    assert change is not None
    assert (change.level, change.reason) == (2, Reason.RECOVERED)


def test_another_character_starts_rested_in_both_modes() -> None:
    book = exhausted(now=0.0)
    book.rate_limited(Mode.TEXT, 0.0)
    changes = book.switched(LADDERED)
    assert {change.mode: (change.old, change.level, change.model) for change in changes} == {
        Mode.CALL: (0, 3, "big"),
        Mode.TEXT: (1, 2, "own"),
    }
    assert {change.reason for change in changes} == {Reason.CHARACTER}
    assert not any(change.handle_valid for change in changes)
    assert book.refusal(Mode.CALL, 0.0) is None


def test_an_edited_profile_keeps_the_steps_down() -> None:
    book = EnergyBook(PLAIN)
    book.rate_limited(Mode.CALL, 0.0)
    longer = Profile(energy=EnergyTable(call=tuple(Rung(model=name) for name in "abcde")))
    (change,) = book.edited(longer)
    assert (change.old, change.level, change.max, change.model) == (2, 4, 5, "b")
    assert change.reason is Reason.PROFILE


def test_an_edited_profile_neither_exhausts_nor_refills() -> None:
    one = Profile(energy=EnergyTable(call=(Rung(model="only"),)))
    book = EnergyBook(PLAIN)
    book.rate_limited(Mode.CALL, 0.0)
    book.edited(one)
    assert book.level(Mode.CALL) == 1
    empty = exhausted(now=0.0)
    empty.edited(one)
    assert empty.refusal(Mode.CALL, 1.0) is not None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["limit", "call", "recover", "switch", "edit"]),
            st.sampled_from(list(Mode)),
            st.floats(0, 900),
        ),
        max_size=30,
    )
)
def test_levels_stay_in_range_and_only_rate_limits_lower_them(steps) -> None:
    book = EnergyBook(PLAIN)
    now = 0.0
    for what, mode, wait in steps:
        now += wait
        before = {each: book.level(each) for each in Mode}
        refused = book.refusal(mode, now) is not None
        match what:
            case "limit":
                book.rate_limited(mode, now)
            case "call":
                book.new_call(now)
            case "recover":
                book.recovered(mode, now)
            case "switch":
                book.switched(PLAIN)
            case _:
                book.edited(PLAIN)
        for each in Mode:
            assert 0 <= book.level(each) <= book.ladder(each).top
            if what != "limit" or each is not mode:
                assert book.level(each) >= before[each]
        if refused and what != "switch":
            assert book.level(mode) == 0


# Prompts


@pytest.mark.parametrize("mode", list(Mode))
def test_every_level_below_the_top_has_a_line_of_its_own_and_the_top_has_none(mode: Mode) -> None:
    top = ladder_for(PLAIN, mode).top
    lines = [prompt_for(PLAIN, mode, level) for level in range(top + 1)]
    assert lines[top] == ""
    assert all(lines[:top])
    assert len(set(lines)) == top + 1


def test_a_characters_own_line_goes_first_and_missing_ones_take_the_default() -> None:
    own = Profile(energy=EnergyTable(call_prompts=("Zzz.", "")))
    assert prompt_for(own, Mode.CALL, 0) == "Zzz."
    assert prompt_for(own, Mode.CALL, 1) == prompt_for(PLAIN, Mode.CALL, 1)
    assert prompt_for(own, Mode.TEXT, 0) == prompt_for(PLAIN, Mode.TEXT, 0)
    book = EnergyBook(own)
    for _ in range(3):
        book.rate_limited(Mode.CALL, 0.0)
    assert book.prompt(Mode.CALL) == "Zzz."
