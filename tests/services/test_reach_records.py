"""What failures of sockets and certificates mean, and that records show no keys."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from neko_cli.core.redaction import without_keys
from neko_cli.services.reach_records import (
    Outcome,
    Reach,
    Stage,
    Step,
    Target,
    Why,
    why_no_connection,
    why_no_name,
    why_no_tls,
)

KEY = "k1-aBcDeFgHiJkLmNoP"


def unverified(number: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = number
    return error


def refused_by_tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "x")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (9, Why.NOT_YET),
        (10, Why.EXPIRED),
        (18, Why.UNKNOWN_ISSUER),
        (20, Why.UNKNOWN_ISSUER),
        (62, Why.WRONG_HOST),
        (64, Why.WRONG_HOST),
        (23, Why.UNTRUSTED),
    ],
)
def test_each_fault_of_a_certificate_has_its_word(number: int, why: Why) -> None:
    assert why_no_tls(unverified(number)) is why


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (refused_by_tls("WRONG_VERSION_NUMBER"), Why.NOT_TLS),
        (refused_by_tls("SSLV3_ALERT_HANDSHAKE_FAILURE"), Why.NO_CIPHER),
        (refused_by_tls("UNSUPPORTED_PROTOCOL"), Why.NO_CIPHER),
        (ConnectionResetError(), Why.NOT_TLS),
    ],
)
def test_a_server_that_does_not_speak_tls(error: OSError, why: Why) -> None:
    assert why_no_tls(error) is why


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ECONNREFUSED, ""), Why.REFUSED),
        (OSError(errno.ENETUNREACH, ""), Why.UNREACHABLE),
        (OSError(errno.ETIMEDOUT, ""), Why.TIMEOUT),
        (OSError(errno.EPERM, ""), Why.NO_CONNECTION),
    ],
)
def test_a_server_that_takes_no_connection(error: OSError, why: Why) -> None:
    assert why_no_connection(error) is why


def test_a_name_server_that_is_away_is_no_wrong_name() -> None:
    assert why_no_name(socket.gaierror(socket.EAI_AGAIN, "")) is Why.NO_RESOLVER
    assert why_no_name(socket.gaierror(socket.EAI_NONAME, "")) is Why.NOT_FOUND


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"Wrong key {KEY}!", "Wrong key [redacted]!"),
        (f"{KEY}{KEY}", "[redacted][redacted]"),
        (f"cut short: {KEY[:11]}…", "cut short: [redacted]…"),
        (f"other words {KEY[:5]}", f"other words {KEY[:5]}"),
        ("query abcdef", "query [redacted]"),
        ("", ""),
    ],
)
def test_what_a_server_repeats_is_taken_out(text: str, clean: str) -> None:
    assert without_keys(text, (KEY, "abcdef", "a", "")) == clean


def test_a_target_shows_neither_key_nor_query() -> None:
    target = Target(provider="gemini", url=f"wss://host.example/live?key={KEY}", key=KEY)
    assert KEY not in f"{target!r} {target} {list(target.__rich_repr__())}"
    assert "host.example" in repr(target)


def test_the_way_to_a_session_is_handshake_and_configuration() -> None:
    steps = (
        Step(stage=Stage.TLS, outcome=Outcome.OK, ms=100),
        Step(stage=Stage.HANDSHAKE, outcome=Outcome.OK, ms=20),
    )
    assert Reach(provider="x", steps=steps).opened_ms is None
    done = Reach(provider="x", steps=(*steps, Step(stage=Stage.SESSION, outcome=Outcome.OK, ms=3)))
    assert done.opened_ms == 23
    assert done.failed is None
