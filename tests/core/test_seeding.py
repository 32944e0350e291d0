"""What a link is told when it is made, and what when it takes over, is the whole conversation, once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.marks import RECOLLECTION
from neko_cli.core.memory import Memory
from neko_cli.core.modes import Mode
from neko_cli.core.profile import parse
from neko_cli.core.seeding import HISTORY_BUDGET, missed, opening_for

PROFILE = parse({"character": {"name": "Neko"}, "user": {"name": "Mia"}}, "test.toml")


def opening(memory, **more):
    options = {"title": "T", "mode": Mode.TEXT, "model": "", "want_audio": True, "push_to_talk": False}
    return opening_for(PROFILE, memory, **{**options, **more})


def said(memory):
    return [(m.role, m.text) for m in memory.recent(1000)]


def told(made, memory, left_out=None):
    """What a link was told in all, in order, without the ask that sends a turn's input again."""
    first = [(line.role, line.text) for line in made.spec.history]
    return first + [(line.role, line.text) for line in missed(memory, made, left_out=left_out)]


def turn(memory, number):
    memory.add("user", f"question {number}", number)
    memory.add("assistant", f"answer {number}", number)


@pytest.fixture
def memory():
    memory = Memory()
    for number in range(1, 4):
        turn(memory, number)
    return memory


# -- fresh links --------------------------------------------------------------------------------


def test_a_fresh_link_is_told_everything_at_once(memory):
    assert told(opening(memory), memory) == said(memory)


def test_a_standby_link_is_told_later_what_it_has_missed(memory):
    made = opening(memory)
    turn(memory, 4)
    turn(memory, 5)
    assert told(made, memory) == said(memory)
    assert len(made.spec.history) == 6


def test_what_is_asked_again_is_not_told(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, left_out=4)
    assert told(made, memory, left_out=4) == said(memory)[:-1]


def test_a_standby_link_made_in_mid_turn_is_told_of_that_turn_when_it_is_over(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, left_out=4)
    memory.add("assistant", "answer 4", 4)
    turn(memory, 5)
    assert told(made, memory) == said(memory)


def test_a_standby_link_made_in_mid_turn_that_takes_over_in_that_turn_is_not_told_what_it_is_asked(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, left_out=4)
    assert told(made, memory, left_out=4) == said(memory)[:-1]


def test_another_question_meanwhile_makes_the_first_one_history(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, left_out=4)
    memory.add("user", "question 5", 5)
    assert told(made, memory, left_out=5) == said(memory)[:-1]


def test_words_of_an_earlier_turn_that_come_late_are_told_once(memory):
    memory.add("assistant", "answer 4", 4)
    made = opening(memory)
    memory.add("user", "question 4", 4, order=memory.serial - 1)
    everything = told(made, memory)
    assert sorted(everything) == sorted(said(memory))
    assert everything[-1] == ("user", "question 4")


# -- a reply that is still being heard ----------------------------------------------------------


def test_what_is_still_being_played_is_in_the_words_of_a_link_that_cannot_be_told_later(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, playing=" Once upon a time. ")
    assert made.spec.recollection.count("Once upon a time.") == 1
    assert made.spec.recollection.index("question 4") < made.spec.recollection.index("Once upon")
    # One that can is told it when it was heard, as far as it was.
    assert told(made, memory) == said(memory)


def test_a_session_that_goes_on_knows_what_it_was_saying(memory):
    made = opening(memory, playing="Once upon a time.", handle="h1", known=(memory.serial, 3))
    assert "Once" not in made.spec.recollection


def test_where_nothing_is_being_played_nothing_is_added(memory):
    assert opening(memory, playing="  ").spec.recollection == opening(memory).spec.recollection


# -- a reply that was cut -----------------------------------------------------------------------


def test_a_cut_reply_is_told_as_far_as_it_was_said(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, cut="Once upon", cut_turn=4)
    assert told(made, memory) == [*said(memory), ("assistant", "Once upon")]


def test_a_cut_reply_whose_turn_ends_before_the_link_is_live_is_told_once(memory):
    memory.add("user", "question 4", 4)
    made = opening(memory, cut="Once upon", cut_turn=4)
    memory.add("assistant", "Once upon", 4)
    memory.add("user", "question 5", 5)
    assert told(made, memory, left_out=5) == said(memory)[:-1]


def test_a_cut_reply_that_memory_holds_already_is_told_once(memory):
    memory.add("user", "question 4", 4)
    memory.add("assistant", "Once upon", 4)
    assert told(opening(memory, cut="Once upon", cut_turn=4), memory) == said(memory)


