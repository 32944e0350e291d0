"""A handle is used for what it was told for, and for nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.classify import from_close, from_error, from_handshake
from neko_cli.core.errors import (
    CredentialsError,
    InvalidRequest,
    LinkError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
    SessionExpired,
)
from neko_cli.core.modes import Mode
from neko_cli.core.ports import Closing
from neko_cli.core.resume import Handle, HandleBook, Tags, is_rejection, parse_duration

CALL = Tags("gemini", "live-1", "cat", Mode.CALL)
TEXT = Tags("gemini", "live-1", "cat", Mode.TEXT)


def test_the_newest_handle_is_used_when_all_tags_match() -> None:
    book = HandleBook()
    assert book.usable(CALL, 0.0) == ""
    book.told("one", CALL, now=0.0)
    book.told("two", CALL, now=1.0)
    assert book.usable(CALL, 1e9) == "two"


@pytest.mark.parametrize(
    "change", [{"provider": "xai"}, {"model": "live-2"}, {"profile": "dog"}, {"mode": Mode.TEXT}]
)
def test_a_handle_is_never_used_for_anything_else(change: dict[str, str]) -> None:
    book = HandleBook()
    book.told("one", CALL, now=0.0)
    assert book.usable(msgspec.structs.replace(CALL, **change), 0.0) == ""
    assert book.usable(CALL, 0.0) == "one"


def test_calls_and_text_have_a_handle_each() -> None:
    book = HandleBook()
    book.told("call", CALL, now=0.0)
    book.told("text", TEXT, now=0.0)
    book.clear(Mode.CALL)
    assert book.usable(CALL, 0.0) == ""
    assert book.usable(TEXT, 0.0) == "text"
    book.clear()
    assert book.usable(TEXT, 0.0) == ""


def test_an_old_handle_is_not_used() -> None:
    book = HandleBook()
    book.told("one", CALL, now=100.0, ttl=30.0)
    assert book.usable(CALL, 129.0) == "one"
    assert book.usable(CALL, 130.0) == ""


def test_age_counts_from_the_end_of_the_link() -> None:
    book = HandleBook()
    book.told("one", CALL, now=0.0, ttl=30.0)
    book.link_alive(Mode.CALL, 500.0)
    book.link_alive(Mode.CALL, 400.0)
    book.link_alive(Mode.TEXT, 400.0)
    assert book.usable(CALL, 529.0) == "one"
    assert book.usable(CALL, 530.0) == ""


def test_a_session_that_cannot_be_resumed_just_now_has_no_handle() -> None:
    book = HandleBook()
    book.told("older", CALL, now=0.0)
    book.told("text", TEXT, now=0.0)
    book.told("", CALL, now=1.0)
    assert book.usable(CALL, 1.0) == ""
    assert book.usable(TEXT, 1.0) == "text"


def test_a_handle_does_not_show_its_value() -> None:
    assert "secret" not in repr(Handle("secret", CALL, 0.0))
    assert "secret" not in str(Handle("secret", CALL, 0.0).__rich_repr__())


@given(
    st.lists(
        st.tuples(st.sampled_from("abc "), st.sampled_from([CALL, TEXT]), st.floats(0, 100)), max_size=20
    ),
    st.sampled_from([CALL, TEXT]),
)
def test_what_is_usable_was_told_last_for_these_tags(steps, wanted: Tags) -> None:
    book = HandleBook()
    last = ""
    for value, tags, now in steps:
        book.told(value.strip(), tags, now=now)
        last = value.strip() if tags == wanted else last
    assert book.usable(wanted, 100.0) == last


# Rejections


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("no"),
        SessionExpired("too old"),
        from_close(Closing(1007, "Request contains an invalid argument.")),
        from_close(Closing(1008, "BidiGenerateContent session not found")),
        from_close(Closing(1008, "Invalid resumption token")),
        from_close(Closing(1007, "session handle expired")),
        from_handshake(404, body="conversation not found"),
        from_error("conversation_not_found", "invalid_request_error", "gone"),
    ],
)
def test_a_refused_handle_is_seen_by_category_or_close_code(error) -> None:
    assert is_rejection(error, "handle")
    assert not is_rejection(error, "")


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("slow", code="1008"),
        QuotaExhausted("no money", code="1007"),
        ServerFault("down", code="1011"),
        LinkError("lost", code="1006"),
        CredentialsError("key", code="401"),
    ],
)
def test_other_troubles_leave_the_handle_alone(error) -> None:
    assert not is_rejection(error, "handle")


# Durations


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("50s", 50.0),
        ("1.5s", 1.5),
        ("0s", 0.0),
        ("1m30s", 90.0),
        ("1h2m3.5s", 3723.5),
        ("250ms", 0.25),
        (" 50 S ", 50.0),
        ("50", 50.0),
        ("-3s", 0.0),
        (50, 50.0),
        (1.5, 1.5),
        (-2, 0.0),
        ({"seconds": 50}, 50.0),
        ({"seconds": "50", "nanos": 500_000_000}, 50.5),
        ({"nanos": 250_000_000}, 0.25),
    ],
)
def test_durations_are_seconds_in_every_form(told: object, seconds: float) -> None:
    assert parse_duration(told) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "told",
    [
        None, "", "s", "soon", "5 parrots", "1.s.", True, [], {}, {"minutes": 1}, {"seconds": "x"},
        float("nan"), float("inf"), 10**400, "9" * 400, "١٢s", {"seconds": {"seconds": {}}},
    ],
)  # fmt: skip
def test_what_is_no_duration_is_none(told: object) -> None:
    assert parse_duration(told) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["seconds", "nanos", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(anything | st.from_regex(r"[-+]?[0-9.]{1,8}\s?(ms|s|m|h)?([0-9]{1,4}s)?", fullmatch=True))
def test_a_duration_never_raises_and_is_never_negative(told: object) -> None:
    seconds = parse_duration(told)
    assert seconds is None or 0.0 <= seconds < float("inf")


@given(st.integers(0, 10**6), st.integers(0, 999))
def test_protobuf_forms_agree(whole: int, milliseconds: int) -> None:
    text = parse_duration(f"{whole}.{milliseconds:03}s")
    long = parse_duration({"seconds": str(whole), "nanos": milliseconds * 1_000_000})
    assert text == pytest.approx(whole + milliseconds / 1000)
    assert long == pytest.approx(text)
