"""Options of ``neko say`` become a plan, or a usage error."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.cli.say_plan import (
    Format,
    Input,
    Pace,
    SayOptions,
    Source,
    join_texts,
    make_plan,
)
from neko_cli.core.errors import ConfigError


def plan(*, tty_in: bool = False, tty_out: bool = False, **options: Any):
    return make_plan(SayOptions(**options), input_is_terminal=tty_in, output_is_terminal=tty_out)


@pytest.mark.parametrize(
    ("options", "source", "read", "form"),
    [
        ({}, Source.TEXT, Input.MESSAGE, Format.TEXT),
        ({"text": "hi"}, Source.TEXT, Input.APPENDED, Format.TEXT),
        ({"text": "hi", "no_stdin": True}, Source.TEXT, Input.IGNORED, Format.TEXT),
        ({"text": "hi", "tty_in": True}, Source.TEXT, Input.IGNORED, Format.TEXT),
        ({"text": "hi", "tty_out": True}, Source.TEXT, Input.APPENDED, Format.STREAMED),
        ({"text": "-", "tty_in": True}, Source.TEXT, Input.MESSAGE, Format.TEXT),
        ({"lines": True}, Source.LINES, Input.LINES, Format.LINES),
        ({"lines": True, "text": "-"}, Source.LINES, Input.LINES, Format.LINES),
        ({"lines": True, "tty_out": True}, Source.LINES, Input.LINES, Format.LINES),
        ({"lines": True, "json": True}, Source.LINES, Input.LINES, Format.JSON),
        ({"audio": "x.wav"}, Source.AUDIO, Input.IGNORED, Format.TEXT),
        ({"audio": "-"}, Source.AUDIO, Input.SOUND, Format.TEXT),
        ({"listen": True, "tty_in": True}, Source.LISTEN, Input.IGNORED, Format.TEXT),
        ({"text": "hi", "out": "-", "tty_out": True}, Source.TEXT, Input.APPENDED, Format.SOUND),
        ({"text": "hi", "out": "r.wav"}, Source.TEXT, Input.APPENDED, Format.TEXT),
        ({"text": "hi", "json_audio": True}, Source.TEXT, Input.APPENDED, Format.JSON),
    ],
)
def test_forms(options: dict[str, Any], source: Source, read: Input, form: Format) -> None:
    made = plan(**options)
    assert (made.source, made.input, made.format) == (source, read, form)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"text": "hi"}, (False, False)),
        ({"text": "hi", "json": True}, (False, False)),
        ({"text": "hi", "play": True}, (True, False)),
        ({"text": "hi", "out": "x.wav"}, (True, True)),
        ({"text": "hi", "json_audio": True}, (True, True)),
    ],
)
def test_audio_is_asked_for_only_when_it_goes_somewhere(
    options: dict[str, Any], wanted: tuple[bool, bool]
) -> None:
    made = plan(**options)
    assert (made.want_audio, made.samples) == wanted


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"tty_in": True}, "nothing to say"),
        ({"no_stdin": True}, "nothing to say"),
        ({"text": "  ", "tty_in": True}, "nothing to say"),
        ({"text": "hi", "lines": True}, "--lines"),
        ({"text": "hi", "audio": "x.wav"}, "--audio"),
        ({"text": "hi", "listen": True}, "--listen"),
        ({"lines": True, "audio": "x.wav"}, "--audio"),
        ({"audio": "x.wav", "listen": True}, "--listen"),
        ({"text": "hi", "out": "-", "json": True}, "--out -"),
        ({"text": "hi", "out": "-", "json_audio": True}, "--out -"),
        ({"text": "hi", "pace": Pace.FAST}, "--audio"),
        ({"text": "-", "no_stdin": True}, "--no-stdin"),
        ({"lines": True, "no_stdin": True}, "--no-stdin"),
        ({"audio": "-", "no_stdin": True}, "--no-stdin"),
        ({"text": "hi", "timeout": 0.0}, "--timeout"),
        ({"text": "hi", "timeout": -1.0}, "--timeout"),
        ({"text": "hi", "timeout": float("nan")}, "--timeout"),
        ({"text": "hi", "timeout": float("inf")}, "--timeout"),
    ],
)
def test_usage_errors(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        plan(**options)


def test_the_argument_comes_before_the_input() -> None:
    assert join_texts("summarise", "a\nb\n") == "summarise\n\na\nb"
    assert join_texts("", "a\n") == "a"
    assert join_texts("a", "") == "a"
    with pytest.raises(ConfigError, match="empty"):
        join_texts("", " \n")
