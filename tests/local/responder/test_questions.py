"""Questions with one right answer: time, date, units, what was sent, what it can do."""

from __future__ import annotations

from datetime import date

import pytest

from neko_cli.local.ports import ImageFacts, Line
from neko_cli.local.responder.clock import DAYS
from neko_cli.local.responder.units import UNITS
from neko_cli.local.responder.zones import find_zone
from tests.local.responder.conftest import NOW, Talk

ASKED = [
    ("what time is it", "3:05 PM"),
    ("Mio, could you please tell me the time?", "3:05 PM"),
    ("What's the time right now?", "3:05 PM"),
    ("what time is it in Tokyo?", "In Tokyo it is 11:05 PM"),
    ("what time is it in New York", "9:05 AM"),
    ("what time is it in Auckland", "3:05 AM on Saturday"),
    ("what time is it in Narnia", "do not know the time zone of Narnia"),
    ("what day is it", "Friday, 21 November 2025"),
    ("what's the date today?", "Friday, 21 November 2025"),
    ("what is today's date", "Friday, 21 November 2025"),
    ("what day is it tomorrow?", "Saturday, 22 November 2025"),
    ("what day was it yesterday", "Thursday, 20 November 2025"),
    ("what day will it be in 3 days", "Monday, 24 November 2025"),
    ("what day is it in two weeks", "Friday, 5 December 2025"),
    ("what day is 24 December 2026?", "Thursday"),
    ("how many days until Christmas?", "in 34 days"),
    ("how many days until friday", "in 7 days"),
    ("how many days until 29 february", "29 February 2028"),
    ("when is new year's eve", "31 December 2025"),
    ("what year is it", "2025"),
    ("which month is it", "November"),
    ("what week is it", "week 47"),
    ("is 2024 a leap year", "Yes"),
    ("is 1900 a leap year", "No"),
    ("is it friday?", "Yes"),
    ("is it monday today", "No"),
    ("convert 5 miles to kilometres", "8.04672 kilometres"),
    ("how many km is 5 miles?", "8.04672 kilometres"),
    ("100 f to c", "37.7778 degrees Celsius"),
    ("what is 20 degrees celsius in fahrenheit", "68 degrees Fahrenheit"),
    ("-40 c in f", "minus 40 degrees Fahrenheit"),
    ("how many grams in a pound", "453.592 grams"),
    ("how many seconds are in two hours", "7200 seconds"),
    ("what is 6 feet in cm", "182.88 centimetres"),
    ("what is 3 feet in meters", "0.9144 metres"),
    ("90 km/h in mph", "55.9234 miles per hour"),
    ("how many bytes are in 2 gib", "2,147,483,648 bytes"),
    ("convert two and a half cups to ml", "591.471 millilitres"),
    ("half a mile in feet", "2640 feet"),
    ("how many days in a year", "365 days"),
    ("how many hours in a year", "when a year has 365 days"),
    ("5 kg in miles", "cannot be turned"),
    ("-500 c in f", "absolute zero"),
    ("spell banana", "B, A, N, A, N, A"),
    ("how many r's are in strawberry?", "3 times"),
    ('how many words are in "one two three"?', "3 words"),
    ("how many letters are in the word banana", "6 letters"),
    ('how long is "hello world"?', "2 words and 11 characters"),
    ("who are you?", "I am Mio, a cheerful cat who lives in a terminal"),
    ("Tell me a bit about yourself.", "I am Mio, a cheerful cat who lives in a terminal"),
    ("What about me?", "I only know what you tell me"),
    ("What about the moon?", "I do not know anything about the moon"),
    ("What is love?", "I do not know what love is"),
    ("what's your name", "Mio"),
    ("what can you do?", "arithmetic"),
    ("are you an AI?", "program"),
    ("are you human", "not a person"),
    ("which model are you", "built-in"),
    ("can you hear me?", "can you hear me"),
    ("what's the weather in Paris", "cannot look at the weather"),
    ("set a timer for five minutes", "cannot set timers"),
    ("translate dog to German", "cannot translate"),
    ("repeat after me: the quick brown fox", "The quick brown fox."),
    ('say "hello world"', "Hello world."),
    ("what is the capital of France?", "I do not know what the capital of France is"),
    ("who won the world cup in 2014", "do not know who won the world cup in 2014"),
    ("how do magnets work?", "do not know how magnets work"),
    ("tell me about black holes", "do not know about black holes"),
    ("did I send you a picture?", "not sent me a picture"),
]


@pytest.mark.parametrize(("asked", "answer"), ASKED)
def test_a_question_gets_its_answer(talk: Talk, asked: str, answer: str) -> None:
    assert answer in talk.say(asked)


@pytest.mark.parametrize(("asked", "answer"), ASKED[:60])
def test_words_from_a_recogniser_get_the_same_answer(talk: Talk, asked: str, answer: str) -> None:
    """Speech comes without capitals and marks; what hangs on marks alone is left out."""
    if any(char in asked for char in "\"/-:'") or "new year" in asked or "Narnia" in asked:
        return
    heard = "".join(char for char in asked.lower() if char.isalnum() or char == " ")
    assert answer.lower() in talk.say(heard).lower()


def test_several_questions_in_one_message_are_all_answered(talk: Talk) -> None:
    said = talk.say("Hi Mio! My name is Ben. What time is it? And what is 6 times 7?")
    for part in ("Nice to meet you, Ben", "3:05 PM", "42"):
        assert part in said


def test_every_unit_name_is_lower_case_and_kinds_have_a_base() -> None:
    assert all(name == name.lower() for name in UNITS)
    for kind in {unit.kind for unit in UNITS.values()}:
        assert any(unit.kind == kind and unit.factor == 1 and not unit.offset for unit in UNITS.values())


@pytest.mark.parametrize(
    ("place", "zone"), [("berlin", "Europe/Berlin"), ("Los Angeles", "America/Los_Angeles")]
)
def test_zones_by_city(place: str, zone: str) -> None:
    found = find_zone(place)
    assert found is not None
    assert found.key == zone


@pytest.mark.parametrize("place", ["", "../etc/passwd", "a" * 99, "\0", "atlantis", "123"])
def test_places_that_are_none(place: str) -> None:
    assert find_zone(place) is None


def test_the_days_are_in_order() -> None:
    assert DAYS[date(2025, 11, 21).weekday()] == "friday"
    assert NOW.tzinfo is not None


PICTURE = ImageFacts("image/png", 640, 480, "data:image/png;base64,AA==")


def test_a_picture_alone_is_measured(talk: Talk) -> None:
    talk.lines.append(Line("user", "", (PICTURE,)))
    said = talk.decide().text
    assert "PNG" in said
    assert "640 by 480" in said
    assert "cannot see" in said


def test_a_picture_with_a_question_about_it_and_about_something_else(talk: Talk) -> None:
    talk.lines.append(Line("user", "What is in this picture? And what time is it?", (PICTURE,)))
    said = talk.decide().text
    assert "640 by 480" in said
    assert "3:05 PM" in said


def test_a_picture_is_remembered(talk: Talk) -> None:
    talk.lines += [Line("user", "", (PICTURE, PICTURE)), Line("assistant", "I got it.")]
    assert "2 pictures" in talk.say("how big was the picture?")


def test_the_length_of_the_last_message(talk: Talk) -> None:
    talk.say("one two three four")
    assert "4 words" in talk.say("how many words are in my message?")


def test_the_advice_to_connect_a_model_is_given_once(talk: Talk) -> None:
    assert "Ollama" in talk.say("what is the capital of France?")
    assert "Ollama" not in talk.say("what is the capital of Spain?")
