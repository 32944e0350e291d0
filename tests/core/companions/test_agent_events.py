"""Events of agents: all that are documented are read, and nothing that comes does any harm."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neko_cli.core.companions import agent_events as events
from neko_cli.core.companions.agent_reading import parse, parse_answer


def read(**fields: Any) -> Any:
    return parse(json.dumps(fields).encode())


def test_a_result_is_read_with_all_that_it_says() -> None:
    event = read(
        event_type="task_result",
        lanlan_name="Mio",
        text="It is done.",
        task_id="t1",
        channel="computer_use",
        status="partial",
        success=True,
        summary="Half of it.",
        detail="a\nb",
        error_message="the rest failed",
        timestamp="2026-02-28T10:00:00",
        more={"unknown": 1},
    )
    assert event == events.TaskResult(
        lanlan_name="Mio",
        text="It is done.",
        task_id="t1",
        channel="computer_use",
        status="partial",
        summary="Half of it.",
        detail="a\nb",
        error_message="the rest failed",
        timestamp="2026-02-28T10:00:00",
    )


def test_texts_are_cut_and_cleaned() -> None:
    event = read(
        event_type="task_result",
        summary="s\x1b[31m" * 900,
        detail="d\x1b]0;x\x07" * 9000,
        error_message="e" * 900,
    )
    assert len(event.summary) == events.SUMMARY_LIMIT
    assert event.detail == "d" * events.DETAIL_LIMIT
    assert len(event.error_message) == events.ERROR_LIMIT
    assert "\x1b" not in event.summary


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"success": True}, "completed"),
        ({"success": False}, "failed"),
        ({"status": "FAILED"}, "failed"),
        ({"status": "weird", "success": False}, "failed"),
        ({"status": "weird"}, "completed"),
        ({"status": None, "success": "yes"}, "completed"),
    ],
)
def test_the_status_is_one_of_three(fields: dict[str, Any], status: str) -> None:
    assert read(event_type="task_result", summary="x", **fields).status == status


def test_a_result_without_a_summary_takes_what_there_is_or_is_none() -> None:
    assert read(event_type="task_result", text="Done.").summary == "Done."
    assert read(event_type="task_result", detail="a\nb").summary == "a b"
    assert read(event_type="task_result", success=True) is None


def test_a_task_is_read_from_its_table() -> None:
    task = {
        "id": "t1",
        "status": "running",
        "type": "browser_use",
        "start_time": "1772272800.5",
        "end_time": None,
        "params": {"instruction": "Book a table."},
        "session_id": "s",
        "error": None,
    }
    assert read(event_type="task_update", task=task).task == events.Task(
        id="t1",
        status="running",
        type="browser_use",
        start_time=1772272800.5,
        title="Book a table.",
        session_id="s",
    )
    assert read(event_type="task_update", task={"status": "running"}) is None


def test_a_status_update_is_read_from_its_snapshot() -> None:
    snapshot = {
        "revision": 7,
        "server_online": True,
        "analyzer_enabled": True,
        "flags": {"computer_use_enabled": True, "odd": "yes"},
        "active_tasks": [{"id": "a", "status": "running"}, {"no": "id"}, 5],
        "notification": {"text": "Quota reached."},
        "capabilities": {},
        "updated_at": "now",
    }
    read_ = read(event_type="agent_status_update", snapshot=snapshot).snapshot
    assert (read_.revision, read_.server_online, read_.notification) == (7, True, "Quota reached.")
    assert read_.flags == {"computer_use_enabled": True}
    assert [task.id for task in read_.active_tasks] == ["a"]
    assert read(event_type="agent_status_update", snapshot=[]).snapshot == events.Snapshot()


def test_the_time_of_a_question_stays_within_bounds() -> None:
    assert read(event_type="ask_user", question="Really?", timeout=1e9).timeout == 600.0
    assert read(event_type="ask_user", question="Really?", timeout=-5).timeout == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted({field.name for kind in events.KINDS.values() for field in msgspec.structs.fields(kind)})


@given(
    st.sampled_from([*events.KINDS, "agent_bridge_heartbeat", ""]),
    st.dictionaries(st.sampled_from(FIELDS), JSON),
)
def test_fields_of_any_kind_are_an_event_or_none(kind: str, fields: dict[str, Any]) -> None:
    event = parse(json.dumps({**fields, "event_type": kind}).encode("utf-8", "replace"))
    assert event is None or type(event) is events.KINDS[kind]
    if event is not None:
        assert parse(events.encode(event)) == event  # what was cleaned stays as it is


@given(st.binary(max_size=200))
@example(b"[" * 60_000)
@example(b'{"event_type": "task_result", "summary": "' + b"x" * events.EVENT_BYTES + b'"}')
@example(b'{"event_type": ["task_result"]}')
def test_bytes_of_any_kind_do_no_harm(data: bytes) -> None:
    assert parse(data) is None
    assert parse_answer(data) is None


def test_what_we_send_is_read_as_the_documents_say() -> None:
    said = [
        ("user", "one"),
        ("assistant", ""),
        *((role, f"{n}") for n in range(4) for role in ("user", "assistant")),
    ]
    event = events.analyze_request("Mio", said, events.Trigger.TURN_END)
    sent = json.loads(events.encode(event))
    assert sent["event_type"] == "analyze_request"
    assert sent["trigger"] == "turn_end"
    assert sent["lanlan_name"] == "Mio"
    assert len(sent["event_id"]) == 32
    assert int(sent["event_id"], 16) >= 0
    assert sent["messages"] == [{"role": role, "content": text} for role, text in said[-6:]]


def test_ids_that_came_before_are_known_again_and_bounded() -> None:
    seen = events.Seen(limit=3)
    assert [seen.is_new(one) for one in ("a", "b", "a", "c", "d")] == [True, True, False, True, True]
    assert len(seen) == 3
    assert seen.is_new("b")  # the oldest was forgotten; "a" came again meanwhile
    assert not seen.is_new("d")
    seen.forget("d")
    assert seen.is_new("d")
    assert seen.is_new("")
    assert seen.is_new("")


def test_the_same_result_without_an_id_is_known_by_what_it_says() -> None:
    one = events.TaskResult(task_id="t", summary="x", timestamp="1")
    assert events.fingerprint(one) == events.fingerprint(msgspec.structs.replace(one, text="other"))
    assert events.fingerprint(one) != events.fingerprint(msgspec.structs.replace(one, status="failed"))
    assert events.fingerprint(events.TaskResult(summary="x")) == ""
    assert events.fingerprint(events.ProactiveMessage(text="x")) == ""
