"""Ctrl+Z: back to the shell, and again into the conversation by ``fg``."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from textual.app import App

    from neko_cli.tui.controller import Controller

NO_SHELL = "There is no shell here to go back to."


def has_shell() -> bool:
    """Whether a shell with job control waits behind us.

    Where nobody could bring us back (a terminal that runs nothing but us), our process group is the
    session leader's own; a shell with job control gives each job another one (POSIX, 11.1.2).
    """
    if not hasattr(os, "getsid") or not hasattr(signal, "SIGSTOP"):
        return False
    return os.getsid(0) != os.getpgrp()


def on_stop_signal(act: Callable[[], None]) -> None:
    """Call ``act`` when somebody asks by SIGTSTP for a stop; nothing on systems without it.

    To be called once Textual's driver is there, because that sets a handler of its own, which would
    stop us with the microphone open.
    """
    if hasattr(signal, "SIGTSTP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTSTP, act)


def forget_stop_signal() -> None:
    """Undo it."""
    if hasattr(signal, "SIGTSTP"):
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTSTP)


async def suspend(app: App[None], controller: Controller, *, told_to: bool = False) -> None:
    """Silence the session, give the terminal back, stop; return when the process is continued.

    Args:
        app: gives the terminal back and takes it again.
        controller: its session is paused meanwhile.
        told_to: somebody sent SIGTSTP, so that somebody will send SIGCONT.
    """
    if not told_to and not has_shell():
        controller.tell(NO_SHELL)
        return
    await controller.pause()
    try:
        with app.suspend():
            # The whole group, as the terminal itself would: `make chat` waits beside us, and a shell
            # takes the terminal back when all of its job has stopped.
            os.killpg(os.getpgrp(), signal.SIGSTOP)
    except SuspendNotSupported:
        controller.tell(NO_SHELL)
    finally:
        await controller.resume()
