"""Nothing dangerous or hidden gets through, however it comes in."""

from __future__ import annotations

import json
import re
import unicodedata

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neko_cli.core.text import Sanitiser, one_line, sanitise, to_json

PIECES = (
    ["\x1b", "[", "]", "P", "_", "^", "X", "\\", "m", "31", ";", "0;title", "\x07", "\x9b", "\x9d", "\x90"]
    + ["\x9c", "\x18", "\x1a", "(", "B", "\r", "\n", "\r\n", "\t", "\x00", "\x7f", "\x85", "\u2028", "\u2029"]
    + [
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200c",
        "\u200d",
        "\ufe0f",
        "\ufeff",
        "\U000e0041",
        "\U000e0100",
        "\xad",
    ]
    + ["\ud83d", "\ude00", "\ud800", "\udc00", "👩", "💻", "🏽", "❤", "م", "क", "漢", "a", "Hello", " ", "#"]
)
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=24).map("".join)


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain text\tand\nlines", "plain text\tand\nlines"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x9cafter", "after"),
        ("\x1bPq#0;2\x1b\\after", "after"),
        ("\x1bPq bell \x07 does not end it\x1b\\after", "after"),
        ("\x1b_Gf=100;AAAA\x1b\\after", "after"),
        ("\x1b^private\x1b\\after", "after"),
        ("\x1bXstring\x1b\\after", "after"),
        ("\x9b31mred", "red"),
        ("\x9d0;title\x9cafter", "after"),
        ("\x90payload\x9cafter", "after"),
        ("\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\after", "after"),
        ("\x1b(Bafter", "after"),
        ("\x1bcafter", "after"),
        ("\x1b[31", ""),
        ("before\x1b]0;never closed", "before"),
        ("before\x1b", "before"),
        ("\x1b[3\x18after", "after"),
        ("\x1b[3é", "é"),
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("a\x00b\x07c\x7fd\x85e\x0bf\x0cg", "abcdefg"),
        ("\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c", "evil x "),
        ("z\u200be\ufeffr\u2060o\u00ad", "zero"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("\ufff9a\ufffab\ufffb", "ab"),
        ("👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3", "👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3"),
        ("a\u200db 👩\u200d x", "ab 👩 x"),
        ("a\ufe0fb", "ab"),
        ("👩\ufe0f\ufe0f\ufe0f", "👩\ufe0f"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("Auf\u200clage", "Auflage"),
        ("葛\U000e0100飾", "葛\U000e0100飾"),
        ("lone \ud800 half", "lone  half"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_sanitise(raw: str, safe: str) -> None:
    assert sanitise(raw) == safe
    assert Sanitiser().feed("") == ""


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_what_comes_out_holds_nothing_dangerous(raw: str) -> None:
    safe = sanitise(raw)
    for char in safe:
        assert char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"), hex(ord(char))
        assert char in "\u200c\u200d" or not re.match("[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", char)
        assert not "\U000e0000" <= char <= "\U000e007f"


@settings(max_examples=200, deadline=None)
@given(TEXT)
@example("👩\u200d\x1b[0m💻")
@example("\r\x1b\n")
def test_a_second_time_changes_nothing(raw: str) -> None:
    assert sanitise(sanitise(raw)) == sanitise(raw)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=6))
@example(["a\r", "\nb"])
@example(["👩", "\u200d", "💻"])
@example(["\ud83d", "\ude00"])
@example(["\x1b]0;ti", "tle\x1b", "\\after"])
def test_the_split_does_not_matter(pieces: list[str]) -> None:
    whole = sanitise("".join(pieces))
    machine = Sanitiser()
    assert "".join(map(machine.feed, pieces)) + machine.flush() == whole
    assert "".join(map(machine.feed, "".join(pieces))) + machine.flush() == whole


def test_an_endless_sequence_takes_no_memory() -> None:
    machine = Sanitiser()
    assert machine.feed("\x1b]0;") == ""
    for _ in range(1000):
        assert machine.feed("payload" * 100) == ""
    held = [value for value in vars(machine).values() if isinstance(value, str | list)]
    assert sum(map(len, held)) <= 2


def test_a_long_text_is_cleaned_in_one_pass() -> None:
    raw = "\x1b[31mx\u202e" * 200_000
    assert sanitise(raw) == "x" * 200_000


@pytest.mark.parametrize(
    ("raw", "limit", "line"),
    [
        ("  two\r\n lines ", 40, "two lines"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("\x1b]0;t\x07x", 6, "x"),
    ],
)
def test_one_line(raw: str, limit: int, line: str) -> None:
    assert one_line(raw, limit) == line


@settings(max_examples=200, deadline=None)
@given(TEXT, st.integers(1, 30))
def test_one_line_is_one_and_not_too_long(raw: str, limit: int) -> None:
    line = one_line(raw, limit)
    assert len(line) <= limit
    assert "\n" not in line


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_json_keeps_the_text_and_shows_nothing_dangerous(raw: str) -> None:
    line = to_json({"text": raw})
    assert not re.search(
        "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]", line
    )
    paired = raw.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(line) == {"text": re.sub("[\ud800-\udfff]", "\ufffd", paired)}
    msgspec.json.decode(line)


def test_json_of_a_record_and_of_half_a_surrogate() -> None:
    class Record(msgspec.Struct, tag="t"):
        text: str

    assert to_json(Record("\x1b\u202e\x9b")) == '{"type":"t","text":"\\u001b\\u202e\\u009b"}'
    assert json.loads(to_json({"a": ["\ud800", "\ud83d\ude00"]})) == {"a": ["\ufffd", "😀"]}
