"""Sentences of streaming text, and what of them is read aloud."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.sentences import MAX_SENTENCE, SentenceSplitter
from neko_cli.local.spoken import spoken_text


def split(text: str, piece: int = 1) -> list[str]:
    splitter = SentenceSplitter()
    found: list[str] = []
    for at in range(0, len(text), piece):
        found += splitter.push(text[at : at + piece])
    return [sentence.strip() for sentence in found + splitter.flush()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you?", ["Hello there.", "How are you?"]),
        ("Wait... what? No!", ["Wait...", "what?", "No!"]),
        ("Pi is 3.14 or so. Fine.", ["Pi is 3.14 or so.", "Fine."]),
        ("See https://a.example/b.html?c=d. Then go.", ["See https://a.example/b.html?c=d.", "Then go."]),
        ("Dr. Smith met Mr. J. Brown. They talked.", ["Dr. Smith met Mr. J. Brown.", "They talked."]),
        ("Apples, e.g. red ones, etc. are nice. Yes.", ["Apples, e.g. red ones, etc. are nice.", "Yes."]),
        ("It is 5 p.m. She left. It is 5 p.m. now.", ["It is 5 p.m.", "She left.", "It is 5 p.m. now."]),
        ("No. 5 is alive. No. I said no.", ["No. 5 is alive.", "No.", "I said no."]),
        ("1. First thing\n2. Second thing", ["1. First thing", "2. Second thing"]),
        ('"Stop!" he said. "Why?" She ran.', ['"Stop!"', "he said.", '"Why?"', "She ran."]),
        ("你好。今天怎么样？很好！", ["你好。", "今天怎么样？", "很好！"]),
        ("Title\nText here", ["Title", "Text here"]),
        ("That is me and I. Next one.", ["That is me and I.", "Next one."]),
        ("<happy> Hi! [sad] Bye.", ["<happy> Hi!", "[sad] Bye."]),
        ("version 2.0.1 works.", ["version 2.0.1 works."]),
        ("", []),
        ("...", ["..."]),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_sentences_are_found_however_the_text_arrives(text: str, expected: list[str], piece: int) -> None:
    assert split(text, piece) == expected


def test_a_sentence_comes_as_soon_as_the_next_begins() -> None:
    splitter = SentenceSplitter()
    assert splitter.push("Hello there.") == []
    assert splitter.push(" ") == []
    assert splitter.push("H") == ["Hello there. "]


def test_text_without_an_end_is_cut_at_a_space() -> None:
    sentences = split("word " * 300)
    assert all(len(sentence) <= MAX_SENTENCE for sentence in sentences)
    assert all(set(sentence.split()) == {"word"} for sentence in sentences)


@given(st.lists(st.text(alphabet=st.sampled_from("aB1 .!?\n,\"')…。 é<>[]"), max_size=40), max_size=20))
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost_or_changed(pieces: list[str]) -> None:
    splitter = SentenceSplitter()
    found = [sentence for piece in pieces for sentence in splitter.push(piece)] + splitter.flush()
    assert "".join(found) == "".join(pieces)
    assert all(found)


@pytest.mark.parametrize(
    ("text", "aloud"),
    [
        ("<happy> Hello!", "Hello!"),
        ("[very sad] Oh no. </sad>", "Oh no."),
        ("<surprised/>Really?", "Really?"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("It is **very** _good_ `code`.", "It is very good code."),
        ("2 * 3 * 4 is snake_case_name", "2 * 3 * 4 is snake_case_name"),
        ("See [the page](http://x.example/y).", "See the page."),
        ("## Title", "Title"),
        ("- item one", "item one"),
        ("Nice \U0001f600\U0001f44d\ufe0f day", "Nice day"),
        ("\U0001f600", ""),
        ("[happy]", ""),
        ("...", ""),
        ("Note [1] stays", "Note [1] stays"),
    ],
)
def test_only_words_are_read_aloud(text: str, aloud: str) -> None:
    assert spoken_text(text) == aloud


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    aloud = spoken_text(text)
    assert "\n" not in aloud
    assert aloud == "" or any(c.isalnum() for c in aloud)
