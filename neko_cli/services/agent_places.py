"""Where the sockets of running chats are: folders and paths that their owner alone can use."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from neko_cli.core.errors import ConfigError
from neko_cli.services.folders import PRIVATE, make_private, private_temporary

FOLDER = "agents"

PATH_BYTES = 100
"""A socket's path must be shorter than 104 bytes on macOS and 108 on Linux, with a zero at its end."""

SOCKET_ENDING = ".sock"


def registry_folder(run: Path) -> Path:
    """The folder in which running chats are entered, private; raises ConfigError."""
    return owned(run / FOLDER)


def socket_path(folder: Path, name: str) -> Path:
    """Where the socket of that name goes: in the folder, or a private short one where that is too long.

    Raises ConfigError.
    """
    path = folder / f"{name}{SOCKET_ENDING}"
    if len(os.fsencode(path)) <= PATH_BYTES:
        return path
    short = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    path = owned(private_temporary() / short) / path.name
    if len(os.fsencode(path)) <= PATH_BYTES:
        return path
    raise ConfigError(
        f"{tempfile.gettempdir()} is too long a path for a socket, and so is {folder}.",
        hint="TMPDIR, or NEKO_HOME, names a shorter one.",
    )


def owned(folder: Path) -> Path:
    """A folder that is ours, and nobody else may enter: made, or its rights taken back.

    Raises:
        ConfigError: it belongs to somebody else, is a link, or cannot be made.
    """
    try:
        make_private(folder)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or not _is_mine(found):
            raise ConfigError(f"{folder} is not a folder of yours, so no socket is put there.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(PRIVATE)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used: {error.strerror or type(error).__name__}.") from error
    return folder


def is_ours(path: Path) -> bool:
    """Whether a socket is there that we, and we alone, may write to."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        private = not stat.S_IMODE(found.st_mode) & 0o077
        return stat.S_ISSOCK(found.st_mode) and _is_mine(found) and private
    return False


def _is_mine(found: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
