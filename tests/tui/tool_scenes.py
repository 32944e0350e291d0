"""Conversations in which the character uses tools, to show in an app."""

from __future__ import annotations

import json

from textual.pilot import Pilot

from neko_cli.core.companions.tools import Permission
from neko_cli.core.events import Status
from neko_cli.tui.questions import QUIET
from tests.tui.scenes import Scene, asks, calls, delta, result, typed


def answers(scene: Scene) -> list[tuple[str, Permission]]:
    """What the session was told."""
    return [call.arguments for call in scene.session.calls if call.name == "permit_tool"]  # type: ignore[misc]


async def asked(scene: Scene, pilot: Pilot[None], *tools: str, seen: bool = True) -> None:
    """Questions about these tools, with the ids c1, c2 and so on; ``seen`` long enough for an answer."""
    await scene.ready(pilot)
    scene.session.set_state(status=Status.PROCESSING)
    for number, tool in enumerate(tools, 1):
        await scene.told(
            pilot, calls(f"c{number}", tool, '{"on": true}'), asks(f"c{number}", tool, '{"on": true}')
        )
    if seen:
        scene.clock.now += QUIET
    await pilot.pause()


WRITE = json.dumps(
    {
        "path": "/data/jo/notes/sea.md",
        "text": "The sea\n\nIt is quiet tonight, " + "and quiet, " * 40 + "and that is all.",
        "mode": "append",
        "tags": ["sea", "night"],
        "sync": True,
    }
)
"""Arguments that do not fit."""


async def show_tool_question(scene: Scene, pilot: Pilot[None]) -> None:
    """A call that is done, one that failed, and one that the user is asked about, with another behind."""
    await scene.ready(pilot)
    scene.clock.now += 18
    scene.session.set_state(status=Status.PROCESSING)
    await scene.told(
        pilot,
        typed(1, "Write down what I said about the sea, and light the lamp."),
        delta(1, "One moment."),
        calls("c1", "clock", '{"zone": "Europe/Paris"}', at=1.0),
        result("c1", '"20:31"', at=1.4),
        calls("c2", "weather", '{"place": "the sea"}', at=1.0),
        result("c2", '{"error": "There is no such place."}', ok=False, at=3.1),
        calls("c3", "files__write", WRITE, at=3.1),
        asks(
            "c3",
            "files__write",
            WRITE,
            about="Writes a text to a file; creates the file when it is not there.",
            at=3.1,
        ),
        calls("c4", "lamp", '{"on": true}', at=3.1),
        asks("c4", "lamp", '{"on": true}', about="Switches the lamp in the hall.", at=3.1),
    )
    scene.clock.now += 12
    scene.app.chat.tick()
    await pilot.pause()


async def show_tool_question_opened(scene: Scene, pilot: Pilot[None]) -> None:
    """All of it, after a few rows down, with another answer marked."""
    await show_tool_question(scene, pilot)
    await pilot.press("tab", "down", "down", "left")
    await pilot.pause()


async def show_tools(scene: Scene, pilot: Pilot[None]) -> None:
    """What became of four calls, and one that runs."""
    await show_tool_question(scene, pilot)
    await pilot.press("f8")
    scene.clock.now += 2
    await pilot.press("f6")
    await scene.told(
        pilot, result("c3", '{"error": "The user does not allow this tool."}', ok=False, at=20.0)
    )
    await scene.told(
        pilot, result("c4", "null", at=20.0), calls("c5", "build", '{"target": "docs"}', at=20.0)
    )
