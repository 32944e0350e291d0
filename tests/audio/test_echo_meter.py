"""Echo return loss: what is said about it, from levels alone."""

from __future__ import annotations

import math

import pytest

from neko_cli.audio.echo_likeness import Likeness
from neko_cli.audio.echo_meter import CALM_MS, HANG_MS, EchoMeter, EchoReport, EchoState

LOUD = -20.0


def power(dbfs: float) -> float:
    return float(32768.0**2 * 10 ** (dbfs / 10))


def syllables(n: int, every: int = 23) -> float:
    """A level that goes up and down as speech does."""
    return 12.0 * math.sin(n / every * 2 * math.pi) * math.sin(n / 57)


def talk(
    meter: EchoMeter, seconds: float, *, near_db: float, left_db: float, own: bool = True, begin: int = 0
) -> None:
    """Something is played; the microphone hears it (or another voice) at ``near_db``."""
    for n in range(begin, begin + int(seconds * 100)):
        ups = syllables(n) if own else syllables(n, 31)
        meter.heard(power(near_db + ups), power(left_db + ups), power(LOUD + syllables(n)))


def test_nothing_is_said_before_something_is_played() -> None:
    meter = EchoMeter()
    for _ in range(500):
        meter.heard(power(-20), power(-20), 0.0)
    assert meter.state is EchoState.WAITING
    assert meter.erle_db == 0.0
    assert not meter.double_talk


def test_it_works_and_says_by_how_much() -> None:
    meter = EchoMeter()
    meter.heard(power(-30), power(-60), power(LOUD))
    assert meter.state is EchoState.LEARNING
    talk(meter, 4, near_db=-30, left_db=-60)
    assert meter.state is EchoState.WORKING
    assert meter.erle_db == pytest.approx(30.0, abs=0.5)


def test_echo_that_comes_through_is_told_from_a_voice() -> None:
    echo, voice = EchoMeter(), EchoMeter()
    for meter in (echo, voice):
        talk(meter, 4, near_db=-30, left_db=-70)
    talk(echo, 4, near_db=-30, left_db=-32, begin=400)
    talk(voice, 4, near_db=-26, left_db=-30, own=False, begin=400)
    assert echo.state is EchoState.FAILING
    assert echo.erle_db < 5.0
    assert voice.state is EchoState.WORKING
    assert voice.double_talk
    assert voice.erle_db > 30.0, "a voice does not count"


def test_it_works_again_after_it_failed() -> None:
    meter = EchoMeter()
    talk(meter, 4, near_db=-30, left_db=-32)
    assert meter.state is EchoState.FAILING
    talk(meter, 6, near_db=-30, left_db=-60, begin=400)
    assert meter.state is EchoState.WORKING


def test_headphones_are_no_echo_and_taking_them_off_is_noticed() -> None:
    meter = EchoMeter()
    talk(meter, 3, near_db=-75, left_db=-76)
    assert meter.state is EchoState.NO_ECHO
    assert meter.erle_db == 0.0
    talk(meter, 4, near_db=-30, left_db=-60, begin=300)
    assert meter.state is EchoState.WORKING
    talk(meter, 12, near_db=-90, left_db=-95, begin=700)
    assert meter.state is EchoState.NO_ECHO


def test_pauses_do_not_count() -> None:
    meter = EchoMeter()
    talk(meter, 4, near_db=-30, left_db=-60)
    before = meter.erle_db
    for _ in range(1000):
        meter.heard(power(-30), power(-30), 0.0)
    assert meter.erle_db == pytest.approx(before, abs=12.0), "only the tail of HANG_MS"
    assert not meter.double_talk
    assert HANG_MS == 500


@pytest.mark.parametrize("state", EchoState)
def test_only_what_was_seen_to_work_is_trusted(state: EchoState) -> None:
    assert EchoReport(state=state).converged is (state is EchoState.NO_ECHO)
    trusted = state in (EchoState.WORKING, EchoState.NO_ECHO)
    assert EchoReport(state=state, settled=True).converged is trusted


def test_the_echo_has_to_be_out_for_a_while_at_first_and_after_a_disturbance() -> None:
    meter = EchoMeter()
    talk(meter, 2, near_db=-20, left_db=-35)
    assert not meter.settled
    talk(meter, 1, near_db=-20, left_db=-75, begin=200)
    assert meter.settled
    talk(meter, 1, near_db=-17, left_db=-20, own=False, begin=300)
    assert meter.settled, "a voice is none"
    meter.disturb()
    assert not meter.settled
    talk(meter, CALM_MS / 1000 - 0.01, near_db=-20, left_db=-75, begin=400)
    assert not meter.settled
    talk(meter, 1.5, near_db=-20, left_db=-75, begin=430)
    assert meter.settled


def test_likeness_finds_a_delay_and_silence_is_like_nothing() -> None:
    likeness = Likeness()
    assert likeness.of_near() == 0.0
    for n in range(450):
        likeness.push(-30 + syllables(n), -40 + syllables(n - 35), -40 + syllables(n, 31))
    assert likeness.of_near() > 0.95
    assert likeness.of_left() < 0.6
