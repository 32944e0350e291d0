"""What goes out of the microphone while the character is heard: nothing of itself, all of the user."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from neko_cli.core.microphone_gate import ECHO_TAIL, ONSET_MS, Guard, MicrophoneGate
from neko_cli.core.ports_sound import EchoFigure
from neko_cli.core.profile import Duplex
from neko_cli.core.state import TurnState

RATE = 16_000
SIZE = RATE // 100 * 2
SILENCE = bytes(SIZE)


class Echo:
    """An echo canceller that says what the test wants."""

    def __init__(self) -> None:
        self.trusted = True
        self.hears_somebody = False
        self.figure = EchoFigure("working", 40.0)


class Turns:
    """The turn as the gate sees it."""

    state = TurnState.IDLE

    @property
    def is_heard(self) -> bool:
        return self.state in (TurnState.SPEAKING, TurnState.DRAINING)


class Host:
    """As much of a session as the gate asks for."""

    def __init__(self, duplex: Duplex, echo: Echo | None) -> None:
        self.at = 100.0
        self.profile = SimpleNamespace(sound=SimpleNamespace(duplex=duplex))
        self.ports = SimpleNamespace(echo=echo, tape=self)
        self.playout = SimpleNamespace(audible=True)
        self.turns = Turns()
        self.devices = SimpleNamespace(microphone=SimpleNamespace(heard=lambda frame, rate: None))
        self.accepts = True
        self.recorded = b""

    @property
    def sound(self) -> Any:
        duplex, echo = self.profile.sound.duplex, self.ports.echo
        full = duplex is Duplex.FULL or (duplex is Duplex.AUTO and echo is not None and echo.trusted)
        return SimpleNamespace(is_full_duplex=full)

    def now(self) -> float:
        return self.at

    def heard(self, sound: bytes, rate: int, *, live: bool) -> None:
        self.recorded += sound


def frame(n: int) -> bytes:
    return bytes([n, 1]) * (SIZE // 2)


def gate_of(host: Host) -> MicrophoneGate:
    return MicrophoneGate(cast("Any", host))


@pytest.mark.parametrize("state", [TurnState.SPEAKING, TurnState.DRAINING])
@pytest.mark.parametrize(
    ("duplex", "trusted", "guard"),
    [
        (Duplex.HALF, None, Guard.HALF_DUPLEX),
        (Duplex.HALF, True, Guard.HALF_DUPLEX),
        (Duplex.AUTO, None, Guard.HALF_DUPLEX),
        (Duplex.AUTO, False, Guard.HALF_DUPLEX),
        (Duplex.AUTO, True, Guard.ECHO),
        (Duplex.FULL, None, Guard.NONE),
        (Duplex.FULL, True, Guard.NONE),
    ],
)
def test_what_guards_while_the_character_is_heard(
    state: TurnState, duplex: Duplex, trusted: bool | None, guard: Guard
) -> None:
    echo = None if trusted is None else Echo()
    if echo is not None:
        echo.trusted = bool(trusted)
    host = Host(duplex, echo)
    gate = gate_of(host)
    assert gate.guard() is Guard.NONE, "nobody speaks"
    host.turns.state = state
    assert gate.guard() is guard
    host.playout.audible = False
    assert gate.guard() is Guard.NONE


def test_the_room_still_echoes_for_a_moment() -> None:
    host = Host(Duplex.HALF, None)
    gate = gate_of(host)
    host.turns.state = TurnState.SPEAKING
    assert gate.sound(frame(1), RATE) == SILENCE
    host.turns.state = TurnState.IDLE
    host.at += ECHO_TAIL - 0.01
    assert gate.sound(frame(2), RATE) == SILENCE
    host.at += 0.02
    assert gate.sound(frame(3), RATE) == frame(3)


def test_who_speaks_over_the_character_is_heard_from_the_first_syllable_on() -> None:
    echo = Echo()
    host = Host(Duplex.AUTO, echo)
    gate = gate_of(host)
    host.turns.state = TurnState.SPEAKING
    assert [gate.sound(frame(n), RATE) for n in range(40)] == [SILENCE] * 40
    echo.hears_somebody = True
    before = ONSET_MS // 10
    expected = b"".join(frame(n) for n in range(40 - before, 41))
    assert gate.sound(frame(40), RATE) == expected
    assert gate.sound(frame(41), RATE) == frame(41)
    assert host.recorded == SILENCE * 40 + expected + frame(41)


def test_what_is_left_of_the_echo_does_not_go_out_when_the_character_ends() -> None:
    echo = Echo()
    host = Host(Duplex.AUTO, echo)
    gate = gate_of(host)
    host.turns.state = TurnState.DRAINING
    for n in range(10):
        gate.sound(frame(n), RATE)
    host.turns.state = TurnState.IDLE
    host.at += ECHO_TAIL
    echo.hears_somebody = True
    assert gate.sound(frame(10), RATE) == frame(10)


def test_what_was_heard_while_the_echo_came_through_does_not_go_out() -> None:
    echo = Echo()
    host = Host(Duplex.AUTO, echo)
    gate = gate_of(host)
    host.turns.state = TurnState.SPEAKING
    gate.sound(frame(1), RATE)
    echo.trusted = False
    gate.sound(frame(2), RATE)
    echo.trusted = echo.hears_somebody = True
    assert gate.sound(frame(3), RATE) == frame(3)


def test_another_rate_forgets_what_was_held() -> None:
    echo = Echo()
    host = Host(Duplex.AUTO, echo)
    gate = gate_of(host)
    host.turns.state = TurnState.SPEAKING
    gate.sound(frame(1), 48_000)
    echo.hears_somebody = True
    assert gate.sound(frame(2), RATE) == frame(2)


def test_nothing_goes_out_and_nothing_is_recorded_where_nobody_listens() -> None:
    host = Host(Duplex.FULL, None)
    host.accepts = False
    assert gate_of(host).sound(frame(1), RATE) is None
    assert host.recorded == b""
