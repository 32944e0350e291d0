"""Lost links, fresh links and energy: few lines, and never two for one thing."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.core.events import (
    AnyEvent,
    Connected,
    Energy,
    LinkWord,
    Notice,
    NoticeKind,
    Severity,
    Status,
    StatusChanged,
    Swap,
)
from neko_cli.core.swap_plan import SwapReason
from neko_cli.tui.conversation import Conversation
from neko_cli.tui.lines import Line
from tests.tui.scenes import failure, notice, typed
from tests.tui.test_conversation import play

LOST = "The connection was lost."


def lost(at: float = 0.0, **more: Any) -> AnyEvent:
    more.setdefault("retry_in", 0.3)
    return failure(LOST, at=at, **more)


def connected(at: float = 1.0) -> Connected:
    return Connected(at=at, provider="p", model="m")


def back() -> Notice:
    return notice("Connected again: nothing was lost.", Severity.SUCCESS)


def link(word: LinkWord) -> StatusChanged:
    return StatusChanged(at=0.0, old=Status.IDLE, new=Status.IDLE, reason="x", link=word)


def swapped(reason: str, **more: Any) -> Swap:
    fields = {"gap_ms": 3.0, "cached_ms": 0.0, "resent_ms": 0.0, "planned": reason != "lost"} | more
    return Swap(at=2.0, reason=reason, from_link=1, to_link=2, **fields)


def energy(level: int, model: str = "m", reason: str = "rate_limit", mode: str = "call") -> Energy:
    return Energy(at=0.0, mode=mode, level=level, max=3, model=model, reason=reason)


def test_an_outage_is_one_line_however_many_attempts_it_takes() -> None:
    tries = [lost(retry_in=seconds) for seconds in (0.3, 1.0, 4.0)]
    [line] = play(*tries)
    assert "4 s" in line.aside
    assert line.severity is Severity.WARNING


@pytest.mark.parametrize("order", ["event", "notice", "event and notice", "notice and event"])
def test_the_outages_own_line_tells_its_end_whoever_tells_it_first(order: str) -> None:
    told = {"event": connected(9.0), "notice": back()}
    ends = [told[name] for name in order.split(" and ")]
    [line] = play(
        lost(), link(LinkWord.RECONNECTING), ends[0], swapped("lost"), link(LinkWord.ONLINE), *ends[1:]
    )
    assert line.severity is Severity.SUCCESS
    assert line.text.startswith("Connected again")


@pytest.mark.parametrize("between", [typed(1, "hello"), notice("x"), failure("A turn failed.")])
def test_what_comes_between_the_outages_end_and_its_swap_makes_no_further_line(between: AnyEvent) -> None:
    lines = play(lost(), connected(), between, swapped("lost"))
    assert not [line for line in lines if "another one goes on" in line.text]
    lines = play(lost(), connected(), between, swapped("lost"), swapped("lost"))
    assert len([line for line in lines if "another one goes on" in line.text]) == 1


def test_a_swap_after_a_final_failure_belongs_to_no_outage() -> None:
    final = failure("Gave up.", fatal=True)
    *_, line = play(lost(), final, connected(), swapped("lost"))
    assert "another one goes on" in line.text


def test_the_profiles_time_limit_offers_no_retry() -> None:
    [line] = play(failure("Enough for today.", hint="[guard] sets it.", code="time_limit", fatal=True))
    assert line.aside == "[guard] sets it."


def test_the_end_of_a_long_outage_says_how_long_it_was() -> None:
    [short] = play(lost(), connected(1.0))
    [long] = play(lost(), connected(65.0))
    assert (short.aside, long.aside) == ("", "after 65 s")
    [told] = play(lost(), notice("The connection is back.", Severity.SUCCESS, at=65.0))
    assert (told.text, told.aside) == ("The connection is back.", "after 65 s")


def test_every_outage_has_a_line_of_its_own() -> None:
    lines = play(lost(), connected(), lost(), connected(), lost())
    assert [line.severity for line in lines] == [Severity.SUCCESS, Severity.SUCCESS, Severity.WARNING]


def test_good_news_of_another_kind_do_not_touch_a_mended_outage() -> None:
    first, _, other = play(lost(), connected(), typed(1, "hello"), back())
    assert first.text == "Connected again."
    assert other.text == back().text
    agent = Notice(at=0.0, kind=NoticeKind.AGENT, severity=Severity.SUCCESS, text="Done.")
    assert [line.text for line in play(lost(), agent)] == [LOST, "Done."]


def test_a_fatal_failure_ends_the_outage_in_its_line_and_says_how_to_go_on() -> None:
    [line] = play(lost(), failure("Gave up after 30 attempts.", fatal=True))
    assert (line.text, line.severity) == ("Gave up after 30 attempts.", Severity.ERROR)
    assert "/retry" in line.aside


def test_an_outage_that_scrolled_away_gets_a_new_line_for_its_end() -> None:
    many = [typed(turn, "x") for turn in range(100)]
    lines = play(lost(), *many, connected(9.0))
    assert lines[0].text == LOST
    assert lines[-1].text.startswith("Connected again")


def told(reason: str, *, details: bool = False, before: tuple[AnyEvent, ...] = (), **more: Any) -> list[Line]:
    conversation = Conversation("Mio", details=details)
    play(*before, conversation=conversation)
    return play(swapped(reason, **more), conversation=conversation)


@pytest.mark.parametrize("reason", SwapReason)
def test_a_fresh_connection_is_told_only_where_the_user_would_wonder(reason: SwapReason) -> None:
    lines = told(reason)
    expected = {
        SwapReason.CHARACTER: "Mio goes on from here.",
        SwapReason.USER: "Fresh connection.",
        SwapReason.LOST: "The connection was lost; another one goes on.",
    }
    assert [line.text for line in lines] == ([expected[reason]] if reason in expected else [])
    assert all(line.severity is Severity.INFO for line in lines)


def test_voice_that_was_sent_again_is_told_with_the_lost_connection() -> None:
    [line] = told("lost", resent_ms=2400.0)
    assert line.aside == "2.4 s of your voice were sent again."


@pytest.mark.parametrize("reason", SwapReason)
def test_with_details_every_swap_is_told_with_its_figures(reason: SwapReason) -> None:
    [line] = told(reason, details=True, gap_ms=12.4, cached_ms=80.0)
    assert line.aside == f"({reason}: gap 12 ms, held 80 ms, sent again 0 ms)"


def test_a_lower_energy_is_one_line_with_word_model_and_reason() -> None:
    [line] = play(energy(3), energy(2, "small\x1b[1m"), energy(2, "small\x1b[1m"))
    assert line.text == "Energy 2 of 3, medium: now with small"
    assert "rate limit" in line.aside
    assert line.severity is Severity.WARNING


def test_what_the_character_says_to_its_energy_is_no_warning() -> None:
    tired = Notice(at=0.0, kind=NoticeKind.ENERGY, severity=Severity.WARNING, text="I am tired.")
    _, line = play(energy(2), tired)
    assert (line.text, line.severity) == ("“I am tired.”", Severity.INFO)


def test_an_exhausted_energy_names_no_model() -> None:
    [line] = play(energy(0, "m"))
    assert line.text == "Energy 0 of 3, exhausted"


def test_full_energy_is_worth_a_line_only_after_a_lower_one() -> None:
    assert play(energy(3, reason="new_call")) == []
    assert [line.text for line in play(energy(1), energy(3, "big", "new_call"))] == [
        "Energy 1 of 3, low: now with m",
        "Energy is full again: now with big",
    ]
    assert len(play(energy(1), energy(3, mode="text"))) == 1
