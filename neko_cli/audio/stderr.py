"""Keeps C libraries from writing into the terminal app's screen.

PortAudio, ALSA and others write to file descriptor 2, and Textual on Linux draws on
``sys.__stderr__``, which is the same descriptor. So descriptor 2 is moved to a log file, while
``sys.__stderr__`` goes on to the terminal through a copy.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 1_000_000
"""A log of this size is begun anew at the next start."""


def _open_log(path: Path | None) -> int:
    """A descriptor that takes the output; the null device where no log can be written."""
    if path is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            pass  # a read-only home must not keep the app from starting
        else:
            if os.fstat(log).st_size > MAX_BYTES:
                os.ftruncate(log, 0)
            return log
    return os.open(os.devnull, os.O_WRONLY)


@contextlib.contextmanager
def moved_stderr(log_path: Path | None) -> Iterator[None]:
    """Inside the block descriptor 2 writes to ``log_path``, and ``sys.__stderr__`` to the terminal.

    ``sys.stderr`` follows descriptor 2 into the log. Everything is put back at the end, also after
    an exception. Without a descriptor 2 (``2>&-``) nothing is moved.
    """
    try:
        terminal = os.dup(2)
    except OSError:
        yield
        return
    before = sys.__stderr__
    _flush(before)
    _flush(sys.stderr)
    log = _open_log(log_path)
    os.dup2(log, 2)
    os.close(log)
    screen = open(terminal, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.__stderr__ = screen  # type: ignore[misc]  # Final in typeshed; Textual draws on this name
    try:
        yield
    finally:
        _flush(screen)
        _flush(sys.stderr)
        sys.__stderr__ = before  # type: ignore[misc]
        os.dup2(terminal, 2)
        screen.close()
        os.close(terminal)


def _flush(stream: object) -> None:
    """Flush a text stream that may be None or closed."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream.flush()  # type: ignore[attr-defined]


@contextlib.contextmanager
def quiet_libraries(log_path: Path | None) -> Iterator[None]:
    """Inside the block C libraries write to ``log_path``, and Python's ``sys.stderr`` where it did.

    For commands that use sound without a screen of their own.
    """
    with moved_stderr(log_path), contextlib.redirect_stderr(sys.__stderr__):
        yield
