"""Exit codes and sentences."""

from __future__ import annotations

import io

import pytest

from neko_cli.cli.exits import (
    BY_CATEGORY,
    Exit,
    code_for_category,
    exit_code,
    main_error,
    sentence,
    tell,
    wants_colour,
    write_quietly,
)
from neko_cli.core import errors


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_every_category_has_a_code() -> None:
    assert set(BY_CATEGORY) == set(errors.Category)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NekoError("x"), 1),
        (errors.ConfigError("x"), 2),
        (errors.CredentialsError("x"), 3),
        (errors.InvalidRequest("x"), 4),
        (errors.RateLimited("x"), 5),
        (errors.QuotaExhausted("x"), 5),
        (errors.SessionExpired("x"), 6),
        (errors.ServerFault("x"), 6),
        (errors.LinkError("x"), 6),
        (errors.ProtocolSurprise("x"), 6),
        (errors.NoMicrophone("x"), 7),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (ValueError("x"), 1),
        (ExceptionGroup("g", [ValueError("x"), ExceptionGroup("h", [errors.LinkError("y")])]), 6),
    ],
)
def test_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_an_unknown_category_counts_as_the_networks() -> None:
    assert code_for_category("made up") is Exit.NETWORK
    assert code_for_category("audio") is Exit.SOUND


def test_a_neko_error_stands_for_its_group() -> None:
    inner = errors.ConfigError("x")
    assert main_error(BaseExceptionGroup("g", [ValueError("v"), inner])) is inner


def test_the_text_of_a_foreign_exception_is_not_shown() -> None:
    assert "secret words" not in sentence(ValueError("secret words"))
    assert sentence(errors.LinkError("No.", hint="Try.")) == "No.\nTry."


def test_tell_is_sanitised_and_coloured_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    plain, terminal = io.StringIO(), Terminal()
    tell("a\x1b[2Jb\nhint", stream=plain)
    tell("ab", stream=terminal)
    assert plain.getvalue() == "neko: ab\n      hint\n"
    assert terminal.getvalue() == "\x1b[31mneko:\x1b[0m ab\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert not wants_colour(Terminal())


def test_a_diagnostic_stream_that_is_gone_is_no_error() -> None:
    write_quietly("x", Broken())
    closed = io.StringIO()
    closed.close()
    write_quietly("x", closed)
    assert not wants_colour(closed)


def test_a_diagnostic_stream_that_knows_ascii_alone_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write_quietly("é", stream)
    assert raw.getvalue() == b"\\xe9"
