"""Files that tell whether their maker still lives: it holds a lock that the system takes back at its end.

Unlike a process number, a lock is never another one's, and it is gone after kill -9 too. The lock belongs
to the open file (flock), so that reading the same file elsewhere in the process does not end it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

LOCK_MODE = 0o600


def hold(path: Path, data: bytes = b"") -> int:
    """Make or replace a file that holds ``data``, locked before it can be seen; returns its descriptor.

    Closing the descriptor gives the lock back. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    number = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), LOCK_MODE)
    try:
        _lock(number, wait=True)
        os.write(number, data)
        draft.replace(path)
    except BaseException:
        os.close(number)
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    return number


def is_held(path: Path) -> bool:
    """Whether whoever made the file lives; False for one that is not there."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not _lock(number, wait=False)
    finally:
        os.close(number)


def _lock(number: int, *, wait: bool) -> bool:
    """Lock the whole file; False when another holds it. Raises OSError where locks are not known."""
    if sys.platform == "win32":
        raise OSError("no such locks here")
    import fcntl

    try:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
