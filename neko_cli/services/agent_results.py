"""Results of agents on disk until they were told: a file each, in a folder of the session that has them.

A file is written beside its place and moved there, so that kill -9 leaves all of it or nothing. The folder
of a session that lives is locked by it; those of dead ones are taken over by the next session with the
same character.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import ConfigError, StoreError
from neko_cli.services import file_locks
from neko_cli.services.agent_places import owned
from neko_cli.services.folders import write_private

FOLDER = "agent-results"
ENDING = ".json"
LOCK = "lock"
KEPT_LIMIT = 2000
"""Results that one session keeps; more are refused."""

KEPT_FOR_S = 14 * 86_400.0
"""What nobody has asked for within two weeks is old news."""

FILE_BYTES = 65_536


class _Kept(msgspec.Struct, frozen=True):
    character: str
    at: float
    result: AgentResult


class ResultFolder:
    """``core.ports_agents.ResultShelf``: blocks on threads, one call after another."""

    def __init__(self, state: Path) -> None:
        """``state`` is the folder of what is remembered between runs; nothing is made before it is needed."""
        self._root = state / FOLDER
        self._own: Path | None = None
        self._held = -1
        self._files: dict[str, Path] = {}
        self._count = 0
        self._busy = asyncio.Lock()

    async def keep(self, result: AgentResult, character: str) -> None:
        """A result is on disk when this returns; raises StoreError."""
        async with self._busy:
            await asyncio.to_thread(self._keep, result, character)

    async def told(self, ids: Sequence[str]) -> None:
        """These need not be kept any more; raises StoreError."""
        async with self._busy:
            await asyncio.to_thread(self._told, ids)

    async def waiting(self, character: str) -> list[AgentResult]:
        """What dead sessions kept for a character, oldest first; it is ours now. Raises StoreError."""
        async with self._busy:
            return await asyncio.to_thread(self._waiting, character)

    async def release(self) -> None:
        """What is still kept may be told by another session. Never raises; idempotent."""
        async with self._busy:
            await asyncio.to_thread(self._release)

    # -- on a thread ------------------------------------------------------------------------

    def _keep(self, result: AgentResult, character: str) -> None:
        if len(self._files) >= KEPT_LIMIT:
            raise StoreError("Too many results of agents are kept.", code="full")
        self._count += 1
        try:
            path = self._folder() / f"{time.time_ns():020d}-{self._count:06d}{ENDING}"
            write_private(path, msgspec.json.encode(_Kept(character, time.time(), result)))
        except (ConfigError, OSError) as error:
            raise _trouble(error) from error
        self._files[result.id] = path

    def _told(self, ids: Sequence[str]) -> None:
        for one in ids:
            path = self._files.get(one)
            if path is not None:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise _trouble(error) from error
                del self._files[one]

    def _waiting(self, character: str) -> list[AgentResult]:
        if not self._root.is_dir():
            return []
        try:
            owned(self._root)
            for folder in sorted(self._root.iterdir()):
                hidden = folder.name.startswith(".")
                if hidden or folder == self._own or not folder.is_dir():
                    continue
                if not file_locks.is_held(folder / LOCK):
                    self._take_over(folder, character)
            return self._read_own()
        except (ConfigError, OSError) as error:
            raise _trouble(error) from error

    def _take_over(self, folder: Path, character: str) -> None:
        """Move what is for the character; two who do so at once get each file once."""
        left = False
        for path in sorted(folder.glob(f"*{ENDING}")):
            kept = _read(path)
            if kept is None or time.time() - kept.at > KEPT_FOR_S:
                with contextlib.suppress(OSError):
                    path.unlink()
            elif kept.character.casefold() == character.casefold() and len(self._files) < KEPT_LIMIT:
                mine = self._folder() / path.name
                with contextlib.suppress(FileNotFoundError):
                    path.rename(mine)
                    self._files[kept.result.id] = mine
            else:
                left = True
        if not left:
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink(missing_ok=True)
                folder.rmdir()

    def _read_own(self) -> list[AgentResult]:
        """All that was taken over; what came since is known already."""
        found = []
        for result_id, path in sorted(self._files.items(), key=lambda item: item[1].name):
            kept = _read(path)
            if kept is None:
                del self._files[result_id]
            else:
                found.append(kept.result)
        return found

    def _folder(self) -> Path:
        """Our own, made and locked at the first use."""
        if self._own is None:
            name = f"{os.getpid()}-{os.urandom(4).hex()}"
            draft = owned(owned(self._root) / f".{name}")  # seen by nobody before it is locked
            self._held = file_locks.hold(draft / LOCK)
            self._own = draft.rename(self._root / name)
        return self._own

    def _release(self) -> None:
        folder, self._own = self._own, None
        self._files.clear()
        if folder is None:
            return
        with contextlib.suppress(OSError):
            if not any(folder.glob(f"*{ENDING}")):
                (folder / LOCK).unlink(missing_ok=True)
                folder.rmdir()
        os.close(self._held)


def _read(path: Path) -> _Kept | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(FILE_BYTES), type=_Kept)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None


def _trouble(error: Exception) -> StoreError:
    if isinstance(error, ConfigError):
        return StoreError(error.message, code="readonly")
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return StoreError(f"Results of agents cannot be kept: {why}.", code="full" if full else "disk")
