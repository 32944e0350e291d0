"""Memory keeps the conversation's order, is bounded, and loses nothing before it is summed up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.marks import RECOLLECTION, enclosed
from neko_cli.core.memory import FALLBACK_TURNS, WAITING_MESSAGES, Memory, Remembered
from neko_cli.core.ports import Past, PastMessage, SessionRecord

RECORD = SessionRecord(
    id="s", character="Neko", profile="p", provider="x", model="m", mode="text", started_at=0.0
)
said = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.integers(0, 12)), max_size=40)


def talk(turns: int, *, limit: int = 50) -> Memory:
    """A conversation of whole turns: q1 a1 q2 a2 …"""
    memory = Memory(limit)
    for turn in range(1, turns + 1):
        memory.add("user", f"q{turn}", turn)
        memory.add("assistant", f"a{turn}", turn)
    return memory


def texts(messages: list[Remembered]) -> list[str]:
    return [message.text for message in messages]


def test_a_late_transcript_lands_before_its_reply() -> None:
    memory = Memory()
    memory.add("assistant", "a1", 1)
    memory.add("assistant", "a2", 2)
    memory.add("user", "q1", 1)
    memory.add("user", "q2", 2)
    assert texts(memory.recent()) == ["q1", "a1", "q2", "a2"]


def test_distinct_utterances_of_a_turn_stay_apart_in_order() -> None:
    memory = Memory()
    for text in ("one", "two", "two"):
        memory.add("user", text, 1)
    assert texts(memory.recent()) == ["one", "two", "two"]


def test_empty_words_are_not_remembered() -> None:
    memory = Memory()
    memory.add("user", " \n", 1)
    assert len(memory) == 0
    assert memory.serial == 0


def test_only_the_user_and_the_assistant_are_remembered() -> None:
    with pytest.raises(ValueError, match="user"):
        Memory().add("system", "You are a cat.", 1)


def test_a_recollection_that_the_character_says_is_not_remembered() -> None:
    memory = Memory()
    memory.add("assistant", enclosed(RECOLLECTION, ["User: q1"]), 2)
    memory.add("assistant", f"Well. {enclosed(RECOLLECTION, ['User: q1'])}", 3)
    assert [text.strip() for text in texts(memory.recent())] == ["Well."]


def test_a_user_may_write_marks() -> None:
    memory = Memory()
    memory.add("user", "What does <<<recollection mean?", 1)
    assert texts(memory.recent()) == ["What does <<<recollection mean?"]


@given(said)
def test_the_order_is_by_turn_then_user_then_arrival(messages) -> None:
    memory = Memory()
    for number, (role, turn) in enumerate(messages):
        memory.add(role, str(number), turn)
    wanted = sorted(
        range(len(messages)), key=lambda at: (messages[at][1], messages[at][0] == "assistant", at)
    )
    assert texts(memory.recent(100)) == [str(at) for at in wanted]


# Since a serial number


def test_what_was_said_since_holds_late_words_in_their_order() -> None:
    memory = talk(2)
    seeded = memory.serial
    memory.add("assistant", "a3", 3)
    memory.add("user", "q3", 3)
    memory.add("user", "late", 1)
    assert texts(memory.since(seeded)) == ["late", "q3", "a3"]


def test_what_was_said_since_reaches_beyond_the_short_term() -> None:
    memory = Memory(4)
    memory.add("user", "first", 1)
    seeded = memory.serial
    for turn in range(2, 40):
        memory.add("user", str(turn), turn)
    assert texts(memory.since(seeded)) == [str(turn) for turn in range(2, 40)]


@given(said, st.data())
def test_before_and_since_together_are_everything_once(messages, data) -> None:
    memory = Memory(4)
    cut = data.draw(st.integers(0, len(messages)))
    seeded = 0
    for number, (role, turn) in enumerate(messages):
        if number == cut:
            seeded = memory.serial
        memory.add(role, str(number), turn)
    if cut == len(messages):
        seeded = memory.serial
    assert sorted(map(int, texts(memory.since(seeded)))) == list(range(cut, len(messages)))


def test_serial_numbers_go_on_after_forgetting() -> None:
    memory = talk(2)
    seeded = memory.serial
    memory.clear()
    memory.add("user", "new", 1)
    assert texts(memory.since(seeded)) == ["new"]


# Summaries


def test_what_goes_beyond_the_limit_waits_for_the_summary() -> None:
    memory = talk(4, limit=6)
    assert texts(memory.recent()) == ["q2", "a2", "q3", "a3", "q4", "a4"]
    assert texts(memory.waiting) == ["q1", "a1"]
    assert texts(memory.take_for_summary()) == ["q1", "a1"]
    memory.summarised("They said q1.", 1)
    assert (memory.summary, memory.summary_upto, memory.waiting) == ("They said q1.", 1, [])


def test_a_summary_that_fails_loses_nothing() -> None:
    memory = talk(4, limit=6)
    memory.take_for_summary()
    memory.add("user", "q5", 5)
    memory.summarised("  ", 1)
    assert memory.summary == ""
    assert texts(memory.take_for_summary()) == ["q1", "a1", "q2"]


def test_what_came_after_the_taking_still_waits() -> None:
    memory = talk(4, limit=6)
    memory.take_for_summary()
    memory.add("user", "late", 1)
    memory.add("user", "q5", 5)
    memory.summarised("They said q1.", 1)
    assert texts(memory.waiting) == ["late", "q2"]


def test_taking_all_but_the_last_turns_covers_them_without_forgetting() -> None:
    memory = talk(6)
    assert texts(memory.take_for_summary(2)) == ["q1", "a1", "q2", "a2", "q3", "a3", "q4", "a4"]
    memory.summarised("Four turns.", 4)
    assert len(memory) == 12
    assert texts(memory.take_for_summary(2)) == []
    assert texts(memory.unsummarised(2)) == ["q5", "a5", "q6", "a6"]
    assert texts(memory.unsummarised(3))[0] == "q4"


def test_what_was_covered_does_not_wait_again() -> None:
    memory = talk(3, limit=6)
    memory.take_for_summary(0)
    memory.summarised("All of it.", 3)
    memory.add("user", "q4", 4)
    assert memory.waiting == []
    assert texts(memory.unsummarised(0)) == ["q4"]


def test_too_many_that_wait_are_dropped_and_counted() -> None:
    memory = Memory(4)
    for turn in range(WAITING_MESSAGES + 9):
        memory.add("user", str(turn), turn)
    assert memory.dropped == 5
    assert texts(memory.waiting)[0] == "5"
    assert len(memory.waiting) == WAITING_MESSAGES


@given(said, st.integers(1, 6), st.data())
def test_every_word_is_in_a_summary_or_beside_it(messages, limit, data) -> None:
    memory = Memory(limit)
    summed: list[str] = []
    for number, (role, turn) in enumerate(messages):
        memory.add(role, str(number), turn)
        if data.draw(st.booleans()):
            taken = memory.take_for_summary(data.draw(st.none() | st.integers(0, 3)))
            if taken:
                summed += texts(taken)
                memory.summarised("so far", max(message.turn for message in taken))
    beside = texts(memory.unsummarised(0))
    assert len(memory) <= limit
    assert sorted(summed + beside, key=int) == [str(number) for number in range(len(messages))]


def test_the_fallback_is_the_last_four_turns() -> None:
    memory = talk(9)
    memory.add("user", "q10", 10)
    assert texts(memory.fallback()) == ["q7", "a7", "q8", "a8", "q9", "a9", "q10"]
    assert FALLBACK_TURNS == 4
    assert memory.fallback(0) == []


# The rest


def test_recent_and_search() -> None:
    memory = talk(4, limit=6)
    assert texts(memory.recent(2)) == ["q4", "a4"]
    assert memory.recent(0) == []
    assert memory.search("Q1") == [Remembered("user", "q1", 1)]
    assert memory.search("q1 a1") == []


def test_a_restored_conversation_goes_on() -> None:
    memory = talk(2)
    memory.restore(
        Past(
            session=RECORD,
            messages=(
                PastMessage("user", "hello", 7, 0.0),
                PastMessage("notice", "rubbish", 7, 0.0),
                PastMessage("assistant", "hi", 7, 0.0),
            ),
            summary="They met.",
            last_turn=7,
        )
    )
    assert texts(memory.recent()) == ["hello", "hi"]
    assert (memory.summary, memory.summary_upto) == ("They met.", 6)


def test_a_restored_summary_alone_covers_all_turns() -> None:
    memory = Memory()
    memory.restore(Past(session=RECORD, summary="They met.", last_turn=7))
    assert memory.summary_upto == 7
    memory.clear()
    assert (memory.summary, memory.summary_upto, len(memory)) == ("", 0, 0)
