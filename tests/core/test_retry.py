"""Waits grow, are jittered, stop, and never undercut what the provider asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.errors import CredentialsError, LinkError, RateLimited
from neko_cli.core.retry import Backoff, RetryPolicy


def middle() -> float:
    return 0.5


def test_delays_double_up_to_the_cap() -> None:
    backoff = Backoff(middle)
    delays = [backoff.next_delay() for _ in range(8)]
    assert delays == pytest.approx([0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 15.0, 15.0])


def test_there_is_an_end() -> None:
    backoff = Backoff(middle)
    assert None not in [backoff.next_delay() for _ in range(30)]
    assert backoff.next_delay() is None


@given(st.floats(0, 1), st.integers(1, 29))
def test_jitter_stays_within_ten_percent(draw: float, earlier: int) -> None:
    plain, jittered = Backoff(middle), Backoff(lambda: draw)
    for _ in range(earlier):
        wanted, got = plain.next_delay(), jittered.next_delay()
        assert got == pytest.approx(wanted, rel=0.1 + 1e-9)


def test_jitter_really_spreads() -> None:
    assert Backoff(lambda: 0.0).next_delay() == pytest.approx(0.27)
    assert Backoff(lambda: 1.0).next_delay() == pytest.approx(0.33)


def test_only_a_stable_link_resets_the_count() -> None:
    backoff = Backoff(middle)
    for _ in range(5):
        backoff.next_delay()
    backoff.link_lived(9.9)
    assert backoff.attempts == 5
    backoff.link_lived(10.0)
    assert backoff.next_delay() == pytest.approx(0.3)


def test_a_permanent_error_ends_it_at_once() -> None:
    backoff = Backoff(middle)
    assert backoff.next_delay(CredentialsError("no")) is None
    assert backoff.attempts == 0


def test_retry_after_is_not_undercut() -> None:
    backoff = Backoff(middle)
    assert backoff.next_delay(RateLimited("wait", retry_after=40.0)) == 40.0
    assert backoff.next_delay(RateLimited("wait", retry_after=0.1)) == pytest.approx(0.6)
    assert backoff.next_delay(LinkError("lost")) == pytest.approx(1.2)


def test_a_policy_with_very_many_attempts_does_not_overflow() -> None:
    backoff = Backoff(middle, RetryPolicy(attempts=5000))
    assert [backoff.next_delay() for _ in range(5000)][-1] == pytest.approx(15.0)
