"""Emotion tags are taken out of a reply however it is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.companions.emotion import EmotionMark, EmotionTags, TagStyle, tag_instructions
from neko_cli.core.errors import ConfigError

TEXT = st.lists(
    st.sampled_from(
        ["<happy>", "[sad]", "</happy>", "<foo>", "[1]", "<", "[", ">", "]", "/", " ", "  ", "\n", "\t", "!"]
        + ["happy", "hap", "Hello", "world.", "< Happy >", "<sad/>", "é", "你好", "🙂", "<happy", " " * 40]
    ),
    max_size=24,
).map("".join)


def run(*pieces: str, style: TagStyle = TagStyle.BOTH, labels: tuple[str, ...] = ("happy", "sad")):
    """The whole text, and each mark with its place in it."""
    parser = EmotionTags(labels, style)
    text, marks = "", []
    for part in [part for piece in pieces for part in parser.feed(piece)] + parser.flush():
        if isinstance(part, EmotionMark):
            marks.append((len(text), part.label))
        else:
            text += part
    return text, marks


@pytest.mark.parametrize(
    ("reply", "shown", "labels"),
    [
        ("<happy> Hello!", "Hello!", ["happy"]),
        ("[HAPPY]Hello", "Hello", ["happy"]),
        ("Hi <happy> there", "Hi there", ["happy"]),
        ("Hi<happy> there", "Hi there", ["happy"]),
        ("Hi <happy>there", "Hi there", ["happy"]),
        ("Great <happy>!", "Great!", ["happy"]),
        ("Great <happy> :)", "Great :)", ["happy"]),
        ("<happy>Yes</happy> and <sad>no</sad>.", "Yes and no.", ["happy", "sad"]),
        ("Hi <happy> <sad> there", "Hi there", ["happy", "sad"]),
        ("The end <sad>", "The end", ["sad"]),
        ("<happy>\n\nHello", "Hello", ["happy"]),
        ("One\n<sad>\nTwo", "One\nTwo", ["sad"]),
        ("One <sad>\nTwo", "One\nTwo", ["sad"]),
        ("< happy > x < /happy>", "x", ["happy"]),
        ("<happy/> x", "x", ["happy"]),
    ],
)
def test_a_tag_goes_with_its_blanks(reply: str, shown: str, labels: list[str]) -> None:
    text, marks = run(reply)
    assert text == shown
    assert [label for _, label in marks] == labels


@pytest.mark.parametrize(
    "reply",
    ["<foo> [1] a < b", "x  y", " leading", "<happy", "[", "<<>>", "<happy and more than that>", "<happy\n>"],
)
def test_what_is_no_tag_stays_as_it_is(reply: str) -> None:
    assert run(reply) == (reply, [])


def test_an_opening_bracket_in_a_false_tag_starts_a_true_one() -> None:
    assert run("<hap<happy>x") == ("<hapx", [(4, "happy")])


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        (TagStyle.ANGLE, "[sad] a"),
        (TagStyle.BRACKET, "<happy> a"),
        (TagStyle.BOTH, "a"),
        (TagStyle.OFF, "<happy>[sad] a"),
    ],
)
def test_the_style_says_which_brackets_count(style: TagStyle, shown: str) -> None:
    assert run("<happy>[sad] a", style=style)[0] == shown


def test_plain_text_is_not_held_back() -> None:
    parser = EmotionTags(("happy",))
    assert parser.feed("Hello") == ["Hello"]
    assert parser.feed("<foo") == ["<foo"], "f cannot begin a tag"


def test_a_tag_is_told_when_it_closes() -> None:
    parser = EmotionTags(("happy",))
    assert parser.feed("<hap") == []
    assert parser.feed("py>") == [EmotionMark("happy")]


@settings(max_examples=200, deadline=None)
@given(TEXT, st.randoms(use_true_random=False))
def test_the_split_does_not_matter(reply: str, random) -> None:
    cuts = sorted(random.sample(range(len(reply) + 1), min(len(reply), random.randrange(6))))
    pieces = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    assert run(*pieces) == run(reply) == run(*reply)


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_little_is_held_back(reply: str) -> None:
    parser = EmotionTags(("happy", "sad"))
    parser.feed(reply)
    assert sum(len(part) for part in parser.flush() if isinstance(part, str)) <= 32 + 32


def test_a_new_reply_starts_afresh() -> None:
    parser = EmotionTags(("happy",))
    parser.feed("<happy")
    parser.flush()
    assert parser.feed("> x") == ["> x"]
    assert parser.flush() == []


def test_a_label_that_cannot_stand_in_a_tag_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be an emotion label"):
        EmotionTags(("very happy",))


def test_the_instructions_name_every_tag_as_the_parser_reads_it() -> None:
    for style in (TagStyle.ANGLE, TagStyle.BRACKET, TagStyle.BOTH):
        _, marks = run(tag_instructions(("happy", "sad"), style), style=style)
        assert [label for _, label in marks] == ["happy", "sad"]
    assert tag_instructions(("happy",), TagStyle.OFF) == ""
