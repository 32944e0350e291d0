"""Conversations in which agents have something to say, to show in an app."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from neko_cli.core.events import AgentNews, AgentTask, Levels, NewsState, Status
from tests.tui.scenes import Scene, show_conversation


def runs(task_id: str, title: str, *, status: str = "running", **more: Any) -> AgentTask:
    """A task, and how it stands."""
    return AgentTask(at=0.0, id=task_id, status=status, title=title, **more)


def found(
    news_id: str, summary: str, state: NewsState = NewsState.WAITING, status: str = "completed", **more: Any
) -> AgentNews:
    """A result, and how it stands."""
    return AgentNews(at=0.0, id=news_id, state=state, status=status, summary=summary, **more)


LOG = "\n".join(f"test_{number:02}: {'FAILED' if number % 7 == 0 else 'ok'}" for number in range(40))

AGENTS = (
    runs("t1", "make test", source="command", detail="test 812 of 4,120", seconds=73.0),
    runs("t2", "Find a train to Marseille on Friday", source="browser_use", seconds=4.0),
    found("r1", "the nightly build: completed after 2 h 10 min.", source="command"),
    found("r1", "the nightly build: completed after 2 h 10 min.", NewsState.TOLD, source="command"),
    found(
        "r2", "The report has been written.", source="agent", status="partial", detail="Page 3 is missing."
    ),
    found("r3", "lint: failed with exit code 1 after 3.2 s.", source="command", status="failed", detail=LOG),
    found("r4", "Shall I use the branch main, or make another one?", source="agent", status="question"),
)


async def show_agents(scene: Scene, pilot: Pilot[None]) -> None:
    """The pane is open: two tasks run, three things wait to be told."""
    await show_conversation(scene, pilot)
    await scene.told(pilot, *AGENTS)
    scene.clock.now += 12
    scene.session.set_state(status=Status.SPEAKING)
    await scene.told(pilot, Levels(at=0.0, microphone=-60.0, speaker=-20.0))
    await pilot.press("ctrl+g", "down", "down")
    await pilot.pause()


async def show_agent_opened(scene: Scene, pilot: Pilot[None]) -> None:
    """One of them is read, a few rows down, with its second choice marked."""
    await show_agents(scene, pilot)
    await pilot.press("up", "enter", "down", "down", "right")
    await pilot.pause()


async def show_no_agents(scene: Scene, pilot: Pilot[None]) -> None:
    """The pane is open, and there is nothing in it."""
    await show_conversation(scene, pilot)
    await pilot.press("ctrl+g")
    await pilot.pause()


async def show_agents_counted(scene: Scene, pilot: Pilot[None]) -> None:
    """The status line tells of them; the pane is closed."""
    await show_conversation(scene, pilot)
    await scene.told(pilot, *AGENTS)


async def show_face(scene: Scene, pilot: Pilot[None]) -> None:
    """The face is wanted, while the character speaks."""
    await show_conversation(scene, pilot)
    scene.session.set_state(status=Status.SPEAKING)
    await scene.told(pilot, Levels(at=0.0, microphone=-60.0, speaker=-10.0))
    if not scene.app.chat.face.display:
        await pilot.press("ctrl+n")
    await pilot.pause()
