"""Which calls are carried out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.tools import (
    Permission,
    ToolGuard,
    Verdict,
    entry_of,
    is_allowed,
    read_arguments,
    same_call,
    time_limit,
)
from neko_cli.core.profile import parse
from neko_cli.core.tables import ToolsTable


def table(**tools) -> ToolsTable:
    return parse({"tools": tools}, "test.toml").tools


def judge(guard, tools, name="clock", arguments=None, *, turn=1, now=0.0, known=("clock", "lamp")):
    return guard.judge(tools, known, name, {} if arguments is None else arguments, turn=turn, now=now)


@pytest.mark.parametrize(
    ("tools", "name", "allowed"),
    [
        ({}, "clock", False),
        ({"allow": ["clock"]}, "clock", True),
        ({"allow": ["clock"]}, "clocks", False),
        ({"allow": ["files__*"]}, "files__read", True),
        ({"allow": ["files__*"]}, "file", False),
        ({"allow": ["FILES__*"]}, "files__read", False),
        ({"command": {"clock": {"run": ["date"], "allow": True}}}, "clock", True),
        ({"command": {"clock": {"run": ["date"], "allow": True}}}, "lamp", False),
        ({"python": {"clock": {"entry": "a:b", "allow": True}}}, "clock", True),
        ({"mcp": {"files": {"run": ["x"], "allow": True}}}, "files__read", True),
        ({"mcp": {"files": {"run": ["x"], "allow": True}}}, "files", False),
        ({"mcp": {"files": {"run": ["x"]}}}, "files__read", False),
    ],
)
def test_what_the_profile_allows(tools, name, allowed):
    assert is_allowed(table(**tools), name) is allowed


@pytest.mark.parametrize(
    ("tools", "name", "seconds"),
    [
        ({}, "clock", 20.0),
        ({"time_limit": 5}, "clock", 5.0),
        ({"time_limit": 5, "command": {"clock": {"run": ["date"], "time_limit": 9}}}, "clock", 9.0),
        ({"time_limit": 5, "command": {"clock": {"run": ["date"]}}}, "clock", 5.0),
        ({"mcp": {"files": {"run": ["x"], "time_limit": 2}}}, "files__read", 2.0),
    ],
)
def test_how_long_a_call_may_take(tools, name, seconds):
    assert time_limit(table(**tools), name) == seconds


def test_a_tool_of_ones_own_goes_before_a_server_of_that_name():
    tools = table(command={"a__b": {"run": ["x"]}}, mcp={"a": {"run": ["y"]}})
    assert entry_of(tools, "a__b") is tools.command["a__b"]
    assert entry_of(tools, "a__c") is tools.mcp["a"]


def test_each_verdict_has_its_reason():
    tools = table(allow=["clock"])
    guard = ToolGuard()
    assert judge(guard, tools) is Verdict.RUN
    assert judge(guard, tools, "lamp") is Verdict.ASK
    assert judge(guard, tools, "bomb") is Verdict.UNKNOWN
    found = guard.judge(tools, ("clock",), "clock", None, turn=1, now=0.0)
    assert found is Verdict.UNREADABLE


@pytest.mark.parametrize(
    ("permission", "runs", "later"),
    [
        (Permission.ONCE, True, Verdict.ASK),
        (Permission.SESSION, True, Verdict.RUN),
        (Permission.NO, False, Verdict.ASK),
        (Permission.NEVER, False, Verdict.DENIED),
    ],
)
def test_what_a_user_says_holds_for_that_tool_alone(permission, runs, later):
    guard, tools = ToolGuard(), table()
    assert guard.said("clock", permission) is runs
    assert judge(guard, tools) is later
    assert judge(guard, tools, "lamp") is Verdict.ASK


def test_never_goes_before_what_the_profile_allows():
    guard, tools = ToolGuard(), table(allow=["*"])
    guard.said("clock", Permission.NEVER)
    assert judge(guard, tools) is Verdict.DENIED


def test_calls_of_one_turn_are_limited_and_another_turn_counts_afresh():
    guard, tools = ToolGuard(), table(allow=["*"], calls_per_turn=2)
    found = [judge(guard, tools) for _ in range(5)]
    assert found == [Verdict.RUN] * 2 + [Verdict.FLOOD] * 3
    assert guard.insists(tools, 1)
    assert judge(guard, tools, turn=2) is Verdict.RUN
    assert not guard.insists(tools, 2)


def test_the_model_insists_only_when_it_was_told_to_stop_as_often_as_it_might_have_called():
    guard, tools = ToolGuard(), table(allow=["*"], calls_per_turn=2)
    told = []
    for _ in range(5):
        judge(guard, tools)
        told.append(guard.insists(tools, 1))
    assert told == [False, False, False, False, True]


def test_calls_of_a_minute_are_limited_over_all_turns():
    guard, tools = ToolGuard(), table(allow=["*"], calls_per_minute=3)
    assert [judge(guard, tools, turn=n, now=n) for n in range(4)] == [Verdict.RUN] * 3 + [Verdict.FLOOD]
    assert judge(guard, tools, turn=9, now=62.5) is Verdict.RUN


def test_a_tool_that_is_not_known_is_counted_too():
    guard, tools = ToolGuard(), table(allow=["*"], calls_per_turn=2)
    for _ in range(2):
        judge(guard, tools, "bomb")
    assert judge(guard, tools) is Verdict.FLOOD


@pytest.mark.parametrize(
    ("text", "found"),
    [("", {}), ("{}", {}), ('{"a": 1}', {"a": 1}), ("[]", None), ("{", None), ("null", None)],
)
def test_arguments_are_an_object_or_unreadable(text, found):
    assert read_arguments(text) == found


@given(st.text())
def test_any_text_is_read_or_refused(text):
    assert read_arguments(text) is None or isinstance(read_arguments(text), dict)


def test_deep_nesting_is_refused():
    assert read_arguments('{"a":' * 100_000 + "1" + "}" * 100_000) is None


def test_calls_are_the_same_whatever_the_order_of_their_arguments():
    assert same_call("f", {"a": 1, "b": [2]}) == same_call("f", {"b": [2], "a": 1})
    assert same_call("f", {"a": 1}) != same_call("f", {"a": 2})
    assert same_call("f", {}) != same_call("g", {})
