"""Which utterance is meant where replies and words are all that a provider tells, in any order."""

from __future__ import annotations

from neko_cli.core.commands import SendText
from neko_cli.core.state import TurnInput, TurnState
from tests.fakes.utterances import SILENCE_MS, Bench

# -- a detector, and a provider that tells nothing ----------------------------------------------


def test_a_reply_before_the_words_is_about_what_was_said_last():
    bench = Bench()
    bench.reply()
    assert bench.uplink.turns == [1]
    assert bench.uplink.commits[0][2:] == (None, SILENCE_MS)
    bench.words("i1", "hello", final=False)
    assert bench.uplink.settled == []
    bench.words("i1", "hello there")
    assert bench.uplink.known == [1]
    assert bench.texts[-1] == (1, "hello there", True)
    assert len(bench.uplink.commits) == 1


def test_words_before_the_reply_are_what_it_is_about():
    bench = Bench()
    bench.words("i1", "hello")
    assert bench.uplink.commits == [("i1", 1, None, SILENCE_MS)]
    assert bench.turns.state is TurnState.THINKING
    bench.reply()
    assert bench.uplink.turns == [1]
    assert bench.uplink.known == [1]


def test_a_reply_after_the_first_of_the_words_is_about_them():
    bench = Bench()
    bench.words("i1", "hel", final=False)
    assert (bench.turns.state, bench.uplink.commits) == (TurnState.HEARING, [])
    bench.reply()
    assert bench.uplink.commits == [("i1", 1, None, SILENCE_MS)]
    bench.words("i1", "hello")
    assert bench.uplink.known == [1]
    assert bench.texts[-1] == (1, "hello", True)


def test_each_reply_accounts_for_one_utterance_whose_words_came():
    """Two were said in a row and both written down; then each is answered."""
    bench = Bench()
    bench.words("i1", "one")
    bench.words("i2", "two")
    assert len(bench.uplink.commits) == 2
    bench.answer("r1")
    bench.answer("r2")
    assert len(bench.uplink.commits) == 2
    bench.reply("r3")
    assert len(bench.uplink.commits) == 3


def test_words_and_replies_may_take_turns_in_being_first():
    bench = Bench()
    bench.words("i1", "one")
    bench.answer("r1")
    bench.reply("r2")  # its words come later
    assert bench.uplink.turns == [1, 2]
    bench.words("i2", "two")
    bench.over("r2")
    bench.words("i3", "three")
    bench.answer("r3")
    assert bench.uplink.turns == bench.uplink.known == [1, 2, 3]
    assert [(turn, text) for turn, text, _ in bench.texts] == [(1, "one"), (2, "two"), (3, "three")]


def test_words_in_the_middle_of_a_reply_are_the_next_turn():
    bench = Bench()
    bench.words("i1", "one")
    bench.reply()
    bench.turns.feed(TurnInput.REPLY_OUTPUT)
    bench.words("i2", "two")
    assert bench.turns.state is TurnState.SPEAKING
    assert bench.texts[-1] == (2, "two", True)
    assert bench.turns.turn.transcript == "one"


def test_a_reply_that_was_asked_for_by_text_is_about_no_speech():
    bench = Bench()
    bench.turns.feed(TurnInput.TEXT_SENT)
    bench.turns.turn.typed = "typed"
    bench.slot.ask(SendText("typed", 1))
    bench.reply()
    assert bench.uplink.commits == []
    bench.words("i1", "spoken meanwhile")
    assert bench.texts == [(2, "spoken meanwhile", True)]


# -- a key, and a provider that tells nothing ---------------------------------------------------


def test_the_reply_to_what_a_key_ended_takes_it_and_words_follow():
    bench = Bench(manual=True)
    turn = bench.say()
    bench.reply()
    assert bench.uplink.turns == [turn]
    bench.words("i1", "hello")
    assert bench.uplink.known == [turn]
    assert bench.texts == [(turn, "hello", True)]


def test_words_of_what_a_key_ended_take_it_and_the_reply_follows():
    bench = Bench(manual=True)
    turn = bench.say()
    bench.words("i1", "hello")
    assert (bench.uplink.turns, bench.uplink.known) == ([turn], [turn])
    bench.answer()
    assert bench.uplink.turns == [turn]
    # It accounts for no reply but its own.
    following = bench.say()
    bench.reply()
    assert bench.uplink.turns == [turn, following]


def test_words_of_what_a_key_ended_account_for_no_reply_where_it_was_stopped():
    bench = Bench(manual=True)
    turn = bench.say()
    bench.words("i1", "hello")
    bench.turns.feed(TurnInput.INTERRUPT)
    bench.reply("r1")
    bench.slot.ended("r1")
    following = bench.say()
    bench.reply("r2")
    assert bench.uplink.turns == [turn, following]


def test_the_first_of_the_words_of_what_a_key_ended_and_then_the_reply():
    bench = Bench(manual=True)
    turn = bench.say()
    bench.words("i1", "hel", final=False)
    assert bench.uplink.commits == []
    bench.reply()
    assert bench.uplink.turns == [turn]
    bench.words("i1", "hello")
    assert bench.uplink.known == [turn]


def test_the_reply_is_to_the_oldest_of_those_that_wait():
    bench = Bench(manual=True)
    first, second = bench.say(), bench.say()
    bench.words("i1", "fir", final=False)  # of the first; nothing of the second is known
    bench.slot.ended("")
    bench.utterances.reply_began()
    assert bench.uplink.turns == [first]
    bench.utterances.reply_began()
    assert bench.uplink.turns == [first, second]
    bench.words("i2", "second")
    bench.words("i1", "first")
    assert bench.uplink.known == [second, first]


def test_one_more_reply_is_about_nothing_new_where_a_key_ends_utterances():
    bench = Bench(manual=True)
    bench.say()
    bench.answer("r1")
    bench.reply("r2")
    assert len(bench.uplink.commits) == 1


def test_the_rest_of_a_reply_that_an_input_drops_is_not_remembered():
    bench = Bench(manual=True)
    bench.slot.input_asks = True
    bench.turns.configure(can_truncate=False, speaks=True)
    kept: list[bool] = []
    bench.turns.keep_voiced = lambda: kept.append(True)
    bench.say()
    bench.reply()
    bench.turns.feed(TurnInput.REPLY_OUTPUT)
    assert kept == []
    bench.utterances.sent(bench.turns.turn.number)
    assert kept == [True]
