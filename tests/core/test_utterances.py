"""Which utterance is meant where a provider tells of them, and for how long words are waited for."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import CommitAudio, SendText
from neko_cli.core.events import Notice, SpeechStarted, SpeechStopped
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    InputTranscriptFailed,
    SpeechBegan,
    SpeechEnded,
)
from neko_cli.core.reply_slot import SlotState
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.utterances import ITEMS_LIMIT, WORDS_WITHIN
from tests.fakes.utterances import Bench

# -- providers that tell of speech --------------------------------------------------------------


def test_an_utterance_from_its_first_sound_to_its_words():
    bench = Bench()
    bench.utterances.take(SpeechBegan("u1", 100.0))
    assert (bench.turns.state, bench.uplink.began) == (TurnState.HEARING, [100.0])
    bench.utterances.take(SpeechEnded("u1", 900.0))
    assert (bench.turns.state, bench.uplink.commits) == (TurnState.THINKING, [])
    bench.utterances.take(InputCommitted("u1"))
    assert bench.uplink.commits == [("u1", 1, 900.0, 0.0)]
    bench.words("u1", "good", final=False)
    assert bench.uplink.settled == []
    bench.words("u1", " good day ")
    assert bench.uplink.settled == ["u1"]
    assert bench.texts == [(1, "good", False), (1, "good day", True)]
    assert bench.turns.turn.transcript == "good day"
    assert [message.text for message in bench.memory.since(0)] == ["good day"]


def test_what_is_told_twice_counts_once():
    bench = Bench()
    bench.speaks("u1")
    bench.utterances.take(InputCommitted("u1"))
    bench.words("u1", "hello")
    bench.words("u1", "hello again")
    assert bench.uplink.commits == [("u1", 1, 900.0, 0.0)]
    assert bench.uplink.settled == ["u1"]
    assert bench.turns.turn.transcript == "hello"


def test_words_that_come_before_the_commit_are_one():
    bench = Bench()
    bench.utterances.take(SpeechBegan("u1", 100.0))
    bench.utterances.take(SpeechEnded("u1", 900.0))
    bench.words("u1", "hello")
    bench.utterances.take(InputCommitted("u1"))
    assert bench.uplink.commits == [("u1", 1, 900.0, 0.0)]


def test_words_in_pieces_are_joined_and_a_confidence_is_told():
    bench = Bench()
    bench.speaks("u1")
    for text, final in (("good ", False), ("day", False), ("", True)):
        bench.utterances.take(InputTranscript("u1", text, whole=False, final=final, confidence=0.5))
    assert bench.texts[-1] == (1, "good day", True)
    assert bench.told[-1].confidence == 0.5


def test_speech_without_words_is_told_and_kept_until_it_is_answered():
    bench = Bench()
    bench.speaks("u1")
    bench.utterances.take(InputTranscriptFailed("u1", "no speech"))
    assert bench.uplink.settled == []
    assert not bench.utterances.words_due
    assert isinstance(bench.told[-1], Notice)


def test_a_reply_says_nothing_of_utterances_where_the_provider_tells_of_them():
    bench = Bench()
    bench.speaks("u1")
    bench.reply()
    assert bench.uplink.turns == [1]
    bench.words("u1", "hello")
    assert bench.uplink.known == [1]


def test_what_is_said_over_a_reply_that_may_not_be_interrupted_is_the_next_turn():
    bench = Bench(interrupt=False)
    bench.speaks("u1")
    bench.reply()
    bench.turns.feed(TurnInput.REPLY_OUTPUT)
    bench.speaks("u2")
    assert bench.turns.state is TurnState.SPEAKING
    assert bench.uplink.turns == [1, 2]
    assert [event.turn for event in bench.told if isinstance(event, SpeechStarted)] == [1, 2]
    assert [event.turn for event in bench.told if isinstance(event, SpeechStopped)] == [1, 2]
    bench.words("u2", "later")
    assert bench.texts == [(2, "later", True)]
    assert bench.turns.turn.transcript == ""


def test_an_utterance_that_is_taken_has_a_reply_of_its_own_though_what_was_asked_before_never_began():
    bench = Bench()
    bench.turns.feed(TurnInput.TEXT_SENT)
    bench.slot.ask(SendText("typed", 1))
    bench.turns.feed(TurnInput.INTERRUPT)
    assert bench.slot.state is SlotState.CANCELLING
    bench.speaks("u1")
    bench.reply()
    assert bench.slot.wants("r")


# -- a key, and a provider that tells of speech -------------------------------------------------


def test_what_a_key_ended_is_named_by_the_provider_s_commit():
    bench = Bench(manual=True)
    turn = bench.say()
    assert bench.sent == [CommitAudio()]
    assert bench.uplink.commits == []
    bench.utterances.take(InputCommitted("u1"))
    bench.words("u1", "hello")
    assert (bench.uplink.turns, bench.uplink.known) == ([turn], [turn])
    assert bench.texts == [(turn, "hello", True)]


def test_utterances_keep_their_turns_though_all_commits_come_later():
    bench = Bench(manual=True)
    turns = [bench.say() for _ in range(3)]
    assert turns == [1, 2, 3]
    for item in ("u1", "u2", "u3"):
        bench.utterances.take(InputCommitted(item))
    bench.words("u3", "three")
    bench.words("u1", "one")
    assert bench.uplink.turns == [1, 2, 3]
    assert bench.uplink.known == [3, 1]
    assert bench.texts == [(3, "three", True), (1, "one", True)]
    assert bench.turns.turn.transcript == "three"
    assert [(m.turn, m.text) for m in bench.memory.since(0)] == [(1, "one"), (3, "three")]


@pytest.mark.parametrize("ended", [True, False])
def test_an_utterance_that_is_sent_when_its_turn_is_over_is_ended_without_a_question(ended):
    bench = Bench(manual=True)
    first = bench.key()
    bench.turns.feed(TurnInput.KEY_PRESSED)  # its sound waits, and the user speaks again
    if ended:
        bench.turns.feed(TurnInput.SPEECH_STOPPED)
    bench.utterances.sent(first)
    assert bench.sent == [CommitAudio(ask_reply=False)]
    assert bench.slot.state is not SlotState.ASKED
    bench.utterances.take(InputCommitted("u1"))
    assert bench.uplink.turns == [first]


def test_an_utterance_whose_answer_was_stopped_before_it_was_sent_asks_for_none():
    bench = Bench(manual=True)
    turn = bench.key()
    bench.turns.feed(TurnInput.INTERRUPT)
    bench.utterances.sent(turn)
    assert bench.sent == [CommitAudio(ask_reply=False)]


def test_a_detector_s_last_commit_is_not_taken_for_what_a_key_ended():
    """It was on until a moment ago, and commits what was said before the key."""
    bench = Bench(manual=True)
    bench.utterances.take(SpeechBegan("u1", 100.0))
    bench.utterances.take(SpeechEnded("u1", 900.0))
    turn = bench.say()
    bench.key()
    bench.utterances.take(InputCommitted("u1"))
    bench.utterances.take(InputCommitted("u2"))
    assert bench.uplink.commits[0] == ("u1", 1, 900.0, 0.0)
    assert bench.uplink.turns == [1, turn]
    bench.words("u2", "by key")
    assert bench.texts == [(turn, "by key", True)]


def test_a_detector_that_committed_what_a_key_ended_has_taken_that_one():
    bench = Bench(manual=True)
    bench.turns.feed(TurnInput.KEY_PRESSED)
    bench.utterances.take(SpeechBegan("u1", 100.0))
    bench.turns.feed(TurnInput.SPEECH_STOPPED)
    bench.utterances.sent(1)
    bench.utterances.take(SpeechEnded("u1", 900.0))
    bench.utterances.take(InputCommitted("u1"))
    bench.words("u1", "hello")
    assert bench.uplink.commits == [("u1", 1, 900.0, 0.0)]
    bench.over()
    turn = bench.say()
    bench.utterances.take(InputCommitted("u2"))
    assert bench.uplink.turns == [1, turn]


# -- words that are due -------------------------------------------------------------------------


def test_words_are_due_for_a_while_after_an_utterance_was_taken():
    bench = Bench()
    assert not bench.utterances.words_due
    bench.speaks("u1")
    assert bench.utterances.words_due
    assert bench.utterances.words_due_of(1)
    assert not bench.utterances.words_due_of(2)
    bench.time = WORDS_WITHIN - 0.1
    assert bench.utterances.words_due
    bench.time = WORDS_WITHIN
    assert not bench.utterances.words_due
    assert not bench.utterances.words_due_of(1)


def test_words_that_came_are_not_due_and_others_are():
    bench = Bench()
    bench.speaks("u1")
    bench.turns.feed(TurnInput.REPLY_ENDED)
    bench.speaks("u2")
    bench.words("u1", "one")
    assert [bench.utterances.words_due_of(turn) for turn in (1, 2)] == [False, True]
    bench.words("u2", "two")
    assert not bench.utterances.words_due


def test_no_words_are_due_of_what_is_not_taken_or_where_none_are_told():
    bench = Bench(manual=True)
    turn = bench.say()
    assert not bench.utterances.words_due_of(turn)
    bench.utterances.take(InputCommitted("u1"))
    assert bench.utterances.words_due_of(turn)
    bench.utterances.captions = False
    assert not bench.utterances.words_due
    assert not bench.utterances.words_due_of(turn)


async def test_who_waits_for_all_words_waits_for_the_last():
    bench = Bench()
    bench.speaks("u1")
    bench.turns.feed(TurnInput.REPLY_ENDED)
    bench.speaks("u2")
    async with asyncio.timeout(5):
        waiting = asyncio.ensure_future(bench.utterances.said_all())
        await asyncio.sleep(0)
        bench.words("u1", "one")
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        bench.words("u2", "two")
        await waiting


# -- another link -------------------------------------------------------------------------------


def test_names_of_one_link_mean_nothing_on_the_next():
    bench = Bench()
    bench.speaks("u1")
    bench.utterances.leave_link(again=True)
    assert not bench.utterances.words_due
    assert not bench.utterances.are_told
    assert not bench.utterances.late_words(InputTranscript("u1", "late", whole=True, final=True))
    assert bench.texts == []


def test_last_words_of_a_link_belong_to_the_turns_of_their_utterances():
    bench = Bench()
    bench.speaks("u1")
    bench.turns.feed(TurnInput.REPLY_ENDED)
    bench.speaks("u2")
    bench.utterances.leave_link(again=False)
    bench.utterances.take(SpeechBegan("u1", 50.0))  # of the next link, by the same name
    assert bench.utterances.late_words(InputTranscript("u1", "one", whole=True, final=True))
    assert not bench.utterances.late_words(InputTranscript("u2", "two", whole=True, final=True))
    assert bench.texts == [(1, "one", True), (2, "two", True)]


@pytest.mark.parametrize("manual", [True, False])
def test_last_words_of_what_had_no_name_yet_are_those_of_the_oldest(manual):
    bench = Bench(manual=manual)
    if manual:
        bench.say()
    bench.reply()
    bench.utterances.leave_link(again=False)
    assert bench.utterances.late_words(InputTranscript("i1", "hel", whole=True, final=False))
    assert not bench.utterances.late_words(InputTranscript("i1", "hello", whole=True, final=True))
    assert bench.texts == [(1, "hel", False), (1, "hello", True)]


def test_words_that_came_before_a_reply_of_another_link_account_for_none_here():
    bench = Bench()
    bench.words("i1", "one")
    bench.utterances.leave_link(again=True)
    bench.reply()
    assert len(bench.uplink.commits) == 2


def test_what_is_known_of_utterances_is_bounded():
    bench = Bench()
    for n in range(3 * ITEMS_LIMIT):
        bench.speaks(f"u{n}")
        bench.turns.feed(TurnInput.INTERRUPT)
        bench.utterances.sent(bench.turns.turn.number)
    assert len(bench.utterances._items) <= ITEMS_LIMIT
    assert len(bench.utterances._unnamed) <= ITEMS_LIMIT
