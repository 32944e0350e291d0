"""What the core needs to be reached by agents, as Protocols; ``services/agent_*`` implements them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from neko_cli.core.companions.agent_events import (
    AgentEvent,
    AgentFlags,
    AnalyzeRequest,
    AskUser,
    EventAck,
    SessionInfo,
    UserAnswer,
)
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.tables_agents import AgentsTable


class AgentEars(Protocol):
    """Who is told what comes over the bus; nothing of it raises."""

    async def take(self, event: AgentEvent) -> EventAck:
        """Take an event; what is to be told is on disk when this returns."""
        ...

    async def ask(self, event: AskUser) -> UserAnswer:
        """Have the user asked; returns when he has answered, or time is over."""
        ...

    def info(self, event_id: str) -> SessionInfo:
        """Who runs here."""
        ...


class AgentBus(Protocol):
    """How agents reach a session, and the session them."""

    async def open(
        self, wanted: AgentsTable, ears: AgentEars, *, character: str, profile: str
    ) -> tuple[str, ...]:
        """Listen; idempotent. Returns sentences about what cannot be listened to; never raises."""
        ...

    def rename(self, character: str, profile: str) -> None:
        """Another character is there now."""
        ...

    async def request(self, event: AnalyzeRequest) -> bool:
        """Have an agent see the last messages; returns whether one has acknowledged it.

        Waits half a second for that, and sends the same once more.
        """
        ...

    def publish(self, event: AgentFlags) -> None:
        """Tell agents that listen; returns at once."""
        ...

    async def close(self) -> None:
        """Stop listening, in order, within a few seconds; idempotent."""
        ...


class ResultShelf(Protocol):
    """Where results are until they were told. What cannot be kept raises StoreError."""

    async def keep(self, result: AgentResult, character: str) -> None:
        """A result is on disk when this returns."""
        ...

    async def told(self, ids: Sequence[str]) -> None:
        """These need not be kept any more; unknown ones are no error."""
        ...

    async def waiting(self, character: str) -> list[AgentResult]:
        """What was kept for a character by sessions that have ended without telling it, oldest first.

        From now on it is this session's to tell.
        """
        ...

    async def release(self) -> None:
        """The session ends: what is still kept may be told by another one. Never raises; idempotent."""
        ...
