"""An MCP server whose tools reach the running chat: tell something, ask the user, see who runs.

The official package is an extra, and is loaded when a server is made. Standard output is the protocol's;
nothing else writes there.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from neko_cli import __version__
from neko_cli.core.companions.agent_events import (
    ANSWER_SECONDS,
    DETAIL_LIMIT,
    SUMMARY_LIMIT,
    AskUser,
    TaskResult,
    new_id,
)
from neko_cli.core.errors import NekoError
from neko_cli.core.text import one_line, sanitise
from neko_cli.services import agent_client

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

T = TypeVar("T")

CHANNEL = "agent"
ASK_SECONDS = 120.0

ABOUT = (
    "Reaches a person who talks with a voice character in neko, a terminal voice client. Use notify when "
    "something that the person waits for has ended, and ask_user when you cannot go on without a decision. "
    "What is spoken should be short and free of markup."
)


def make_server(run: Path) -> MCPServer[Any]:
    """The server; ``run`` is the folder of sockets of running programs.

    Raises ImportError where the package is missing.
    """
    from mcp.server.mcpserver import MCPServer

    server: MCPServer[Any] = MCPServer("neko", version=__version__, instructions=ABOUT, log_level="WARNING")

    @server.tool()
    async def notify(
        text: str,
        status: Literal["completed", "partial", "failed"] = "completed",
        detail: str = "",
        to: str = "",
    ) -> str:
        """Have the character tell the person something at the next quiet moment.

        Args:
            text: one or two sentences to be spoken, at most 500 characters.
            status: how it ended.
            detail: more, for when the person asks back; at most 1500 characters.
            to: a character or profile, or all; empty is the chat that was started last.
        """
        _check("text", text, SUMMARY_LIMIT, least=1)
        _check("detail", detail, DETAIL_LIMIT)
        event = TaskResult(
            event_id=new_id(),
            channel=CHANNEL,
            status=status,
            success=status != "failed",
            summary=one_line(text, SUMMARY_LIMIT),
            detail=sanitise(detail),
        )

        def work(_: threading.Event) -> str:
            acks = agent_client.deliver(agent_client.find(run, to), event)
            return ", ".join(ack.lanlan_name for ack in acks)

        return f"{await _on_thread(work)} will tell it."

    @server.tool()
    async def ask_user(
        question: str,
        seconds: float = ASK_SECONDS,
        to: str = "",
    ) -> str:
        """Have the character ask the person by voice; returns the person's next words.

        Args:
            question: one short question that can be answered by voice, at most 500 characters.
            seconds: how long to wait for the answer, 1 to 600.
            to: a character or profile; empty is the chat that was started last.
        """
        _check("question", question, SUMMARY_LIMIT, least=1)
        least, most = ANSWER_SECONDS
        if not least <= seconds <= most:
            raise _refusal(f"seconds must be {least:g} to {most:g}.")
        event = AskUser(
            event_id=new_id(),
            channel=CHANNEL,
            question=one_line(question, SUMMARY_LIMIT),
            timeout=seconds,
        )

        def work(stop: threading.Event) -> tuple[str, str]:
            with agent_client.Line(agent_client.find(run, to)[:1]) as line:
                answer = line.ask(event, stop)
            return answer.status, answer.text

        status, text = await _on_thread(work)
        if status != "answered":
            raise _refusal(text or "There is no answer.")
        return text

    @server.tool()
    async def list_sessions() -> list[dict[str, Any]]:
        """The chats that run, the newest first."""
        found = await _on_thread(lambda _: agent_client.sessions(run))
        return [
            {
                "character": entry.character,
                "profile": entry.profile,
                "pid": entry.pid,
                "status": info.status if info is not None else "does not answer",
                "tasks": info.tasks if info is not None else 0,
                "waiting_results": info.waiting if info is not None else 0,
            }
            for entry, info in found
        ]

    return server


async def serve(server: MCPServer[Any]) -> None:
    """Serve until standard input ends."""
    logging.getLogger("mcp").setLevel(logging.WARNING)
    await server.run_stdio_async()


def _refusal(text: str) -> Exception:
    """What an agent is told instead of a result."""
    from mcp.server.mcpserver.exceptions import ToolError

    return ToolError(text)


async def _on_thread(work: Callable[[threading.Event], T]) -> T:
    """Carry out what blocks; when the call is cancelled, the thread is told so and ends soon."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(work, stop)
    except NekoError as error:
        raise _refusal(str(error)) from None
    finally:
        stop.set()


def _check(name: str, text: str, most: int, *, least: int = 0) -> None:
    """Refuse what would be cut, so that the agent says it in fewer words."""
    if not least <= len(text.strip()) <= most:
        raise _refusal(f"{name} must have {least} to {most} characters; it has {len(text.strip())}.")
