"""Results are on disk until they were told, whatever ends the session that has them."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import StoreError
from neko_cli.services import agent_results
from neko_cli.services.agent_results import FOLDER, ResultFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks")


def result(number: int) -> AgentResult:
    return AgentResult("completed", f"#{number}", "detail", "build", f"id{number}")


async def kept(shelf: ResultFolder, *numbers: int, character: str = "Neko") -> None:
    for number in numbers:
        await shelf.keep(result(number), character)


async def test_what_a_session_left_is_taken_up_once_by_its_character(tmp_path: Path) -> None:
    old = ResultFolder(tmp_path)
    await kept(old, 1, 2, 3)
    await kept(old, 4, character="Mio")
    await old.told(["id2", "unknown"])
    await old.release()
    first, second, mio = (ResultFolder(tmp_path) for _ in range(3))
    taken = await asyncio.gather(first.waiting("NEKO"), second.waiting("Neko"))
    assert sorted([result(1), result(3)], key=repr) == sorted(taken[0] + taken[1], key=repr)
    assert await mio.waiting("Mio") == [result(4)]
    await mio.told(["id4"])
    for shelf in (first, second, mio):
        await shelf.release()
    last = ResultFolder(tmp_path)
    assert await last.waiting("Mio") == []
    assert await last.waiting("Neko") == [result(1), result(3)]
    await last.told(["id1", "id3"])
    await last.release()
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_what_a_session_has_that_lives_is_left_to_it(tmp_path: Path) -> None:
    alive, other = ResultFolder(tmp_path), ResultFolder(tmp_path)
    await kept(alive, 1)
    assert await other.waiting("Neko") == []
    await alive.told(["id1"])
    await alive.release()
    await other.release()


async def test_a_session_that_begins_again_takes_up_its_own(tmp_path: Path) -> None:
    shelf = ResultFolder(tmp_path)
    await kept(shelf, 1)
    await shelf.release()
    assert await shelf.waiting("Neko") == [result(1)]
    await shelf.told(["id1"])
    await shelf.release()


async def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    shelf = ResultFolder(tmp_path)
    await kept(shelf, 1)
    found = [tmp_path / FOLDER, *(tmp_path / FOLDER).rglob("*")]
    assert len(found) == 4
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    await shelf.release()


async def test_rubbish_and_old_news_are_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ResultFolder(tmp_path)
    await kept(old, 1)
    (folder,) = (tmp_path / FOLDER).iterdir()
    (folder / "0-rubbish.json").write_bytes(b"\xff")
    await old.release()
    monkeypatch.setattr(agent_results, "KEPT_FOR_S", -1.0)
    new = ResultFolder(tmp_path)
    assert await new.waiting("Neko") == []
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_more_than_its_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_results, "KEPT_LIMIT", 2)
    shelf = ResultFolder(tmp_path)
    await kept(shelf, 1, 2)
    with pytest.raises(StoreError) as caught:
        await kept(shelf, 3)
    assert caught.value.code == "full"
    await shelf.told(["id1"])
    await kept(shelf, 3)
    await shelf.release()


async def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    shelf = ResultFolder(tmp_path)
    with pytest.raises(StoreError, match="cannot be"):
        await kept(shelf, 1)
    await shelf.release()
