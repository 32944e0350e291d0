"""How the app looks, at three sizes; no clock, no blink. Update with ``--snapshot-update`` and look."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from neko_cli.core.errors import NoMicrophone
from neko_cli.core.events import Levels
from neko_cli.testing import ScriptedSession
from neko_cli.tui.offers import Offer
from tests.tui import agent_scenes, scenes, screen_scenes, tool_scenes
from tests.tui.scenes import Scene

Play = Callable[[Scene, Pilot[None]], Awaitable[None]]

OFFERS = (
    Offer("Hear yourself and the character first:", "neko devices test"),
    Offer("A key for a cloud voice can be kept safely:", "neko keys set openai"),
)


async def show_start(scene: Scene, pilot: Pilot[None]) -> None:
    await scene.ready(pilot)


async def show_talking(scene: Scene, pilot: Pilot[None]) -> None:
    await scenes.show_conversation(scene, pilot)
    await pilot.press("f4")
    await scene.until(pilot, lambda: scene.session.state.is_listening)
    await scene.told(pilot, Levels(at=0.0, microphone=-20.0, speaker=-120.0))


async def show_ready(scene: Scene, pilot: Pilot[None]) -> None:
    await show_talking(scene, pilot)
    scene.clock.now += 1
    await pilot.press("f4")
    await scene.until(pilot, lambda: not scene.session.state.is_listening)
    silent = Levels(at=0.0, microphone=-120.0, speaker=-120.0)
    await scene.told(pilot, silent, scenes.sound(ready=True))


async def show_help(scene: Scene, pilot: Pilot[None]) -> None:
    await scene.ready(pilot)
    await pilot.press("f1")
    await pilot.pause()


async def show_consent(scene: Scene, pilot: Pilot[None]) -> None:
    await scene.ready(pilot)
    await pilot.press("ctrl+t")
    await pilot.pause()


async def show_new_below(scene: Scene, pilot: Pilot[None]) -> None:
    await scenes.show_conversation(scene, pilot)
    await scenes.show_conversation(scene, pilot)
    await scene.told(pilot, scenes.ended(5, "word " * 150))
    await pilot.press("pageup")
    await pilot.pause()
    await scene.told(pilot, scenes.typed(6, "Still there?"), scenes.ended(6, "Of course."))


def without_sound() -> Scene:
    session = ScriptedSession()
    session.fail_next(
        "start_listening",
        NoMicrophone("There is no microphone on this machine.", hint="Connect one, then press Ctrl+T."),
    )
    return Scene(session)


async def show_no_sound(scene: Scene, pilot: Pilot[None]) -> None:
    await scene.ready(pilot)
    await scene.told(pilot, scenes.typed(1, "hello"), scenes.ended(1, "Hello! I read you well."))


SCENES: dict[str, tuple[Callable[[], Scene], Play]] = {
    "start": (lambda: Scene(offers=OFFERS), show_start),
    "conversation": (Scene, scenes.show_conversation),
    "streaming": (Scene, scenes.show_streaming),
    "unsure": (Scene, scenes.show_unsure),
    "error": (Scene, scenes.show_error),
    "no-sound": (without_sound, show_no_sound),
    "push-to-talk": (lambda: Scene(push_to_talk=True), show_talking),
    "reconnecting": (Scene, scenes.show_reconnecting),
    "parked": (Scene, scenes.show_parked),
    "low-energy": (Scene, scenes.show_low_energy),
    "tool-question": (Scene, tool_scenes.show_tool_question),
    "tool-question-opened": (Scene, tool_scenes.show_tool_question_opened),
    "tools": (Scene, tool_scenes.show_tools),
    "screen": (screen_scenes.cloud_scene, screen_scenes.show_shown),
    "agents": (Scene, agent_scenes.show_agents),
    "agent-opened": (Scene, agent_scenes.show_agent_opened),
    "resumed": (lambda: Scene(scenes.resumed_session()), scenes.show_resumed),
}


async def show_profiles(scene: Scene, pilot: Pilot[None]) -> None:
    await scene.ready(pilot)
    scene.app.chat.prompt.insert("/profile mi")
    await pilot.pause()


MORE: dict[str, tuple[Callable[[], Scene], Play]] = {
    "push-to-talk-ready": (lambda: Scene(push_to_talk=True), show_ready),
    "help": (Scene, show_help),
    "consent": (lambda: Scene(microphone_consent=False), show_consent),
    "screen-consent": (screen_scenes.cloud_scene, screen_scenes.show_question),
    "screen-paused": (screen_scenes.cloud_scene, screen_scenes.show_paused),
    "screen-unseen": (screen_scenes.cloud_scene, screen_scenes.show_unseen),
    "new-below": (Scene, show_new_below),
    "no-agents": (Scene, agent_scenes.show_no_agents),
    "agents-counted": (Scene, agent_scenes.show_agents_counted),
    "face": (Scene, agent_scenes.show_face),
    "profiles": (lambda: Scene(profiles=("default", "mio", "mira", "openai")), show_profiles),
}


def look(scene: Scene, play: Play) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def run_before(pilot: Pilot[None]) -> None:
        await play(scene, pilot)
        shown = ""
        while shown != (now := scenes.screen_text(scene)):  # what scrolls has come to rest
            shown = now
            await pilot.pause(0.02)

    return run_before


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (60, 20)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCENES)
def test_look(snap_compare: Callable[..., bool], name: str, size: tuple[int, int]) -> None:
    make, play = SCENES[name]
    scene = make()
    assert snap_compare(scene.app, run_before=look(scene, play), terminal_size=size)


@pytest.mark.parametrize("name", MORE)
def test_look_of_what_opens(snap_compare: Callable[..., bool], name: str) -> None:
    make, play = MORE[name]
    scene = make()
    assert snap_compare(scene.app, run_before=look(scene, play), terminal_size=(80, 24))


def test_look_on_a_light_terminal(snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLORFGBG", "0;15")
    scene = Scene()
    run = look(scene, scenes.show_conversation)
    assert snap_compare(scene.app, run_before=run, terminal_size=(80, 24))


def test_look_without_colour(snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    scene = Scene()
    run = look(scene, scenes.show_error)
    assert snap_compare(scene.app, run_before=run, terminal_size=(80, 24))


def test_look_of_a_question_without_colour(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    scene = Scene()
    run = look(scene, tool_scenes.show_tool_question_opened)
    assert snap_compare(scene.app, run_before=run, terminal_size=(80, 24))


@pytest.mark.parametrize("size", [(120, 40), (40, 8), (30, 6)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_look_of_agents_in_other_rooms(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    scene = Scene()
    run = look(scene, agent_scenes.show_agents)
    assert snap_compare(scene.app, run_before=run, terminal_size=size)


def test_look_of_face_and_agents_without_colour(
    snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    scene = Scene()
    run = look(scene, agent_scenes.show_agent_opened)
    assert snap_compare(scene.app, run_before=run, terminal_size=(120, 36))
