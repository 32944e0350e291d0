"""Starting and leaving under a pilot: the first frame, retries, quitting, crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.session import Session
from neko_cli.testing import ScriptedSession
from neko_cli.tui.view import Phase
from tests.tui.scenes import (
    SIZE,
    Scene,
    screen_text,
    type_in,
)


async def test_the_first_frame_comes_before_the_session_is_made() -> None:
    scene = Scene()
    seen: list[bool] = []

    async def make() -> ScriptedSession:
        seen.append("Type a message" in screen_text(scene))
        return scene.session

    scene.make = make
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
    assert seen == [True]


async def test_ctrl_c_without_a_selection_does_not_quit() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert scene.app.is_running


async def test_ctrl_q_ends_and_releases_the_session() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("ctrl+q")
    assert scene.app.return_code == 0
    assert scene.session.names()[-1] == "cleanup"


async def test_quitting_during_the_start_cancels_it() -> None:
    scene = Scene()
    left: list[str] = []

    async def make() -> ScriptedSession:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("make_session")
        return scene.session

    scene.make = make
    async with asyncio.timeout(5):
        async with scene.app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await pilot.press("ctrl+q")
    assert left == ["make_session"]
    assert scene.app.return_code == 0


async def test_quitting_while_connecting_releases_the_session() -> None:
    scene = Scene()
    scene.session.hold("start_session")
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.session.called("start_session")
        await pilot.press("ctrl+q")
    assert scene.session.names() == ["start_session", "cleanup"]


async def test_a_start_that_fails_is_told_and_retry_tries_again() -> None:
    scene = Scene()
    good = scene.make

    async def make() -> Session:
        raise ConfigError("There is no profile 'x'.", hint="See `neko profiles list`.")

    scene.make = make  # type: ignore[assignment]
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.until(pilot, lambda: scene.app.controller.view.phase is Phase.FAILED)
        shown = screen_text(scene)
        for words in ("There is no profile 'x'.", "neko profiles list", "✕ error", "/retry"):
            assert words in shown
        scene.make = good
        await type_in(pilot, "/retry")
        await scene.ready(pilot)
        assert "start_session" in scene.session.names()


def broken() -> list[Callable[[Scene], object]]:
    """Places where a mistake of our own could be."""

    def fail(*_: object) -> None:
        raise ValueError("a secret that was said")

    return [
        lambda scene: setattr(scene.app.chat.prompt, "_send", fail),
        lambda scene: setattr(scene.app.controller, "talk", fail),
    ]


@pytest.mark.parametrize(("place", "key"), [(0, "enter"), (1, "f4")])
async def test_a_crash_says_one_sentence_without_content(
    place: int, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene()
    broken()[place](scene)

    async def use() -> None:
        async with scene.app.run_test(size=SIZE) as pilot:
            await scene.ready(pilot)
            await pilot.press(key)
            await pilot.pause()

    with pytest.raises(Exception, match="secret"):
        await use()
    told = "".join(capsys.readouterr())
    assert "ValueError at test_leaving.py" in " ".join(told.split())
    assert "secret" not in told
    assert scene.app.return_code == 1
    assert scene.session.names()[-1] == "cleanup"
