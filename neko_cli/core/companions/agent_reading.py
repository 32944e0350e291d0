"""Reads what comes from agents, which may be anything: cleaned, cut, and never an exception. Pure.

A value of the wrong kind counts as missing, an event of an unknown type as none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from neko_cli.core.companions.agent_events import (
    ACTIVE_LIMIT,
    ANSWER_SECONDS,
    DETAIL_LIMIT,
    ERROR_LIMIT,
    EVENT_BYTES,
    ID_LIMIT,
    KINDS,
    NAME_LIMIT,
    STATUSES,
    SUMMARY_LIMIT,
    AgentEvent,
    AgentStatusUpdate,
    AskUser,
    EventAck,
    SessionInfo,
    Snapshot,
    Task,
    TaskResult,
    TaskUpdate,
    UserAnswer,
)
from neko_cli.core.text import one_line, sanitise

T = TypeVar("T", bound=msgspec.Struct)

_LIMITS = {
    "event_id": ID_LIMIT,
    "lanlan_name": NAME_LIMIT,
    "id": ID_LIMIT,
    "task_id": ID_LIMIT,
    "session_id": ID_LIMIT,
    "status": 32,
    "type": 32,
    "channel": 32,
    "timestamp": 40,
    "error": ERROR_LIMIT,
    "error_message": ERROR_LIMIT,
}
_LONG = {"detail": DETAIL_LIMIT}
_TITLES = ("description", "instruction", "query", "title", "task")


def parse(data: bytes) -> AgentEvent | None:
    """The event of a message; None for anything else, whatever it is."""
    raw = _object(data)
    kind = KINDS.get(_text(raw.get("event_type"), 64))
    if kind is None:
        return None
    event = _filled(kind, raw)
    match event:
        case TaskUpdate():
            task = _task(raw.get("task"))
            return msgspec.structs.replace(event, task=task) if task.id else None
        case AgentStatusUpdate():
            return msgspec.structs.replace(event, snapshot=_snapshot(raw.get("snapshot")))
        case TaskResult():
            return _result(event, raw)
        case AskUser():
            least, most = ANSWER_SECONDS
            return msgspec.structs.replace(event, timeout=min(most, max(least, event.timeout)))
    return event


def parse_answer(data: bytes) -> EventAck | SessionInfo | UserAnswer | None:
    """What the running chat says to one who asked; None for anything else. Nothing is cleaned."""
    try:
        return msgspec.json.decode(data[:EVENT_BYTES], type=EventAck | SessionInfo | UserAnswer)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return None


def _object(data: bytes) -> Mapping[str, Any]:
    if len(data) > EVENT_BYTES:
        return {}
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _filled(kind: type[T], raw: Mapping[str, Any]) -> T:
    """The struct with what of ``raw`` is of the right kind."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = raw.get(field.name)
        if value is None:
            continue
        if field.type is str:
            values[field.name] = _text_of(field.name, value)
        elif field.type is bool and isinstance(value, bool):
            values[field.name] = value
        elif field.type is float:
            values[field.name] = _number(value)
        elif field.type is int:
            values[field.name] = int(_number(value))
    return kind(**values)


def _text_of(name: str, value: object) -> str:
    if name in _LONG:
        return sanitise(_plain(value))[: _LONG[name]]
    return _text(value, _LIMITS.get(name, SUMMARY_LIMIT))


def _plain(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def _text(value: object, limit: int) -> str:
    return one_line(_plain(value), limit)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and abs(number) < 1e12 else 0.0


def _task(raw: object) -> Task:
    if not isinstance(raw, dict):
        return Task()
    task = _filled(Task, raw)
    params = raw.get("params")
    named = params if isinstance(params, dict) else {}
    title = task.title or next((text for key in _TITLES if (text := _text(named.get(key), 200))), "")
    return msgspec.structs.replace(task, title=title)


def _snapshot(raw: object) -> Snapshot:
    if not isinstance(raw, dict):
        return Snapshot()
    snapshot = _filled(Snapshot, raw)
    flags, tasks = raw.get("flags"), raw.get("active_tasks")
    known = flags if isinstance(flags, dict) else {}
    active = [_task(task) for task in tasks[:ACTIVE_LIMIT]] if isinstance(tasks, list) else []
    said = raw.get("notification")
    said = said.get("text") or said.get("message") if isinstance(said, dict) else said
    return msgspec.structs.replace(
        snapshot,
        flags={
            one_line(name, 40): on for name, on in list(known.items())[:ACTIVE_LIMIT] if on in (True, False)
        },
        active_tasks=tuple(task for task in active if task.id),
        notification=_text(said, SUMMARY_LIMIT),
    )


def _result(event: TaskResult, raw: Mapping[str, Any]) -> TaskResult | None:
    """With a status that is known, and a summary where one can be had."""
    status = event.status.casefold()
    if status not in STATUSES:
        status = "completed" if event.success else "failed"
    elif "status" not in raw and not event.success:
        status = "failed"
    summary = event.summary or event.text or event.error_message or one_line(event.detail, SUMMARY_LIMIT)
    if not summary:
        return None
    return msgspec.structs.replace(event, status=status, summary=summary)
