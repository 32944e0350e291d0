"""What the user orders about agents, and what the session is told of it."""

from __future__ import annotations

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.events import NewsState, Severity, Status
from neko_cli.testing import Call, ScriptedSession
from neko_cli.tui.agent_board import KEPT
from neko_cli.tui.agent_desk import AgentDesk, Order, understand
from tests.tui.agent_scenes import found, runs


class Desk:
    """A desk with its session and what it tells."""

    def __init__(self, session: ScriptedSession | None) -> None:
        self.told: list[str] = []
        self.session = session
        self.desk = AgentDesk(lambda: self.session, self.tell)
        self.desk.board.apply(runs("t1", "make test"), 0.0)
        self.desk.board.apply(found("r2", "First."), 0.0)
        self.desk.board.apply(found("r3", "Second."), 0.0)
        self.desk.board.apply(found("r4", "Which?", status="question"), 0.0)
        self.desk.board.apply(found("r5", "Now.", NewsState.WAITING), 0.0)
        self.desk.board.apply(found("r5", "Now.", NewsState.TELLING), 0.0)
        self.desk.board.apply(found("r6", "Over."), 0.0)
        self.desk.board.apply(found("r6", "Over.", NewsState.TOLD), 0.0)

    def tell(self, text: str, aside: str, severity: Severity) -> None:
        self.told.append(f"{text} {aside}".strip())

    @property
    def calls(self) -> list[Call]:
        return self.session.calls if self.session is not None else []

    @property
    def numbers(self) -> list[int]:
        return sorted(item.number for item in self.desk.board.items)


@pytest.fixture
def desk() -> Desk:
    return Desk(ScriptedSession())


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        ("", Order("open")),
        (" ON ", Order("allow", flag="agent_enabled", on="on")),
        ("off", Order("allow", flag="agent_enabled", on="off")),
        ("tell", Order("tell")),
        ("tell 12", Order("tell", number=12)),
        ("dismiss 3", Order("dismiss", number=3)),
        ("computer_use on", Order("allow", flag="computer_use_enabled", on="on")),
        ("mcp", Order("allow", flag="mcp_enabled")),
    ],
)
def test_what_stands_behind_the_command(typed: str, order: Order) -> None:
    assert understand(typed) == order


@pytest.mark.parametrize(
    "typed", ["maybe", "tell me", "tell -1", "tell ²", "mcp perhaps", "on off", "enabled on"]
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="takes on, off, tell N"):
        understand(typed)


@pytest.mark.parametrize(
    ("number", "call", "told"),
    [
        (3, ["r3"], []),
        (0, ["r2"], []),
        (1, [], ["It is still running; there is nothing to tell yet."]),
        (5, [], ["It is being told already."]),
        (6, [], ["It was told already."]),
        (99, [], ["There is no such number."]),
    ],
)
def test_tell_now(desk: Desk, number: int, call: list[str], told: list[str]) -> None:
    desk.desk.tell_now(number)
    assert [one.arguments for one in desk.calls] == [(one,) for one in call]
    assert desk.told == told


def test_told_later_is_said_so(desk: Desk) -> None:
    assert desk.session is not None
    desk.session.set_state(status=Status.SPEAKING)
    desk.desk.tell_now(2)
    assert desk.told == ["It is told next, as soon as nobody talks."]


@pytest.mark.parametrize("what", ["tell_result", "dismiss_result"])
def test_what_is_told_meanwhile_is_not_told_again_nor_taken_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(desk.session, what, lambda key: False)
    (desk.desk.tell_now if what == "tell_result" else desk.desk.dismiss)(2)
    assert desk.told == ["It is being told already."]
    assert 2 in desk.numbers


@pytest.mark.parametrize(
    ("number", "call", "left", "told"),
    [
        (2, ["r2"], False, "Not told, and gone from the disk: First."),
        (4, ["r4"], False, "You are not asked: Which? The program that wanted to know is told so."),
        (1, [], False, "make test goes on; it is listed no more."),
        (5, [], True, "It is being told already."),
        (6, [], False, ""),
        (99, [], False, "There is no such number."),
    ],
)
def test_dismiss(desk: Desk, number: int, call: list[str], left: bool, told: str) -> None:
    desk.desk.dismiss(number)
    assert [one.arguments for one in desk.calls] == [(one,) for one in call]
    assert (number in desk.numbers) is left
    assert desk.told == ([told] if told else [])


def test_without_a_session_nothing_is_told_or_forgotten() -> None:
    desk = Desk(None)
    assert desk.desk.flags == {}
    desk.desk.tell_now(2)
    desk.desk.dismiss(2)
    desk.desk.allow("agent_enabled", "on")
    assert desk.told == ["That needs a running session."] * 3
    assert len(desk.numbers) == 6 < KEPT


def test_nothing_waits() -> None:
    desk = Desk(ScriptedSession())
    for key in ("r2", "r3", "r4"):
        desk.desk.board.remove(key)
    desk.desk.tell_now()
    desk.desk.dismiss()
    assert desk.told == ["Nothing waits to be told."] * 2


@pytest.mark.parametrize(
    ("flag", "typed", "after", "told"),
    [
        ("agent_enabled", "on", True, "Agents that listen see the last messages after each turn"),
        ("agent_enabled", "", True, "Agents that listen see the last messages after each turn"),
        ("agent_enabled", "off", False, "Agents see nothing of what is said."),
        ("computer_use_enabled", "on", True, "Agents may use the computer."),
        ("browser_use_enabled", "off", False, "Agents may not use a browser."),
        ("user_plugin_enabled", "", True, "Agents may use user plugins."),
    ],
)
def test_what_agents_may_do(desk: Desk, flag: str, typed: str, after: bool, told: str) -> None:
    desk.desk.allow(flag, typed)
    assert desk.desk.flags[flag] is after
    assert desk.told[0].startswith(told)
