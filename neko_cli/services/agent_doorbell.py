"""A private socket that waits for its first visitor: until then the library behind it is not loaded.

ZeroMQ takes 3 MB and a tenth of a second, and most chats are never visited. It goes on with this very socket
(``ZMQ_USE_FD``), so whoever has come is let in, and notices nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from neko_cli.core.errors import ConfigError
from neko_cli.services.agent_places import is_ours

VISITORS = 100
"""Who may wait at the door (ZeroMQ's own figure)."""


class Doorbell:
    """A socket of the Unix domain that its owner alone can reach."""

    def __init__(self, path: Path) -> None:
        """Listen at ``path``; raises ConfigError."""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            with _private_files():
                self._socket.bind(str(path))
            path.chmod(0o600)
            if not is_ours(path):
                raise ConfigError(f"{path} could be written by others, so nobody is listened to there.")
            self._socket.listen(VISITORS)
            self._socket.setblocking(False)
        except BaseException as error:
            self._socket.close()
            if isinstance(error, OSError):
                raise ConfigError(f"Agents cannot be listened to at {path}: {error.strerror}.") from error
            raise

    async def rung(self) -> None:
        """Wait until somebody is at the door, who is not let in yet."""
        loop, there = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, there.set)
        try:
            await there.wait()
        finally:
            loop.remove_reader(self._socket)

    def take(self) -> int:
        """The socket's descriptor, which is the caller's from now on."""
        return self._socket.detach()

    def close(self) -> None:
        """Leave it, unless it was taken; idempotent. The path stays."""
        self._socket.close()


@contextlib.contextmanager
def _private_files() -> Iterator[None]:
    """What is made inside belongs to its owner alone. The mask is the whole process's, for an instant."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
