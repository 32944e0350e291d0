"""What a voice is given of a reply that is still being written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.speech.aloud import MAX_CODE, MAX_URL
from neko_cli.speech.speaker_text import EARLY_WEIGHT, SpeakerText, polish


def pieces_of(*deltas: str) -> list[str]:
    text = SpeakerText()
    found: list[str] = []
    for delta in deltas:
        found += text.push(delta)
    return found + text.flush()


def by(size: int, text: str) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


CASES = [
    ("Hello there. How are you?", ["Hello there.", "How are you?"]),
    ("It costs 3.14 dollars, e.g. for Dr. Smith.", ["It costs 3.14 dollars, e.g. for Dr. Smith."]),
    ("Yes, 1,000,000 of them. And v2.0.1 too.", ["Yes, 1,000,000 of them.", "And v2.0.1 too."]),
    ("你好。今天怎么样？很好！", ["你好。", "今天怎么样？", "很好！"]),
    ("「そうです。」はい！", ["「そうです。」", "はい！"]),
    ("See https://a.example/b.html?c=d. Then go.", ["See.", "Then go."]),
    ("Look at www.neko.example, please.", ["Look at, please."]),
    ("It is (https://a.b/c_(d)) there.", ["It is there."]),
    ("The http protocol and hat.", ["The http protocol and hat."]),
    ("看https://a.example/x。好。", ["看。", "好。"]),
    ("Run `make test` now.", ["Run now."]),
    ("Use ``a ` b`` here.", ["Use here."]),
    ("An open `tick here.\nNext.", ["An open tick here.", "Next."]),
    ("Like this:\n```py\nprint('No. Never.')\n```\nDone.", ["Like this:", "Done."]),
    ("Like this: ```\na\n``` Done? Yes.", ["Like this:"]),
    ("~~~\nx. y\n~~~\nAfter.", ["After."]),
    ("````\n```\ncode\n```\n````\nAfter.", ["After."]),
    ("```\nnever closed. Really.", []),
    ("# Title\nText.", ["Title", "Text."]),
    ("- one\n* two\n+ three", ["one", "two", "three"]),
    ("> said he", ["said he"]),
    ("It is **very. Very** good, *really*, and ~~not~~.", ["It is very.", "Very good, really, and not."]),
    ("snake_case and 2*3 and 3 * 4", ["snake_case and 2*3 and 3 * 4"]),
    ("---\nText", ["Text"]),
    ("| a | b |\n|---|---|\n| 1 | 2 |", ["a, b", "1, 2"]),
    ("Read [the page](http://a.b/c) and ![a cat](cat.png) now.", ["Read the page and now."]),
    ("Said so.[1] Yes.[^2]", ["Said so.", "Yes."]),
    ("<happy>Hi! [very sad] Bye.</happy>", ["Hi!", "Bye."]),
    ("if a<b and c>d then", ["if a<b and c>d then"]),
    ("<https://a.b/c> is it", ["is it"]),
    ("Nice 😀👩‍👩‍👧 work 1️⃣ 🇩🇪.", ["Nice work."]),
    ("Hi (^_^) there (T_T) (・∀・) ヽ(・ω・)ﾉ ok", ["Hi there ok"]),
    ("So (I think) it is (42%).", ["So (I think) it is (42%)."]),
    ("Well :-) yes ;) <3 ok ^_^", ["Well yes ok"]),
    ("Shrug ¯\\_(ツ)_/¯ ok", ["Shrug ok"]),
    ("\x1b[31mRed\x1b[0m text\u202e.", ["Red text."]),
    ("😀", []),
    ("...", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_what_is_read_aloud(text: str, expected: list[str], size: int) -> None:
    assert pieces_of(*by(size, text)) == expected


MARKS = st.sampled_from(
    [
        *"`~<>[]()!*_#|:;.,?-\n 。！，；（）…\\/^",
        "```",
        "```\n",
        "\n```",
        "https://a.b/c",
        "http",
        "www.",
        "[x](",
        "![",
        "<happy>",
        "[sad]",
        "Dr. ",
        "3.14",
        "e.g. ",
        "Hello ",
        "你好",
        "😀",
        "\u200d",
        "\x1b[",
        "(^_^)",
        "word" * 30,
    ]
)


@given(text=st.lists(MARKS, max_size=40).map("".join), cuts=st.lists(st.integers(0, 400), max_size=20))
@settings(max_examples=400, deadline=None)
def test_pieces_do_not_depend_on_how_the_text_was_cut(text: str, cuts: list[int]) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    deltas = [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    whole = pieces_of(text)
    assert pieces_of(*deltas) == whole
    assert pieces_of(*text) == whole


@given(text=st.text(max_size=300), size=st.integers(1, 50))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text: str, size: int) -> None:
    assert pieces_of(*by(size, text)) == pieces_of(text)


def test_the_first_sentence_comes_with_the_first_letter_of_the_next() -> None:
    text = SpeakerText()
    assert text.push("Hello there. ") == []
    assert text.push("Y") == ["Hello there."]


def test_a_long_first_sentence_is_cut_behind_a_clause_and_no_later_one_is() -> None:
    first = "When I was a young cat, I lived on a roof, and looked at the moon every night, alone. "
    pieces = pieces_of(first + first)
    assert pieces[0] == "When I was a young cat, I lived on a roof," or pieces[0].endswith(",")
    assert len(pieces[0]) < EARLY_WEIGHT
    assert pieces[-1] == first.strip()
    assert " ".join(pieces) == (first + first).strip()


def test_a_clause_in_brackets_or_a_number_is_no_place_to_cut() -> None:
    inside = "It was him (the cat of the house, you know, the old grey one that sleeps all day long) again."
    assert pieces_of(inside) == [inside]
    number = "The result of all that counting in this house was about 1,234,567,890 little cats again."
    assert pieces_of(number) == [number]


def test_a_wide_first_sentence_is_cut_earlier() -> None:
    pieces = pieces_of("我住在北京的一个很大很大的房子里，每天都很开心，你呢？再见。")
    assert pieces[0] == "我住在北京的一个很大很大的房子里，"
    assert pieces[1:] == ["每天都很开心，你呢？", "再见。"]


def test_what_is_held_back_is_bounded() -> None:
    text = SpeakerText()
    given_: list[str] = text.push("`" + "open code with blanks " * (MAX_CODE // 8))
    assert given_
    address = SpeakerText()
    pieces = address.push("See https://a.b/" + "x" * (3 * MAX_URL) + " now. Then")
    assert pieces == ["See now."]


def test_a_speech_that_is_over_leaves_nothing_for_the_next() -> None:
    text = SpeakerText()
    text.push("```\ncode")
    text.flush()
    assert text.push("Hello. You") == ["Hello."]


def test_polish_keeps_words_in_brackets() -> None:
    assert polish("(ok) (a+b) [maybe not now]") == "(ok) (a+b) [maybe not now]"
