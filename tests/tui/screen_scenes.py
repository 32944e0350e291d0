"""Conversations in which the user's screen is shown."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from neko_cli.core.events import ScreenShown
from neko_cli.core.profile import Profile, ProviderTable
from neko_cli.testing import ScriptedSession
from tests.tui.scenes import Scene, delta, ended, said, type_in

SETTLED = 1.0
"""Seconds after which a question takes an answer."""


def picture(source: str = "monitor 1", *, kib: int = 84, description: str = "") -> ScreenShown:
    """One was shown."""
    return ScreenShown(
        at=0.0,
        source=source,
        width=1280,
        height=800,
        bytes=kib * 1024,
        sent=not description,
        description=description,
    )


def cloud_scene(**options: Any) -> Scene:
    """With a provider that is somewhere else."""
    return Scene(ScriptedSession(Profile(provider=ProviderTable(name="openai"))), **options)


async def ask_to_show(scene: Scene, pilot: Pilot[None], words: str = "") -> None:
    """The command, up to the question."""
    await scene.ready(pilot)
    await type_in(pilot, f"/screen {words}".strip())
    await scene.until(pilot, lambda: scene.session.screen.state.consent == "asking")
    await scene.until(pilot, lambda: scene.app.screen is not scene.app.chat)


async def show_question(scene: Scene, pilot: Pilot[None]) -> None:
    """May pictures of a window leave?"""
    await ask_to_show(scene, pilot, "window:Editor")


async def show_shown(scene: Scene, pilot: Pilot[None]) -> None:
    """Pictures leave, and are talked about."""
    await ask_to_show(scene, pilot)
    scene.clock.now += SETTLED
    await pilot.press("y")
    await scene.until(pilot, lambda: scene.session.screen.state.on)
    await scene.told(
        pilot,
        picture(),
        picture(kib=97),
        picture(kib=91),
        said(1, "what is wrong in line three?"),
        picture(kib=90),
        delta(1, "There is a bracket too many."),
        ended(1, "There is a bracket too many."),
        picture(description="An editor with a Python file; line 3 is marked in red."),
    )


async def show_paused(scene: Scene, pilot: Pilot[None]) -> None:
    """The user looks away."""
    await show_shown(scene, pilot)
    await pilot.press("f5")
    await scene.told(pilot)


async def show_unseen(scene: Scene, pilot: Pilot[None]) -> None:
    """The screen is gone."""
    await show_shown(scene, pilot)
    scene.session.screen.become(trouble="The display is gone.")
    await scene.told(pilot)
