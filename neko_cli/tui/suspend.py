"""Ctrl+Z: back to the shell, and again into the conversation by ``fg``.

Textual's driver has signal handlers of its own for this. They are replaced, because they stop with
the microphone open, leave programs of the same job running, and enter the screen a second time when
SIGCONT is delivered late or after a SIGSTOP: then two threads read the keyboard.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from textual.app import App

    from neko_cli.tui.controller import Controller

Start = Callable[[Awaitable[None]], object]
"""Runs something that takes a moment."""

NO_SHELL = "There is no shell here to go back to."


def has_jobs() -> bool:
    """Whether this system has job control at all."""
    return hasattr(signal, "SIGTSTP")


def has_shell() -> bool:
    """Whether a shell with job control waits behind us.

    Where nobody could bring us back (a terminal that runs nothing but us), our process group is the
    session leader's own; a shell with job control gives each job another one (POSIX, 11.1.2).
    """
    return has_jobs() and os.getsid(0) != os.getpgrp()


def in_foreground() -> bool:
    """Whether the terminal is ours; a terminal that is gone keeps nobody waiting."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0) == os.getpgrp()
    except OSError:
        return True


class JobControl:
    """Stops and continues the app as a job of its shell."""

    def __init__(self, app: App[None], controller: Controller, start: Start) -> None:
        """Prepare.

        Args:
            app: gives the terminal back and takes it again.
            controller: its session is silent meanwhile.
            start: runs what takes a moment.
        """
        self._app = app
        self._controller = controller
        self._start = start
        self._busy = False

    def open(self) -> None:
        """Answer signals from now on; to be called once Textual's driver is there."""
        if has_jobs() and not self._app.is_headless:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTSTP, self.ask, True)
            loop.add_signal_handler(signal.SIGCONT, self._continued)

    def close(self) -> None:
        """Leave signals alone again."""
        if has_jobs() and not self._app.is_headless:
            loop = asyncio.get_running_loop()
            loop.remove_signal_handler(signal.SIGTSTP)
            loop.remove_signal_handler(signal.SIGCONT)

    def ask(self, told_to: bool = False) -> None:
        """Stop the program for now, by the user's key or ``told_to`` by SIGTSTP; once at a time."""
        if not told_to and not has_shell():
            self._controller.tell(NO_SHELL)
        elif not self._busy:
            self._busy = True
            self._start(self._suspend())

    async def _suspend(self) -> None:
        """Silence, the shell, and back again."""
        await self._controller.pause()
        try:
            with self._app.suspend():
                self._stop()
        except SuspendNotSupported:
            self._controller.tell(NO_SHELL)
        finally:
            self._busy = False
            await self._controller.resume()

    def _stop(self) -> None:
        """Return when the shell has made us its foreground job again."""
        loop = asyncio.get_running_loop()
        # Without a handler no late delivery can be taken for another stop than this one.
        loop.remove_signal_handler(signal.SIGCONT)
        try:
            while True:
                # The whole group, as the terminal itself would: `make chat` waits beside us, and a
                # shell takes the terminal back when all of its job has stopped.
                os.killpg(os.getpgrp(), signal.SIGSTOP)
                if in_foreground():
                    return
        finally:
            loop.add_signal_handler(signal.SIGCONT, self._continued)

    def _continued(self) -> None:
        """Somebody stopped us by SIGSTOP, and the shell has used the terminal since."""
        if not self._busy and in_foreground():
            with self._app.suspend():
                pass
