"""What was told in a conversation comes back when it is asked for; nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.ports import Line
from neko_cli.local.responder.facts import gather, told_in
from tests.local.responder.conftest import MIO, Talk


@pytest.mark.parametrize(
    ("told", "asked", "answer"),
    [
        ("My name is Anna", "what is my name?", "Anna"),
        ("my name is anna maria", "What's my name", "Anna Maria"),
        ("Hi, I'm Tom.", "who am I?", "Tom"),
        ("call me Captain please", "what is my name", "Captain"),
        ("My name is Anna and I like strawberries", "what do I like?", "strawberries"),
        ("I really love old jazz records", "what do i like", "old jazz records"),
        ("I don't like rain", "what do I dislike?", "rain"),
        ("I can't stand early mornings", "what do i hate", "early mornings"),
        ("I like tea", "do I like tea?", "Yes"),
        ("I hate tea", "do I like tea?", "No"),
        ("my favourite colour is blue", "what's my favorite color?", "blue"),
        ("My dog is called Rex", "what is my dog called?", "Rex"),
        ("my dog's name is Rex", "what is the name of my dog", "Rex"),
        ("I have a cat named Minka", "what is my cat called", "Minka"),
        ("I have two brothers", "do I have brothers?", "two brothers"),
        ("My sister is a doctor", "who is my sister?", "a doctor"),
        ("I live in Berlin", "where do I live?", "live in Berlin"),
        ("I'm from Portugal", "where am I from?", "Portugal"),
        ("I am 30 years old", "how old am I?", "30 years old"),
        ("I work as a nurse", "what do I do for a living?", "nurse"),
        ("I am a teacher", "what is my job?", "teacher"),
        ("remember that the door code is 1234", "what did I ask you to remember?", "door code is 1234"),
        ("Remember that my flight is at nine", "what is my flight?", "at nine"),
        ("I saw a heron at the lake", "what did I say about the lake?", "I saw a heron at the lake"),
        ("The meeting is on Monday", "what did I tell you about the meeting", "on Monday"),
        ("strange weather we have", "what did I just say?", "strange weather we have"),
    ],
)
def test_what_was_told_is_recalled(talk: Talk, told: str, asked: str, answer: str) -> None:
    first = talk.say(told)
    talk.say("what time is it?")
    if "just say" in asked:
        talk.lines = talk.lines[:2]
    assert answer.lower() in talk.say(asked).lower()
    assert first


@pytest.mark.parametrize(
    "asked",
    [
        "what is my name?",
        "what do I like?",
        "where do I live?",
        "what is my favourite food?",
        "how old am I?",
    ],
)
def test_what_was_not_told_is_not_known(talk: Talk, asked: str) -> None:
    assert "not told me" in talk.say(asked)


def test_a_correction_wins(talk: Talk) -> None:
    talk.say("my name is Anna")
    assert "Berta" in talk.say("no, my name is Berta")
    assert "Berta" in talk.say("what is my name?")
    talk.say("I like fish")
    talk.say("I do not like fish")
    assert "not told me" in talk.say("what do I like?")


def test_all_that_is_known_is_told(talk: Talk) -> None:
    for told in ("my name is Anna", "I live in Rome", "I like chess", "I have a dog", "I hate noise"):
        talk.say(told)
    said = talk.say("what do you know about me?")
    for part in ("Anna", "live in Rome", "chess", "a dog", "noise"):
        assert part in said


def test_forgetting(talk: Talk) -> None:
    talk.say("my name is Anna")
    talk.say("forget everything")
    assert "not told me" in talk.say("what is my name?")


def test_nothing_is_shared_between_conversations(talk_as: Callable[[str], Talk]) -> None:
    first, second = talk_as(MIO), talk_as(MIO)
    first.say("my name is Anna")
    assert "not told me" in second.say("what is my name?")


def test_the_name_can_come_from_the_instructions(talk_as: Callable[[str], Talk]) -> None:
    talk = talk_as("You are Mio. The user's name is Anna.")
    assert "Anna" in talk.say("what is my name?")


def test_repeating(talk: Talk) -> None:
    answer = talk.say("what is 2 plus 2?")
    assert answer in talk.say("what did you say?")
    assert talk.say("pardon?") != answer


@pytest.mark.parametrize(
    "text",
    [
        "what is my name?",
        "is my name Anna?",
        "I am tired",
        "I am German",
        "call me later",
        "do I like tea?",
        "my what is",
    ],
)
def test_these_tell_no_name(text: str) -> None:
    assert not [told for told in told_in(text) if told.kind == "name"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=8))
def test_any_lines_give_bounded_facts(texts: list[str]) -> None:
    facts = gather([Line("user", text) for text in texts] * 3)
    for items in (facts.likes, facts.dislikes, facts.notes, facts.has, facts.about, facts.owns):
        assert len(items) <= 50
