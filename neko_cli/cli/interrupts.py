"""Ctrl-C: leaves at once while nothing has to be cleaned up, and is an exception where something has.

While modules are loaded a KeyboardInterrupt inside an import may be swallowed or reported by that
import. So the program leaves by itself then; a command says where it wants the exception.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def leave_at_once() -> None:
    """From now on Ctrl-C ends the process with 130 and no word."""
    _set(_leave)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, Ctrl-C raises KeyboardInterrupt (or cancels asyncio's main task)."""
    before = signal.getsignal(signal.SIGINT)
    _set(signal.default_int_handler)
    try:
        yield
    finally:
        _set(before)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run``, cancelled in order by Ctrl-C."""
    import asyncio

    runner = asyncio.Runner()
    runner.get_loop()  # makes it, while Ctrl-C still leaves at once
    try:
        with interruptible(), runner:
            return runner.run(work)
    finally:
        runner.close()
        work.close()  # where Ctrl-C came before it was begun


def _leave(number: int, frame: object) -> None:
    os._exit(130)


def _set(handler: Any) -> None:
    """Set the handler, unless the parent asked us to ignore Ctrl-C (``nohup``, ``&``)."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None) and handler is not None:
        signal.signal(signal.SIGINT, handler)