# -- by a handle --------------------------------------------------------------------------------


def test_a_link_that_resumes_is_told_nothing_of_what_its_provider_knows(memory):
    made = opening(memory, handle="h1")
    assert made.handle == "h1"
    assert made.spec.history == ()
    assert made.spec.recollection == ""
    turn(memory, 4)
    assert told(made, memory) == [("user", "question 4"), ("assistant", "answer 4")]


# -- summaries ----------------------------------------------------------------------------------


def test_what_the_summary_tells_is_not_told_word_by_word_but_for_the_last_turns(memory):
    for number in range(4, 11):
        turn(memory, number)
    memory.take_for_summary(keep_turns=4)
    memory.summarised("They talked about numbers.", 6)
    made = opening(memory)
    first = made.spec.history[0]
    assert first.role == "system"
    assert "They talked about numbers." in first.text
    assert RECOLLECTION in first.text
    assert told(made, memory)[1:] == said(memory)[-8:]


def test_a_summary_made_after_the_opening_changes_nothing_of_what_is_missed(memory):
    made = opening(memory)
    turn(memory, 4)
    memory.take_for_summary(keep_turns=0)
    memory.summarised("All of it.", 4)
    assert told(made, memory) == said(memory)


def test_a_short_opening_is_the_summary_and_the_last_turns(memory):
    for number in range(4, 11):
        turn(memory, number)
    made = opening(memory, short=True)
    assert told(made, memory) == said(memory)[-8:]
    turn(memory, 11)
    assert told(made, memory) == said(memory)[-10:]


@pytest.mark.parametrize(("meanwhile", "lines"), [(0, 8), (1, 10), (4, 16), (5, 8)])
def test_a_short_opening_leaves_out_no_turn_that_came_while_the_summary_was_made(memory, meanwhile, lines):
    """Unless it fell so far behind that nothing would be short any more."""
    for number in range(4, 11):
        turn(memory, number)
    taken = memory.take_for_summary(keep_turns=4)
    for number in range(11, 11 + meanwhile):
        turn(memory, number)
    memory.summarised("They talked about numbers.", taken[-1].turn)
    first, *rest = told(opening(memory, short=True), memory)
    assert "They talked about numbers." in first[1]
    assert rest == said(memory)[-lines:]


def test_a_long_conversation_is_cut_at_its_beginning(memory):
    for number in range(4, 24):
        memory.add("user", f"{number} " + "x" * 1500, number)
    made = opening(memory)
    lines = [line.text for line in made.spec.history]
    assert sum(map(len, lines)) <= HISTORY_BUDGET
    assert lines[-1] == said(memory)[-1][1]
    assert lines == [text for _, text in said(memory)][-len(lines) :]


def test_without_a_place_for_history_it_stands_in_the_instructions(memory):
    made = opening(memory)
    for _, text in said(memory):
        assert made.spec.recollection.count(text) == 1


def test_news_of_agents_stands_in_the_instructions_once(memory):
    made = opening(memory, news="The build is green.")
    assert made.spec.instructions.count("The build is green.") == 1
    assert made.news == "The build is green."
    assert told(made, memory) == said(memory)


# -- any course of a conversation ---------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    turns=st.integers(0, 12),
    open_at=st.integers(0, 40),
    live_at=st.integers(0, 40),
    limit=st.sampled_from([4, 10, 50]),
    spoken=st.booleans(),
)
def test_at_any_two_moments_of_a_conversation_a_standby_link_is_told_all_of_it_once(
    turns, open_at, live_at, limit, spoken
):
    """A standby link is made at one moment and takes over at another; both may be within a turn."""
    memory, made, step = Memory(limit), None, 0
    everything: list[tuple[str, str]] = []

    def moment(current: int | None) -> bool:
        """Whether the link takes over here, in this turn or between turns."""
        nonlocal made, step
        if step == open_at and made is None:
            made = opening(memory, left_out=current)
        if step >= live_at and made is not None:
            asked_again = current if not spoken else None
            expected = everything[:-1] if asked_again is not None else everything
            assert told(made, memory, left_out=asked_again) == expected
            return True
        step += 1
        return False

    for number in range(1, turns + 1):
        if moment(None):
            return
        memory.add("user", f"question {number}", number)
        everything.append(("user", f"question {number}"))
        if moment(number):
            return
        memory.add("assistant", f"answer {number}", number)
        everything.append(("assistant", f"answer {number}"))
    moment(None)
