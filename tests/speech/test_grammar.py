"""Vocabularies and grammars of the floor recogniser, without the recogniser."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import ConfigError
from neko_cli.speech.stt.grammar import MAX_CHARS, MAX_ENTRIES, from_jsgf, from_vocabulary
from neko_cli.speech.stt.pronounce import guess_phones, spell_number, words_of


def anything(_: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What time is it?", "what time is it"),
        ("Don't stop", "don't stop"),
        ("I’d like 42 cups", "i'd like forty two cups"),
        ("Café & naïve", "cafe and naive"),
        ("50% of 1,000", "fifty percent of one zero zero zero"),
        ("turn-on the_light", "turn on the light"),
        ("'em", "'em"),
        ("...", ""),
    ],
)
def test_words_are_what_is_said(text: str, words: str) -> None:
    assert " ".join(words_of(text)) == words


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"),
        ("13", "thirteen"),
        ("90", "ninety"),
        ("342", "three hundred forty two"),
        ("2026", "two thousand twenty six"),
        ("100000", "one hundred thousand"),
        ("007", "zero zero seven"),
        ("1234567", "one two three four five six seven"),
    ],
)
def test_numbers_are_spelt_out(digits: str, words: str) -> None:
    assert " ".join(spell_number(digits)) == words


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("neko", "N EH K OW"),
        ("miso", "M IH S OW"),
        ("phlame", "F L EY M"),
        ("zorkkel", "Z AO R K EH L"),
        ("cyra", "S IY R AH"),
        ("шум", ""),
    ],
)
def test_unknown_words_get_phones_from_their_spelling(word: str, phones: str) -> None:
    assert guess_phones(word) == phones


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_no_entry_can_act_as_syntax(entries: list[str]) -> None:
    try:
        grammar = from_vocabulary(entries, anything)
    except ConfigError:
        assert not any(words_of(entry) for entry in entries)
        return
    body = grammar.jsgf.partition("<said> = ")[2]
    assert re.fullmatch(r"\( [^<>{}()\[\]/\\*+=;#\"|]+( \| [^<>{}()\[\]/\\*+=;#\"|]+)* \)\+?;\n", body)


def test_what_is_heard_is_printed_as_the_user_wrote_it() -> None:
    grammar = from_vocabulary(["What time is it?", "what time is it", "Stop!"], anything)
    assert grammar.printed == {"what time is it": "What time is it?", "stop": "Stop!"}


def test_single_words_may_follow_each_other_and_sentences_may_not() -> None:
    assert ")+;" in from_vocabulary(["red", "green"], anything).jsgf
    assert ")+;" not in from_vocabulary(["red", "turn it off"], anything).jsgf


def test_unsayable_entries_are_left_out() -> None:
    grammar = from_vocabulary(["yes", "да"], lambda word: word.isascii())
    assert grammar.words == ("yes",)


@pytest.mark.parametrize("entries", [[], ["..."], ["", " "]])
def test_a_vocabulary_without_words_is_told(entries: list[str]) -> None:
    with pytest.raises(ConfigError, match="no English words"):
        from_vocabulary(entries, anything)


def test_a_vocabulary_and_a_grammar_are_bounded() -> None:
    with pytest.raises(ConfigError, match="too large"):
        from_vocabulary(["yes"] * (MAX_ENTRIES + 1), anything)
    with pytest.raises(ConfigError, match="too large"):
        from_jsgf("public <said> = yes;" + " " * MAX_CHARS)


def test_the_words_of_a_grammar_are_found() -> None:
    rules = "public <said> = <verb> /2.0/ the [big] door {t};\n<verb> = Open | close;"
    grammar = from_jsgf(f"#JSGF V1.0;\ngrammar x;\n// a note\n{rules}")
    assert sorted(grammar.words) == ["Open", "big", "close", "door", "the"]
    assert from_jsgf("public <said> = yes;").jsgf.startswith("#JSGF V1.0;")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import <com.acme.*>;\npublic <said> = yes;", "imports"),
        ("<said> = yes;", "no public rule"),
        ("public <said> = yes\0;", "null"),
    ],
)
def test_grammars_that_must_not_be_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_jsgf(text)
