"""When garbage is looked for."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from neko_cli.core.events import Status
from neko_cli.tui import garbage
from neko_cli.tui.garbage import PAUSES, Search, Tidying, tidy
from neko_cli.tui.view import Phase, View


def test_what_was_loaded_is_left_alone_once_as_soon_as_the_conversation_can_begin() -> None:
    tidying = Tidying()
    assert tidying.look(Phase.STARTING, Status.IDLE) is Search.NOTHING
    assert tidying.look(Phase.READY, Status.IDLE) is Search.LEAVE_ALONE
    assert tidying.look(Phase.READY, Status.IDLE) is Search.NOTHING


def test_it_is_looked_for_once_after_each_reply_and_never_in_one() -> None:
    tidying = Tidying()
    tidying.look(Phase.READY, Status.IDLE)
    found = []
    for _ in range(2 * PAUSES):
        for status in (Status.PROCESSING, Status.SPEAKING, Status.SPEAKING):
            assert tidying.look(Phase.READY, status) is Search.NOTHING
        found.append(tidying.look(Phase.READY, Status.LISTENING))
        assert tidying.look(Phase.READY, Status.LISTENING) is Search.NOTHING
    assert found == 2 * [*(PAUSES - 1) * [Search.OLDER], Search.ALL]


@pytest.fixture
def as_before() -> Iterator[None]:
    """The interpreter's own figures afterwards."""
    figures = gc.get_threshold()
    yield
    gc.set_threshold(*figures)


async def test_the_interpreter_is_told(as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    frozen, searched = asyncio.Event(), asyncio.Event()

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "stop":
            looked.append(details["generation"])
            searched.set()

    monkeypatch.setattr(garbage, "LOOK_S", 0.001)
    monkeypatch.setattr(gc, "freeze", frozen.set)
    view = View(character="Mio")
    tidy(lambda: view, asyncio.get_running_loop())
    assert not frozen.is_set()
    view = View(character="Mio", phase=Phase.READY, status=Status.SPEAKING)
    async with asyncio.timeout(5):
        await frozen.wait()
        assert gc.get_threshold() == (garbage.YOUNGEST, garbage.WITHOUT_A_PAUSE, garbage.WITHOUT_A_PAUSE)
        await asyncio.sleep(0.01)
        gc.callbacks.append(note)
        try:
            view = View(character="Mio", phase=Phase.READY, status=Status.LISTENING)
            await searched.wait()
        finally:
            gc.callbacks.remove(note)
    assert looked[-1] == 1
