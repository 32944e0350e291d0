"""Which addresses are taken, and what of them may be seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.addresses import check_encrypted, is_loopback, split_address, with_query, without_secrets
from neko_cli.core.errors import ConfigError


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.8.9.1",
        "127.1",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
    ],
)
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "a.localhost",
        "128.0.0.1",
        "0.0.0.0",
        "::",
        "::2",
        "1",
        "...",
    ]
    + ["192.168.0.1", "::ffff:8.8.8.8", "example.com", "127.0.0.256"],
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://localhost:80/x", "ws://localhost:80/x"),
        ("https://h/x?a=b#f", "wss://h/x?a=b"),
        (" wss://h ", "wss://h"),
        ("WSS://h/", "wss://h/"),
    ],
)
def test_web_schemes_become_websocket_schemes(url: str, whole: str) -> None:
    assert split_address(url).geturl() == whole


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "host:80",
        "ftp://h",
        "wss://",
        "wss:///path",
        "wss://h:99999",
        "wss://h:0",
        "wss://[::1",
        "ws://a b/",
    ]
    + ["wss://user:secret-1@h/", "localhost:8080/v1"],
)
def test_what_is_no_address_is_refused_without_secrets(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split_address(url)
    assert "secret-1" not in str(caught.value)


def test_plain_connections_stay_on_this_machine() -> None:
    check_encrypted(split_address("ws://127.0.0.1:1/"), insecure=False)
    check_encrypted(split_address("ws://[::1]:1/"), insecure=False)
    check_encrypted(split_address("wss://example.com"), insecure=False)
    check_encrypted(split_address("ws://example.com"), insecure=True)
    with pytest.raises(ConfigError, match="would not be encrypted"):
        check_encrypted(split_address("ws://localhost.example.com"), insecure=False)


def test_a_query_value_of_the_user_stays() -> None:
    parts = split_address("wss://h/p?model=mine&x=1")
    assert with_query(parts, model="ours", other="a b") == "wss://h/p?model=mine&x=1&other=a%20b"
    assert with_query(split_address("wss://h/p"), model="") == "wss://h/p"


def test_what_may_be_seen_of_an_address() -> None:
    assert without_secrets("wss://u:p@h:1/path?key=k#f") == "wss://h:1/path"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="ws:/[]@.1a?#% ", max_size=20).map("ws://".__add__))
def test_any_text_is_taken_or_refused(url: str) -> None:
    without_secrets(url)
    try:
        parts = split_address(url)
    except ConfigError:
        return
    assert parts.scheme in ("ws", "wss")
    assert parts.hostname
