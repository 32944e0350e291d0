"""A mistake of our own, told without a word of what was said."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from textual.worker import WorkerFailed


def describe(error: BaseException) -> str:
    """The kind of the error and where it was raised; never its message, which may hold content."""
    while isinstance(error, BaseExceptionGroup | WorkerFailed):
        error = error.error if isinstance(error, WorkerFailed) else error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    kind = type(error).__name__
    if not frames:
        return kind
    return f"{kind} at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}"
