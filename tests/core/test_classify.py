"""What an error means is read from codes first and from words last, and never from ids."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.classify import (
    MAX_DETAIL,
    MAX_WAIT,
    from_close,
    from_error,
    from_handshake,
    is_benign,
    retry_after_of,
)
from neko_cli.core.errors import Category, NekoError
from neko_cli.core.ports import Closing

ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.none())
)


@pytest.mark.parametrize(
    ("status", "body", "category", "permanent"),
    [
        (401, "", Category.CREDENTIALS, True),
        (403, "", Category.CREDENTIALS, True),
        (400, "", Category.REQUEST, True),
        (404, "", Category.REQUEST, True),
        (422, "", Category.REQUEST, True),
        (402, "", Category.QUOTA, True),
        (407, "", Category.LINK, False),
        (408, "", Category.SERVER, False),
        (429, "", Category.RATE_LIMIT, False),
        (500, "", Category.SERVER, False),
        (503, "", Category.SERVER, False),
        (200, "<html>", Category.PROTOCOL, True),
        (302, "", Category.REQUEST, True),
        (429, '{"error":{"code":"insufficient_quota","message":"m"}}', Category.QUOTA, True),
        (400, '{"error":{"code":"model_not_found"}}', Category.REQUEST, True),
        (429, '[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]', Category.RATE_LIMIT, False),
    ],
)
def test_a_handshake_status(status: int, body: str, category: Category, permanent: bool) -> None:
    error = from_handshake(status, body=body)
    assert (error.category, error.permanent) == (category, permanent)


def test_the_sentence_names_the_provider_and_its_message() -> None:
    body = json.dumps({"error": {"code": "invalid_api_key", "message": "Incorrect key: sk-abcdefghijkl."}})
    error = from_handshake(401, body=body, who="OpenAI")
    assert error.message == "OpenAI rejected the key: “Incorrect key: [redacted]”."
    assert error.code == "invalid_api_key"
    assert "neko keys set" in error.hint


def test_a_page_is_not_quoted() -> None:
    assert (
        from_handshake(502, body="<html>bad gateway</html>", who="x").message == "x has a fault: “HTTP 502”."
    )


@pytest.mark.parametrize(
    ("code", "kind", "message", "category"),
    [
        ("invalid_value", "invalid_request_error", "", Category.REQUEST),
        ("cannot_update_voice", "", "", Category.REQUEST),
        ("invalid_api_key", "invalid_request_error", "", Category.CREDENTIALS),
        ("insufficient_quota", "insufficient_quota", "", Category.QUOTA),
        ("rate_limit_exceeded", "requests", "", Category.RATE_LIMIT),
        ("inference_rate_limit_exceeded", "", "", Category.RATE_LIMIT),
        ("session_expired", "invalid_request_error", "", Category.EXPIRED),
        ("server_error", "server_error", "", Category.SERVER),
        (None, "rate_limit_error", "", Category.RATE_LIMIT),
        (None, "max_duration", "", Category.EXPIRED),
        (None, "server_error", "quota", Category.SERVER),
        (429, None, "", Category.RATE_LIMIT),
        ("401", None, "", Category.CREDENTIALS),
        (503, None, "", Category.SERVER),
        (None, None, "You exceeded your current quota", Category.RATE_LIMIT),
        (None, None, "Access denied, account is not in good standing", Category.QUOTA),
        (None, None, "Invalid API key", Category.CREDENTIALS),
        (None, None, "The service is overloaded", Category.SERVER),
        (None, None, "Model does not exist", Category.REQUEST),
        (None, None, "账户欠费", Category.QUOTA),
        ("new_code", "new_type", "gobbledygook", Category.SERVER),
        (None, None, None, Category.SERVER),
    ],
)
def test_a_structured_error(code: object, kind: object, message: object, category: Category) -> None:
    assert from_error(code, kind, message).category is category


@pytest.mark.parametrize(
    "message",
    [
        "Something odd, request_id: 429-quota-401",
        "Something odd (event_429quota)",
        "Something odd in 4294294290",
        "Something odd, sess_401abc",
        "Something odd, trace 0f8fad5b-d9cb-469f-a165-70867728950e",
    ],
)
def test_ids_mean_nothing(message: str) -> None:
    assert from_error(None, None, message).category is Category.SERVER


def test_a_code_goes_before_any_words() -> None:
    words = "Too many requests: the rate limit of your quota is reached"
    body = json.dumps({"error": {"message": words}})
    assert from_handshake(401, body=body).category is Category.CREDENTIALS
    assert from_handshake(400, body=body).category is Category.REQUEST
    assert from_handshake(503, body=body).category is Category.SERVER
    assert from_close(Closing(1012, words)).category is Category.SERVER
    assert from_error("session_expired", "", words).category is Category.EXPIRED
    assert from_error(None, "invalid_request_error", words).category is Category.REQUEST


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("A misunderstanding, still outstanding", Category.SERVER),
        ("The quotation mark is invalid", Category.REQUEST),
        ("Corporate limits are not supported", Category.REQUEST),
        ("Too many tools: the list is invalid", Category.REQUEST),
        ("1008 parts, 4290 samples, 1 fault", Category.SERVER),
        ("Too many concurrent sessions", Category.RATE_LIMIT),
        ("Too Many Requests", Category.RATE_LIMIT),
        ("project_rate_limit hit", Category.RATE_LIMIT),
        ("all quotas are used up", Category.RATE_LIMIT),
    ],
)
def test_words_count_as_words_and_not_as_parts_of_others(message: str, category: Category) -> None:
    assert from_error(None, None, message).category is category
    assert from_close(Closing(4000, message)).category is category


def test_the_word_invalid_is_not_an_id() -> None:
    assert from_error(None, None, "invalid: thing").category is Category.REQUEST


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 1.5s.", 1.5),
        ("Please try again in 20ms.", 0.02),
        ("Try again in 1m3s", 63.0),
        ("Please retry in 7.25 seconds", 7.25),
        ("Limit 3, used 3", None),
    ],
)
def test_a_wait_named_in_words(message: str, seconds: float | None) -> None:
    error = from_error("rate_limit_exceeded", "", message)
    assert error.retry_after == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("code", "reason", "category"),
    [
        (1000, "", Category.LINK),
        (1001, "", Category.LINK),
        (1006, "", Category.LINK),
        (1007, "", Category.REQUEST),
        (1008, "", Category.REQUEST),
        (1008, "API key not valid", Category.CREDENTIALS),
        (1009, "", Category.REQUEST),
        (1011, "", Category.SERVER),
        (1011, "RESOURCE_EXHAUSTED: quota", Category.RATE_LIMIT),
        (1011, "Deadline expired before operation could complete", Category.EXPIRED),
        (1012, "", Category.SERVER),
        (1013, "", Category.SERVER),
        (1001, "session_expired", Category.EXPIRED),
        (3000, "invalid_request_error.invalid_api_key", Category.CREDENTIALS),
        (4000, "", Category.SERVER),
        (4003, "too many sessions", Category.RATE_LIMIT),
    ],
)
def test_a_close(code: int, reason: str, category: Category) -> None:
    error = from_close(Closing(code, reason))
    assert error.category is category
    assert error.code == str(code)


def test_benign_errors_are_known_and_not_permanent() -> None:
    for code in (
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "conversation_already_has_active_response",
    ):
        assert is_benign(code)
        assert not from_error(code, "invalid_request_error", "m").permanent
    assert not is_benign("invalid_value")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            30.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "1e300"}, MAX_WAIT),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_of(headers) == seconds


@settings(max_examples=200, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING | st.text(max_size=2000))
def test_any_error_gives_one_safe_sentence(code: object, kind: object, message: object) -> None:
    error = from_error(code, kind, message, who="X")
    assert isinstance(error, NekoError)
    assert "\x1b" not in error.message
    assert "\n" not in str(error)
    assert len(error.message) < MAX_DETAIL + 100


@settings(max_examples=100, deadline=None)
@given(
    st.integers(100, 599),
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=5),
        lambda inner: st.dictionaries(st.sampled_from(["error", "code", "message", "type"]), inner),
    ).map(json.dumps),
    st.text(max_size=300),
)
def test_any_answer_and_any_close_are_classified(status: int, body: str, reason: str) -> None:
    assert isinstance(from_handshake(status, body=body), NekoError)
    assert isinstance(from_close(Closing(status * 8, reason)), NekoError)
