"""What agents and neko say to one another: the events of N.E.K.O.'s bus, and a few of our own. Pure.

An event is one JSON object with ``event_type``; unknown types and unknown keys are ignored. What comes
in is read by ``agent_reading``.

From agents (N.E.K.O.): ``analyze_ack``, ``task_update``, ``task_result``, ``proactive_message``,
``agent_status_update``; its heartbeats are ignored. To agents (N.E.K.O.): ``analyze_request``.

Ours, on the private socket alone: each event with an ``event_id`` is answered by an ``event_ack``.
``agent_listen`` subscribes its sender to ``analyze_request`` and ``agent_flags`` for ``LISTEN_FOR``
seconds; ``session_query`` is answered by ``session_info``; ``ask_user`` is answered by ``event_ack`` at
once and by ``user_answer`` when the user has spoken, or time is over; ``ask_cancel`` takes it back.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from neko_cli.core.text import sanitise

SUMMARY_LIMIT = 500
DETAIL_LIMIT = 1500
ERROR_LIMIT = 500
NAME_LIMIT = 80
ID_LIMIT = 64
"""Characters of an event's texts; more is cut (the first three are N.E.K.O.'s figures)."""

EVENT_BYTES = 262_144
"""A longer message is not looked at."""

LAST_MESSAGES = 6
"""Messages that an ``analyze_request`` shows (N.E.K.O.'s figure)."""

SHOWN_LIMIT = 4000
"""Characters of one such message."""

ACTIVE_LIMIT = 20
"""Tasks of one status update that are looked at."""

LISTEN_FOR = 60.0
"""Seconds for which an ``agent_listen`` counts."""

ANSWER_SECONDS = (1.0, 600.0)
"""How long a question to the user may wait, at least and at most."""


class Trigger(StrEnum):
    """Why an agent is shown the last messages."""

    TURN_END = "turn_end"
    SESSION_END = "session_end"


class FromAgent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type"):
    """Base of all that agents say; an empty ``lanlan_name`` means every character."""

    event_id: str = ""
    lanlan_name: str = ""


class AnalyzeAck(FromAgent, frozen=True, kw_only=True, tag="analyze_ack"):
    """An ``analyze_request`` of that id has arrived."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task of an agent; times are Unix time in seconds, 0 where they are not told."""

    id: str = ""
    status: str = ""
    type: str = ""
    title: str = ""
    """Its description or instruction, as far as ``params`` tell one."""
    start_time: float = 0.0
    end_time: float = 0.0
    session_id: str = ""
    error: str = ""


class TaskUpdate(FromAgent, frozen=True, kw_only=True, tag="task_update"):
    """How a task stands."""

    task: Task = Task()


class TaskResult(FromAgent, frozen=True, kw_only=True, tag="task_result"):
    """What came of a task; ``status`` is completed, partial or failed."""

    text: str = ""
    task_id: str = ""
    channel: str = ""
    status: str = "completed"
    success: bool = True
    summary: str = ""
    detail: str = ""
    error_message: str = ""
    timestamp: str = ""


class ProactiveMessage(FromAgent, frozen=True, kw_only=True, tag="proactive_message"):
    """Something that the character is to bring up by itself."""

    text: str = ""
    channel: str = ""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent server stands."""

    revision: int = 0
    server_online: bool = False
    analyzer_enabled: bool = False
    flags: dict[str, bool] = {}
    active_tasks: tuple[Task, ...] = ()
    notification: str = ""


class AgentStatusUpdate(FromAgent, frozen=True, kw_only=True, tag="agent_status_update"):
    """An agent server tells how it stands."""

    snapshot: Snapshot = Snapshot()


class AgentListen(FromAgent, frozen=True, kw_only=True, tag="agent_listen"):
    """Ours: the sender takes requests."""


class SessionQuery(FromAgent, frozen=True, kw_only=True, tag="session_query"):
    """Ours: who are you?"""


class AskUser(FromAgent, frozen=True, kw_only=True, tag="ask_user"):
    """Ours: the character is to ask this; ``timeout`` is in seconds."""

    question: str = ""
    channel: str = ""
    timeout: float = 120.0


class AskCancel(FromAgent, frozen=True, kw_only=True, tag="ask_cancel"):
    """Ours: nobody waits for the answer to the ``ask_user`` of that id any more."""


class AnalyzeRequest(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type", tag="analyze_request"
):
    """The last messages, for an agent to see whether there is something to do."""

    event_id: str
    trigger: Trigger
    lanlan_name: str
    messages: tuple[dict[str, str], ...]


class AgentFlags(msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type", tag="agent_flags"):
    """Ours: what agents may do now."""

    lanlan_name: str
    flags: dict[str, bool]


class EventAck(msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type", tag="event_ack"):
    """Ours: what became of an event; ``message`` is a sentence where it was not accepted."""

    event_id: str
    accepted: bool = True
    lanlan_name: str = ""
    message: str = ""


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type", tag="session_info"):
    """Ours: who runs here."""

    event_id: str
    lanlan_name: str
    profile: str
    status: str
    tasks: int
    waiting: int


class UserAnswer(msgspec.Struct, frozen=True, kw_only=True, tag_field="event_type", tag="user_answer"):
    """Ours: ``status`` is answered, timeout or refused; ``text`` the user's words, or why there are none."""

    event_id: str
    status: str
    text: str


AgentEvent = (
    AnalyzeAck
    | TaskUpdate
    | TaskResult
    | ProactiveMessage
    | AgentStatusUpdate
    | AgentListen
    | SessionQuery
    | AskUser
    | AskCancel
)
ToAgent = AnalyzeRequest | AgentFlags | EventAck | SessionInfo | UserAnswer

KINDS: dict[str, type[AgentEvent]] = {
    "analyze_ack": AnalyzeAck,
    "task_update": TaskUpdate,
    "task_result": TaskResult,
    "proactive_message": ProactiveMessage,
    "agent_status_update": AgentStatusUpdate,
    "agent_listen": AgentListen,
    "session_query": SessionQuery,
    "ask_user": AskUser,
    "ask_cancel": AskCancel,
}
STATUSES = ("completed", "partial", "failed")


def new_id() -> str:
    """An id for an event: 32 hexadecimal digits, as on N.E.K.O.'s bus."""
    return os.urandom(16).hex()


def encode(event: AgentEvent | ToAgent) -> bytes:
    """An event as it goes over a socket."""
    return msgspec.json.encode(event)


def analyze_request(
    character: str, messages: Iterable[tuple[str, str]], trigger: Trigger, event_id: str = ""
) -> AnalyzeRequest:
    """A request about the last of these (role, text) messages."""
    last = [(role, text) for role, text in messages if text][-LAST_MESSAGES:]
    return AnalyzeRequest(
        event_id=event_id or new_id(),
        trigger=trigger,
        lanlan_name=character,
        messages=tuple({"role": role, "content": sanitise(text)[:SHOWN_LIMIT]} for role, text in last),
    )


def fingerprint(event: TaskResult | ProactiveMessage) -> str:
    """By what the same result is known again: its event id, else all that it says of its task."""
    if event.event_id:
        return f"{event.lanlan_name}\0{event.event_id}"
    if isinstance(event, TaskResult) and event.task_id:
        said = msgspec.json.encode([event.task_id, event.status, event.summary, event.timestamp])
        return hashlib.sha256(said).hexdigest()
    return ""


class Seen:
    """Ids that came before, the newest of them; bounded."""

    def __init__(self, limit: int = 1024) -> None:
        """``limit`` ids are remembered."""
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, event_id: str) -> bool:
        """Note an id; False when it came before. One that is empty is always new."""
        if not event_id:
            return True
        if event_id in self._ids:
            self._ids.move_to_end(event_id)
            return False
        self._ids[event_id] = None
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)
        return True

    def forget(self, event_id: str) -> None:
        """It came to nothing: the next one of that id is new."""
        self._ids.pop(event_id, None)

    def __len__(self) -> int:
        """Ids that are remembered."""
        return len(self._ids)
