"""Keys are found by shape, by place and by name; other text stays as it is."""

from __future__ import annotations

import pytest

from neko_cli.core.redaction import redact, secrets_of

KEYS = [
    "sk-proj-abcDEF123456789",
    "AIzaSyA1234567890abcdefghij",
    "xai-abcdef1234567890",
    "9f8e7d6c5b4a39281706f5e4",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "form",
    [
        "Authorization: Bearer {}",
        "authorization: {}",
        "wss://host/path?model=m&key={}",
        "wss://host/p?access_token={}&x=1",
        "OPENAI_API_KEY={}",
        '{{"api_key": "{}"}}',
        "x-goog-api-key: {}",
        "api-key={}",
        "secret = '{}'",
        "ws://user:{}@host/",
        "Bearer {}",
    ],
)
def test_keys_are_redacted(form: str, key: str) -> None:
    clean = redact(form.format(key))
    assert key not in clean
    assert "[redacted]" in clean
    assert redact(clean) == clean


@pytest.mark.parametrize("key", KEYS[:3])
def test_keys_with_a_known_shape_need_no_name(key: str) -> None:
    assert redact(f"it said {key}, twice") == "it said [redacted], twice"


@pytest.mark.parametrize(
    "text",
    [
        "max_output_tokens=4096",
        "the keyboard: qwertyuiop",
        "wss://host/v1/realtime?model=gpt-realtime",
        "a task-force",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("url", "headers", "found"),
    [
        ("wss://h/x?model=gpt&key=abcd1234", {}, ("abcd1234",)),
        ("wss://h/x", {"Authorization": "Bearer abcd1234", "OpenAI-Beta": "realtime=v1"}, ("abcd1234",)),
        ("wss://h/x", {"api-key": "abcd", "x-goog-api-key": "efgh"}, ("abcd", "efgh")),
        ("wss://h/x?key=abcd", {"api-key": "abcd"}, ("abcd",)),
        ("wss://h/x?model=m", {"User-Agent": "neko"}, ()),
    ],
)
def test_the_keys_of_an_address_and_its_headers(url, headers, found):
    assert secrets_of(url, headers) == found
