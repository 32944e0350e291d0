"""What of a reply is said again to the next worker."""

from __future__ import annotations

from neko_cli.speech.tts.ledger import MAX_SPEECHES, MAX_TRIES, Again, Ledger


def ledger_with(*sentences: str) -> Ledger:
    ledger = Ledger()
    said = ledger.say("a", " ".join(sentences) + " ")
    rest, known = ledger.finish("a")
    assert said + rest == list(sentences)
    assert known
    return ledger


def test_what_was_not_begun_is_said_again() -> None:
    ledger = ledger_with("One.", "Two.")
    assert ledger.again() == [Again("a", ("One.", "Two."), True)]
    ledger.handed("a", 1)
    assert ledger.again() == [Again("a", ("One.", "Two."), True)]


def test_a_piece_that_was_begun_is_not_said_twice() -> None:
    ledger = ledger_with("One.", "Two.", "Three.")
    ledger.handed("a", 2)
    assert ledger.sound("a")
    assert ledger.again() == [Again("a", ("Three.",), True)]
    assert ledger.done("a") is False


def test_complete_pieces_are_not_said_again_and_nothing_is_missing() -> None:
    ledger = ledger_with("One.", "Two.", "Three.")
    ledger.handed("a", 1)
    ledger.sound("a")
    ledger.spoken("a", 1)
    assert ledger.again() == [Again("a", ("Two.", "Three."), True)]
    assert ledger.done("a") is True


def test_a_text_with_which_every_worker_fails_is_left_out() -> None:
    ledger = ledger_with("Poison.", "Fine.")
    for _ in range(MAX_TRIES - 1):
        ledger.handed("a", 1)
        assert ledger.again() == [Again("a", ("Poison.", "Fine."), True)]
    ledger.handed("a", 1)
    assert ledger.again() == [Again("a", ("Fine.",), True)]
    assert ledger.done("a") is False


def test_a_speech_without_words_needs_no_worker() -> None:
    ledger = Ledger()
    assert ledger.say("a", "😀 `code`") == []
    assert ledger.finish("a") == ([], False)
    assert ledger.speeches == ("a",)
    assert ledger.done("a") is True


def test_the_next_worker_is_not_told_the_end_of_what_it_never_got() -> None:
    ledger = Ledger()
    assert ledger.say("a", "One. T") == ["One."]
    ledger.handed("a", 1)
    ledger.sound("a")
    assert ledger.again() == [Again("a", (), False)]
    ledger2 = ledger.finish("a")
    assert ledger2 == (["T"], True)
    other = Ledger()
    other.say("b", "One. ")
    other.finish("b")
    other.handed("b", 1)
    other.sound("b")
    assert other.again() == [Again("b", (), True)]


def test_an_interrupted_speech_stays_silent() -> None:
    ledger = ledger_with("One.")
    ledger.interrupt()
    assert not ledger.sound("a")
    assert ledger.say("a", "More. Text.") == []
    assert ledger.finish("a") == ([], False)
    assert ledger.done("a") is None
    assert ledger.again() == []


def test_speeches_are_bounded() -> None:
    ledger = Ledger()
    for number in range(3 * MAX_SPEECHES):
        ledger.say(f"s{number}", "Hi. ")
    assert len(ledger.speeches) == MAX_SPEECHES
