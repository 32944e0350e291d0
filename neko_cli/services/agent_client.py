"""The other end of a chat's private socket: finds who runs, sends events, waits for what comes back.

Blocks; for commands, and for threads of servers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from neko_cli.core.companions.agent_events import (
    EVENT_BYTES,
    AgentEvent,
    AskCancel,
    AskUser,
    EventAck,
    SessionInfo,
    SessionQuery,
    UserAnswer,
    encode,
    new_id,
)
from neko_cli.core.companions.agent_reading import parse_answer
from neko_cli.core.errors import InvalidRequest, LinkError
from neko_cli.core.text import one_line
from neko_cli.services.agent_registry import Entry, running

TIMEOUT_S = 5.0
"""For an acknowledgement; a chat that lives needs some ms."""

AGAIN_S = 0.5
"""After which an event is sent once more, with the same id."""

GRACE_S = 3.0
"""Beyond a question's own time, for its end to be told."""

SLICE_S = 0.2
"""Between looks at whether somebody wants to stop the waiting."""

EVERYBODY = "all"
NOBODY_HINT = "Start one with `neko chat`."


class Receipt(msgspec.Struct, frozen=True):
    """What a chat said to an event; None when it said nothing in time."""

    entry: Entry
    ack: EventAck | SessionInfo | None


def find(run: Path, to: str = "") -> list[Entry]:
    """The chats that are meant: the newest, ``all``, or those of a character or profile of that name.

    Raises:
        LinkError: there is none.
        ConfigError: the folder of sockets cannot be trusted.
    """
    there = running(run)
    if not there:
        raise LinkError("No chat is running.", hint=NOBODY_HINT, code="nobody")
    if not to:
        return there[:1]
    if to.casefold() == EVERYBODY:
        return there
    wanted = to.casefold()
    found = [one for one in there if wanted in (one.character.casefold(), one.profile.casefold())]
    if not found:
        names = ", ".join(sorted({one_line(one.character, 40) for one in there}))
        raise LinkError(
            f"No chat with {one_line(to, 40)} is running.", hint=f"Running: {names}.", code="nobody"
        )
    return found


class Line:
    """Connections to some running chats; a context manager."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Nothing is connected before it is entered."""
        self.entries = list(entries)
        self._context: Any = None
        self._sockets: list[Any] = []

    def __enter__(self) -> Line:
        """Connect; a chat that is gone is only noticed by its silence."""
        import zmq

        self._context = zmq.Context()
        for entry in self.entries:
            socket = self._context.socket(zmq.DEALER)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.MAXMSGSIZE, EVENT_BYTES)
            socket.setsockopt(zmq.SNDHWM, 100)
            socket.connect(entry.endpoint)
            self._sockets.append(socket)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect at once."""
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def send(self, event: AgentEvent) -> None:
        """Send to all without waiting; what a chat does not take is lost."""
        import contextlib

        import zmq

        for socket in self._sockets:
            with contextlib.suppress(zmq.ZMQError):
                socket.send(encode(event), zmq.NOBLOCK)

    def exchange(self, event: AgentEvent, timeout: float = TIMEOUT_S) -> list[Receipt]:
        """Send to all, and wait up to ``timeout`` seconds for what each says to it."""
        answers: dict[int, EventAck | SessionInfo] = {}
        self.send(event)
        ends = time.monotonic() + timeout
        again = time.monotonic() + AGAIN_S
        while len(answers) < len(self._sockets) and (left := ends - time.monotonic()) > 0:
            if again and time.monotonic() >= again:
                again = 0.0
                self.send(event)
            until_again = again - time.monotonic() if again else left
            for at, said in self._heard(max(0.0, min(left, until_again))):
                if isinstance(said, EventAck | SessionInfo) and said.event_id == event.event_id:
                    answers.setdefault(at, said)
        return [Receipt(entry, answers.get(at)) for at, entry in enumerate(self.entries)]

    def ask(self, event: AskUser, stop: threading.Event) -> UserAnswer:
        """Have the user asked by the first of the chats; returns when there is an answer, or none will be.

        Raises LinkError when the chat does not answer, or is gone. ``stop`` ends the waiting.
        """
        (receipt, *_) = self.exchange(event)
        ack = acknowledged(receipt)
        if not ack.accepted:
            return UserAnswer(event_id=event.event_id, status="refused", text=ack.message)
        ends = time.monotonic() + event.timeout + GRACE_S
        while (left := ends - time.monotonic()) > 0:
            if stop.is_set():
                self.send(AskCancel(event_id=event.event_id))
                return UserAnswer(
                    event_id=event.event_id, status="refused", text="The question was taken back."
                )
            for _, said in self._heard(min(left, SLICE_S)):
                if isinstance(said, UserAnswer) and said.event_id == event.event_id:
                    return said
        raise LinkError("The chat has gone while the question waited.")

    def _heard(self, seconds: float) -> list[tuple[int, EventAck | SessionInfo | UserAnswer]]:
        """What has come within so many seconds, with the number of who said it."""
        import zmq

        poller = zmq.Poller()
        for socket in self._sockets:
            poller.register(socket, zmq.POLLIN)
        heard = []
        for socket, _ in poller.poll(int(seconds * 1000) + 1):
            said = parse_answer(socket.recv(zmq.NOBLOCK))
            if said is not None:
                heard.append((self._sockets.index(socket), said))
        return heard


def acknowledged(receipt: Receipt) -> EventAck:
    """The acknowledgement; raises LinkError where there is none."""
    if not isinstance(receipt.ack, EventAck):
        raise LinkError(
            f"The chat with {one_line(receipt.entry.character, 40)} does not answer.",
            hint="It may be busy or stopped; what was sent may still arrive.",
            code="silent",
        )
    return receipt.ack


def deliver(entries: Sequence[Entry], event: AgentEvent, timeout: float = TIMEOUT_S) -> list[EventAck]:
    """Send an event and wait until each chat has acknowledged it.

    Raises:
        LinkError: one does not answer.
        InvalidRequest: one does not take it.
    """
    with Line(entries) as line:
        return accepted(line.exchange(event, timeout))


def accepted(receipts: Sequence[Receipt]) -> list[EventAck]:
    """All acknowledgements; raises as :func:`deliver`."""
    acks = [acknowledged(receipt) for receipt in receipts]
    for ack in acks:
        if not ack.accepted:
            raise InvalidRequest(one_line(ack.message) or "The chat does not take it.")
    return acks


def sessions(run: Path, timeout: float = 1.0) -> list[tuple[Entry, SessionInfo | None]]:
    """Who runs, the newest first, and how each stands; None for one that does not answer."""
    there = running(run)
    with Line(there) as line:
        receipts = line.exchange(SessionQuery(event_id=new_id()), timeout)
    return [(one.entry, one.ack if isinstance(one.ack, SessionInfo) else None) for one in receipts]
