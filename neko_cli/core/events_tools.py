"""Events of what the character does besides talking: tools, and agents that work in the background."""

from __future__ import annotations

from neko_cli.core.events_base import Event
from neko_cli.core.events_words import NewsState


class ToolCall(Event, frozen=True, kw_only=True, tag="tool_call"):
    """The character wants a tool; ``arguments`` is a JSON object as text."""

    turn: int
    call_id: str
    name: str
    arguments: str


class ToolQuestion(Event, frozen=True, kw_only=True, tag="tool_question"):
    """May this call be carried out? A ``tool_result`` ends the question, whatever became of it.

    ``about`` is the tool's description; without an answer within ``seconds`` the call is refused.
    """

    turn: int
    call_id: str
    name: str
    arguments: str
    about: str
    seconds: float


class ToolResult(Event, frozen=True, kw_only=True, tag="tool_result"):
    """What the tool answered."""

    turn: int
    call_id: str
    ok: bool
    output: str


class AgentTask(Event, frozen=True, kw_only=True, tag="agent_task"):
    """How a background task stands: ``status`` is running, or how it ended (completed, partial, failed).

    ``source`` names who does it; ``detail`` is its last word, or what went wrong; ``seconds`` is how long
    it has been running.
    """

    id: str
    status: str
    title: str
    source: str = ""
    detail: str = ""
    seconds: float = 0.0


class AgentNews(Event, frozen=True, kw_only=True, tag="agent_news"):
    """How a result of an agent stands: told again whenever ``state`` changes.

    ``status`` is completed, partial, failed or question; ``task`` is the id of the task that it came of,
    where one was shown.
    """

    id: str
    state: NewsState
    status: str
    summary: str
    detail: str = ""
    source: str = ""
    task: str = ""
