"""The log: off unless ``--debug`` asks for it; redacted, rotating, and never with content.

Without ``--debug`` nothing is written anywhere: Python's last-resort handler would print warnings
into the middle of a conversation.
"""

from __future__ import annotations

import copy
import logging
import logging.handlers
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neko_cli.core.redaction import REDACTED, redact

FILE = "neko.log"
MAX_BYTES = 1_000_000
KEPT_FILES = 3
SHORTEST_SECRET = 8
"""Shorter values are not masked: they would blot out ordinary words."""

_NOISY = (
    "websockets", "httpcore", "httpcore2", "httpx", "httpx2", "mcp", "client", "asyncio", "PIL",
    "markdown_it", "hpack",
)  # fmt: skip
"""Their debug lines hold frames, that is, content and keys: warnings at most."""


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and removes whatever looks like or is a known key."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """``secrets`` are values to mask wherever they stand."""
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._secrets = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """One entry without keys."""
        own = copy.copy(record)
        own.exc_text = None  # another handler's traceback, kept there, has the message in it
        text = super().format(own)
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return redact(text)

    def formatException(self, ei: Any) -> str:
        """Where it happened and of what kind; the message of a foreign exception may hold content."""
        import traceback

        kind, error, trace = ei
        frames = traceback.format_list(traceback.extract_tb(trace))
        name = getattr(kind, "__name__", "error")
        message = f": {error.message}" if hasattr(error, "category") and hasattr(error, "message") else ""
        return "".join(["Traceback (innermost last):\n", *frames, f"{name}{message}"])


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that its owner alone can read, also after a rotation."""

    def _open(self):  # type: ignore[no-untyped-def]  # the base class's type is not public
        number = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if os.name == "posix":
            os.fchmod(number, 0o600)
        return os.fdopen(number, self.mode, encoding="utf-8", errors="backslashreplace")


def silence() -> None:
    """No log: nothing reaches standard error by way of ``logging``."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def start(folder: Path, *, secrets: Iterable[str] = ()) -> Path | None:
    """Write a debug log into ``folder``; returns its file, None where that cannot be written."""
    path = folder / FILE
    root = logging.getLogger()
    try:
        handler = _PrivateFile(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
    except OSError:
        silence()
        return None
    handler.setFormatter(RedactingFormatter(secrets))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.raiseExceptions = False  # a full disk must not print tracebacks into the app
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return path


def stop() -> None:
    """Close what :func:`start` opened."""
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, _PrivateFile):
            root.removeHandler(handler)
            handler.close()


def recent(folder: Path, limit: int = 200_000) -> str:
    """The end of the log, redacted again, for a bug report; at most ``limit`` bytes."""
    try:
        with (folder / FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            data = file.read(limit)
    except OSError:
        return ""
    return redact(data.decode("utf-8", "replace"))
