"""Scenarios for a process of its own: they change its limits and rights for good. Prints ``done``."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import tempfile
from pathlib import Path

from neko_cli.core.errors import StoreError
from neko_cli.services.store import Store
from tests.services.store_parts import ID, WALL, record, said, saved

LINE = 4_000
IN_A_ROW = 4


def line(turn: int) -> str:
    return f"{turn} " + "word " * (LINE // 5)


async def fill(store: Store) -> tuple[int, str]:
    """Write until nothing is taken any more; the number of lines that were tried, and the error's code."""
    codes: list[str] = []
    for turn in range(300):
        try:
            await asyncio.wait_for(store.write(ID, said(turn, line(turn)), WALL), 20)
            codes.clear()
        except StoreError as error:
            codes.append(error.code)
            if len(codes) == IN_A_ROW:
                return turn + 1, error.code
    raise AssertionError("the disk was never full")


async def finish(store: Store, path: Path, tried: int) -> None:
    """With room again, everything is there, in order."""
    await asyncio.wait_for(store.write(ID, said(tried, "the end"), WALL), 20)
    await store.aclose()
    assert saved(path) == [*(line(turn) for turn in range(tried)), "the end"]
    assert len(store.history.search(["word"], None)) == tried


async def full(folder: Path) -> None:
    """A disk of 400 KB, part of which is taken by something that can be deleted."""
    (folder / "ballast").write_bytes(b"x" * 150_000)
    path = folder / "data" / "history.db"
    store = Store(path)
    await store.begin(record())
    tried, code = await fill(store)
    assert code == "full", code
    (folder / "ballast").unlink()
    await finish(store, path, tried)


async def limit(folder: Path) -> None:
    """Files of at most 200 KB."""
    path = folder / "data" / "history.db"
    store = Store(path)
    await store.begin(record())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    tried, code = await fill(store)
    assert code in ("disk", "full"), code
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await finish(store, path, tried)


async def readonly() -> None:
    """A file and a folder that only others may write; root's rights are given up."""
    folder = Path(tempfile.mkdtemp(prefix="neko-readonly-"))
    path = folder / "data" / "history.db"
    try:
        store = Store(path)
        await store.begin(record())
        await store.write(ID, said(1, "old"), WALL)
        await store.aclose()
        before = path.read_bytes()
        for place, mode in ((path, 0o444), (path.parent, 0o555), (folder, 0o755)):
            place.chmod(mode)
        if os.getuid() == 0:
            os.seteuid(65_534)
        store = Store(path)
        for turn in (2, 3):
            written = store.write(ID, said(turn, "new"), WALL)
            await asyncio.wait({written}, timeout=20)
            error = written.exception()
            assert isinstance(error, StoreError), error
            assert error.code == "readonly", error.code
            assert "NEKO_HOME" in error.hint
        assert [message.text for message in store.history.messages(ID)] == ["old"]
        assert len(store.history.search(["old"])) == 1
        await store.aclose()
        assert path.read_bytes() == before
    finally:
        os.seteuid(os.getuid())
        for place in (folder, path.parent):
            place.chmod(0o755)
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
        folder.rmdir()


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())  # as the program does
    what, *places = sys.argv[1:]
    asyncio.run({"full": full, "limit": limit, "readonly": readonly}[what](*map(Path, places)))
    print("done")
