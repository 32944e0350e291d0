"""Who runs: an entry for each chat, which counts as long as its maker lives."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

from neko_cli.core.companions.agent_events import NAME_LIMIT
from neko_cli.core.text import one_line
from neko_cli.services import file_locks
from neko_cli.services.agent_places import SOCKET_ENDING, is_ours, registry_folder, socket_path

ENDING = ".json"
ENTRY_BYTES = 8192
RUNNING_LIMIT = 100
"""Entries that are looked at."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A running chat; ``started`` is Unix time in seconds, ``socket`` the path of its private socket."""

    pid: int
    started: float
    character: str
    profile: str
    socket: str

    @property
    def endpoint(self) -> str:
        """Its address for ZeroMQ."""
        return f"ipc://{self.socket}"


class Registration:
    """Our own entry: made by :func:`register`, gone with :meth:`leave`, void when the process ends."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self._path = path
        self.entry = entry
        self._held = file_locks.hold(path, msgspec.json.encode(entry))

    def rename(self, character: str, profile: str) -> None:
        """Another character is here now; raises OSError."""
        entry = msgspec.structs.replace(
            self.entry, character=one_line(character, NAME_LIMIT), profile=one_line(profile, NAME_LIMIT)
        )
        held = file_locks.hold(self._path, msgspec.json.encode(entry))
        os.close(self._held)
        self.entry, self._held = entry, held

    def leave(self) -> None:
        """The chat ends: entry and socket are removed. Idempotent, never raises."""
        if self._held < 0:
            return
        for path in (self._path, Path(self.entry.socket)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        os.close(self._held)
        self._held = -1


def place(run: Path) -> tuple[Path, Path]:
    """Where the entry and the socket of a chat of this process go; no two have the same.

    Raises ConfigError.
    """
    folder = registry_folder(run)
    name = f"{os.getpid()}-{os.urandom(4).hex()}"
    return folder / f"{name}{ENDING}", socket_path(folder, name)


def register(path: Path, socket: Path, character: str, profile: str) -> Registration:
    """Enter a chat whose socket is there; raises OSError."""
    entry = Entry(
        pid=os.getpid(),
        started=time.time(),
        character=one_line(character, NAME_LIMIT),
        profile=one_line(profile, NAME_LIMIT),
        socket=str(socket),
    )
    return Registration(path, entry)


def running(run: Path) -> list[Entry]:
    """The chats that run, the newest first; what dead ones left behind is removed.

    Raises ConfigError where the folder cannot be trusted.
    """
    folder = registry_folder(run)
    found = []
    for path in sorted(folder.glob(f"*{ENDING}"))[: RUNNING_LIMIT * 2]:
        if path.name.startswith("."):
            continue  # one that is being written
        entry = _read(path)
        if not file_locks.is_held(path):
            _remove(path, entry)
        elif entry is not None and is_ours(Path(entry.socket)):
            found.append(entry)
    return sorted(found, key=lambda entry: entry.started, reverse=True)[:RUNNING_LIMIT]


def _read(path: Path) -> Entry | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(ENTRY_BYTES), type=Entry)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None


def _remove(path: Path, entry: Entry | None) -> None:
    """Clear away after one that is dead; its names are never used again, so no live one is hit."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    if entry is None:
        return
    socket = Path(entry.socket)
    with contextlib.suppress(OSError):
        if socket.name == f"{path.name.removesuffix(ENDING)}{SOCKET_ENDING}" and is_ours(socket):
            socket.unlink(missing_ok=True)
