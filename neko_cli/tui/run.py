"""Runs the app in a terminal and answers signals, so that the terminal is always restored.

The screen shares the interpreter lock with the sound device's callbacks, which may not be kept waiting.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from neko_cli.tui.app import NekoApp
from neko_cli.tui.garbage import tidy

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end the app; SIGHUP is missing on Windows."""

SWITCH_S = 0.0002
"""After how long who draws lets others have their turn: Python's own 5 ms are half a block of sound, and who
reads from a socket has to ask several times."""


def run_app(app: NekoApp) -> int:
    """Run until the user leaves; returns the exit code.

    0 after leaving, 1 after a mistake of our own, 128 + the signal's number after SIGTERM or SIGHUP.
    """
    return asyncio.run(_run(app))


async def _run(app: NekoApp) -> int:
    loop = asyncio.get_running_loop()
    handled = []
    for number in SIGNALS:
        try:
            loop.add_signal_handler(number, app.exit, None, 128 + number)
        except NotImplementedError:
            # Windows' loops have no signal handlers; the console closes the program there.
            continue
        handled.append(number)
    sys.setswitchinterval(SWITCH_S)
    tidy(lambda: app.controller.view, loop)
    try:
        await app.run_async()
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
    return app.return_code or 0
