"""The floor recogniser on speech of espeak-ng."""

from __future__ import annotations

from functools import cache

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.pcm import silence
from neko_cli.speech.stt.base import RATE, Expected
from neko_cli.speech.stt.pocketsphinx import PocketsphinxRecogniser, with_noise_floor
from tests.speech.sound import noise, spoken

COMMANDS = (
    "Could you close the window?",
    "Neko, wake up!",
    "I'd like 42 cups of tea",
    "Where is the train station?",
    "Cancel the alarm",
)
OUTSIDE = (
    "she drives a red bicycle",
    "nobody answered the telephone",
    "winter begins in december",
    "elephants are larger than horses",
)
VOICES = ("en-us", "en-us+f3", "en-gb")


@cache
def recogniser() -> PocketsphinxRecogniser:
    return PocketsphinxRecogniser(Expected(vocabulary=COMMANDS))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_commands_are_heard_as_they_are_written_and_surely() -> None:
    heard = [
        (command, recogniser().recognise(spoken(command, voice), Expected(vocabulary=COMMANDS)))
        for command in COMMANDS
        for voice in VOICES
    ]
    assert [one.text for _, one in heard] == [command for command, _ in heard]
    confidences = sorted(one.confidence for _, one in heard)
    assert confidences[0] > 0.3, "more than noise ever has"
    assert confidences[1] > 0.5, "but for one: no two of espeak's readings are quite the same"
    assert mean(confidences) > 0.8


def test_what_is_not_in_the_vocabulary_is_doubted() -> None:
    doubts = [
        recogniser().recognise(spoken(sentence, voice), Expected(vocabulary=COMMANDS)).confidence
        for sentence in OUTSIDE
        for voice in VOICES
    ]
    assert mean(doubts) < 0.3
    assert sorted(doubts)[len(doubts) // 2] < 0.3


def test_open_rubbish_is_told_with_low_confidence() -> None:
    wrong = []
    for sentence in OUTSIDE:
        heard = recogniser().recognise(spoken(sentence, "en-us"), Expected())
        assert heard.text
        if heard.text != sentence:
            wrong.append(heard.confidence)
    assert wrong, "the open model is known to be rough on this speech"
    assert mean(wrong) < 0.4


def test_words_have_their_own_confidence() -> None:
    heard = recogniser().recognise(spoken("Cancel the alarm"), Expected(vocabulary=COMMANDS))
    assert [word for word, _ in heard.words] == ["cancel", "the", "alarm"]
    assert all(0.0 <= value <= 1.0 for _, value in heard.words)


@pytest.mark.parametrize("expected", [Expected(), Expected(vocabulary=COMMANDS)])
def test_silence_and_noise_are_nothing_to_be_sure_of(expected: Expected) -> None:
    for pcm in (b"", b"\x01", silence(500, RATE)):
        assert recogniser().recognise(pcm, expected).text == ""
    assert recogniser().recognise(noise(1500), expected).confidence < 0.3
    assert recogniser().recognise(b"\x01\x00" * 10, expected).confidence < 0.3


def test_the_same_sound_gives_the_same_answer_whatever_came_before() -> None:
    first = recogniser().recognise(spoken("Cancel the alarm"), Expected(vocabulary=COMMANDS))
    recogniser().recognise(spoken("she drives a red bicycle", "en-us+m3"), Expected(vocabulary=COMMANDS))
    assert recogniser().recognise(spoken("Cancel the alarm"), Expected(vocabulary=COMMANDS)) == first


def test_single_words_are_heard_in_a_row() -> None:
    words = Expected(vocabulary=("Red", "green", "light", "stop"))
    assert recogniser().recognise(spoken("red light"), words).text == "Red light"


def test_a_grammar_of_the_user_goes_before_the_vocabulary() -> None:
    grammar = "public <said> = <verb> the [big] door; <verb> = Open | close {x};"
    expected = Expected(vocabulary=COMMANDS, grammar=grammar)
    assert recogniser().recognise(spoken("open the big door"), expected).text == "Open the big door"


@pytest.mark.parametrize("grammar", ["public <x> = (", "public <x> = 中文;", "import <a.b>; public <x> = y;"])
def test_a_broken_grammar_is_told_and_the_recogniser_goes_on(grammar: str) -> None:
    with pytest.raises(ConfigError):
        recogniser().recognise(spoken("cancel the alarm"), Expected(grammar=grammar))
    heard = recogniser().recognise(spoken("Cancel the alarm"), Expected(vocabulary=COMMANDS))
    assert heard.text == "Cancel the alarm"


def test_a_broken_grammar_in_the_profile_does_not_stop_the_start() -> None:
    PocketsphinxRecogniser(Expected(grammar="public <x> = (")).close()


def test_another_language_is_told_with_what_to_install() -> None:
    with pytest.raises(ConfigError, match="neko local install whisper:base"):
        recogniser().recognise(spoken("cancel the alarm"), Expected(language="de"))


def test_many_grammars_do_not_pile_up() -> None:
    for number in range(20):
        recogniser().recognise(spoken("yes"), Expected(vocabulary=("yes", f"number {number}")))
    assert len(recogniser()._grammars) <= 8


def test_the_noise_floor_is_faint_and_the_same_every_time() -> None:
    pcm = spoken("yes")
    assert with_noise_floor(pcm) == with_noise_floor(pcm)
    assert len(with_noise_floor(pcm)) == len(pcm) + len(silence(600, RATE))
