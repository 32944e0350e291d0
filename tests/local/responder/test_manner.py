"""Persona, politeness, small talk, emotion tags, languages, limits."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from neko_cli.core.companions.emotion import tag_instructions
from neko_cli.local.ports import Line
from neko_cli.local.responder.emotion import tag_style
from neko_cli.local.responder.persona import read_persona
from tests.local.responder.conftest import MIO, Talk


@pytest.mark.parametrize(
    ("instructions", "name", "nature"),
    [
        (
            "You are Mio, a cheerful cat who lives in a terminal. Be brief.",
            "Mio",
            "a cheerful cat who lives in a terminal",
        ),
        ("Your name is Dr. Who", "Dr", ""),
        ("your name is Anna-Lena Berg and you help", "Anna-Lena Berg", ""),
        ("You are a helpful assistant.", "Neko", ""),
        ("You are not Mio.", "Neko", ""),
        ("Act as Sherlock Holmes.", "Sherlock Holmes", ""),
        ("Name: Lily\nStyle: calm", "Lily", ""),
        ("Du bist Karl, ein Kater.", "Karl", ""),
        ("你是小猫，很可爱。", "小猫", ""),
        ("あなたはミオです。", "ミオ", ""),
        ("", "Neko", ""),
    ],
)
def test_the_name_and_nature_come_from_the_instructions(instructions: str, name: str, nature: str) -> None:
    persona = read_persona(instructions)
    assert (persona.name, persona.nature) == (name, nature)


def test_manner_is_read_and_denials_are_heeded() -> None:
    assert read_persona("You are James, a formal butler.").formal
    assert not read_persona("You are James. Do not be formal.").formal
    assert not read_persona("Keep an informal tone.").formal
    assert read_persona("Answer in one short sentence.").short
    assert read_persona("You are playful.").playful


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ("You are James, a formal butler.", "Good afternoon. I am James. How may I help you?"),
        ("You are Mio, a playful cat.", "Mio here"),
        ('You are Mio. Greet the user with "Meow, friend!"', "Meow, friend!"),
        ("Greet the user in one short sentence.", "Hello"),
    ],
)
def test_a_greeting_is_given_in_the_characters_manner(
    talk_as: Callable[[str], Talk], instructions: str, words: str
) -> None:
    assert words in talk_as(instructions).decide().text


@pytest.mark.parametrize(
    ("said", "pattern"),
    [
        ("thank you, bye", "Goodbye"),
        ("fine, thanks", "(?i)glad"),
        ("tell me a story", "cannot write or invent"),
        ("count to five", "1, 2, 3, 4, 5"),
        ("can you help me with my homework", "homework"),
        ("tell me more", "today"),
        ("hello", "Mio"),
        ("thank you very much", "(?i)welcome|any time|pleasure"),
        ("good night", "Good night"),
        ("bye bye", "Goodbye"),
        ("sorry about that", "harm"),
        ("that is great", "(?i)glad|thank"),
        ("you are stupid", "sorry"),
        ("I feel sad", "sorry that you are sad"),
        ("I am so happy today", "glad that you are happy"),
        ("I went to the beach yesterday", "You went to the beach yesterday"),
        ("I think cats are better than dogs", "think that cats are better than dogs"),
        ("my goldfish died", "sorry"),
        ("do you like cats?", "no taste"),
        ("what do you think about music?", "music"),
        ("let's talk about football", "football"),
        ("hmm", "time"),
        ("purple monkeys", "(?i)monkeys"),
        ("The new bridge over the river opened", "bridge|river"),
    ],
)
def test_small_talk_takes_up_what_was_said(talk: Talk, said: str, pattern: str) -> None:
    assert re.search(pattern, talk.say(said))


def test_yes_and_no_belong_to_the_subject(talk: Talk) -> None:
    talk.say("I have a garden with my neighbour")
    assert "neighbour" in talk.say("yes")


def test_the_same_reply_is_never_given_twice_in_a_row(talk: Talk) -> None:
    for said in (
        "hello",
        "what time is it",
        "purple monkeys",
        "what is love",
        "I feel sad",
        "hmm",
        "what can you do",
    ):
        answers = [talk.say(said) for _ in range(4)]
        for one, next_one in zip(answers, answers[1:], strict=False):
            assert one != next_one, said


def test_the_answer_depends_on_the_input_alone(talk_as: Callable[[str], Talk]) -> None:
    said = ["hello", "I like trains", "they are loud", "why?", "tell me more"]
    one, other = talk_as(MIO), talk_as(MIO)
    assert [one.say(text) for text in said] == [other.say(text) for text in said]


@pytest.mark.parametrize("text", ["", "   ", "...", "\u200b"])
def test_silence_is_asked_about(talk: Talk, text: str) -> None:
    assert "did not hear" in talk.say(text)
    assert "did not hear" not in talk.say(text)


@pytest.mark.parametrize("style", ["angle", "bracket"])
def test_the_apps_own_request_for_tags_is_followed(talk_as: Callable[[str], Talk], style: str) -> None:
    talk = talk_as(MIO + "\n\n" + tag_instructions(("happy", "sad", "angry", "neutral", "surprised"), style))
    opener, closer = ("<", ">") if style == "angle" else ("[", "]")
    assert talk.say("hello").startswith(f"{opener}happy{closer} ")
    assert talk.say("I feel sad").startswith(f"{opener}sad{closer} ")
    assert talk.say("what is 1 plus 1").startswith(f"{opener}neutral{closer} ")


@pytest.mark.parametrize(
    ("instructions", "start"),
    [
        ("Mark feelings as <label>, one of: joy, calm.", "<joy> "),
        ("Put an emotion tag in square brackets first: happy, sad.", "[happy] "),
        ("Never use emotion tags like <happy>.", "Hello"),
        ("You are Mio. Use <b> never.", "Hello"),
        ("", "Hello"),
    ],
)
def test_tags_only_as_asked_for(talk_as: Callable[[str], Talk], instructions: str, start: str) -> None:
    assert talk_as(instructions).say("hello").startswith(start)


def test_every_sentence_is_tagged_when_that_is_asked_for(talk_as: Callable[[str], Talk]) -> None:
    talk = talk_as("Begin every sentence with a tag: <happy>, <sad>, <neutral>.")
    said = talk.say("hello")
    assert said.count("<happy>") == len(re.findall(r"[.!?](?:\s|$)", said))
    assert tag_style("plain words") is None


@pytest.mark.parametrize(
    ("language", "turns"),
    [
        (
            "de",
            [
                ("Hallo", "Mio"),
                ("Ich heiße Jürgen", "Jürgen"),
                ("Wie heiße ich?", "Jürgen"),
                ("Wie spät ist es?", "15:05"),
                ("Was ist zwölf mal drei?", "36"),
                ("Wieviel ist 3,5 geteilt durch 2?", "1,75"),
                ("Welcher Tag ist heute?", "21. November 2025"),
                ("Wer bist du?", "eingebautes"),
                ("Was kannst du?", "rechnen"),
                ("Warum ist der Himmel blau?", "nur ein wenig Deutsch"),
                ("danke", "Gern"),
                ("tschüss", "Wiedersehen"),
            ],
        ),
        (
            "zh",
            [
                ("你好", "Mio"),
                ("我叫小明", "小明"),
                ("我叫什么？", "小明"),
                ("现在几点？", "15点05分"),
                ("三十五加七等于多少？", "42"),
                ("12乘以3", "36"),
                ("今天星期几", "星期五"),
                ("你是谁", "内置程序"),
                ("天空为什么是蓝色的", "一点中文"),
                ("谢谢", "不客气"),
                ("再见", "再见"),
            ],
        ),
        (
            "ja",
            [
                ("こんにちは", "Mio"),
                ("私は田中です", "田中"),
                ("私の名前は何ですか", "田中"),
                ("今何時ですか", "15時05分"),
                ("3足す4はいくつですか", "7"),
                ("今日は何日ですか", "21日"),
                ("あなたは誰ですか", "内蔵プログラム"),
                ("空はなぜ青いの", "少し"),
                ("ありがとう", "どういたしまして"),
                ("さようなら", "さようなら"),
            ],
        ),
    ],
)
def test_a_polite_small_set_in_other_languages(
    talk: Talk, language: str, turns: list[tuple[str, str]]
) -> None:
    for said, words in turns:
        assert words in talk.say(said), (language, said)


def test_other_languages_get_an_honest_answer(talk: Talk) -> None:
    assert "only know English" in talk.say("Привет, как дела?")


def test_english_that_looks_a_little_german_stays_english(talk: Talk) -> None:
    for said in ("I want to die in the war", "war is not good", "so what", "was it good"):
        assert re.search(r"\b(?:you|the|it|I|all|what|about)\b", talk.say(said)), said


@pytest.mark.parametrize("limit", [1, 3, 10, 40])
def test_max_tokens_is_respected(talk: Talk, limit: int) -> None:
    said = talk.say("what can you do?", max_tokens=limit)
    assert 0 < len(said) <= limit * 4


def test_a_short_persona_speaks_shortly(talk_as: Callable[[str], Talk]) -> None:
    talk = talk_as("You are Mio. Keep your answers short.")
    assert len(re.findall(r"[.!?](?:\s|$)", talk.say("what can you do?"))) <= 3


def test_words_for_one_reply_are_said_exactly(talk_as: Callable[[str], Talk]) -> None:
    talk = talk_as('Say exactly "testing one two".')
    assert talk.say("hello") == "testing one two"


def test_going_on_without_new_input(talk: Talk) -> None:
    talk.say("I like chess")
    assert "chess" in talk.decide().text


def test_a_system_line_can_ask_for_a_greeting(talk: Talk) -> None:
    talk.lines.append(Line("system", "Greet the user now."))
    assert "Mio" in talk.decide().text
