"""The app on a scripted session, for tests that run it in a terminal of their own.

Arguments: a file that gets a line for each thing that happened, and a mode: ``plain``, ``slow``
(the session is never made), ``hung`` (cleanup never ends) or ``crash`` (F4 breaks).
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from neko_cli.testing import ScriptedSession
from neko_cli.tui.app import NekoApp
from neko_cli.tui.run import run_app


def main(report: Path, mode: str) -> int:
    """Run the app in one of the modes."""

    def happened(what: str) -> None:
        with report.open("a", encoding="utf-8") as file:
            file.write(what + "\n")

    class Session(ScriptedSession):
        async def start_session(self, *arguments: object, **more: object) -> None:
            await super().start_session(*arguments, **more)  # type: ignore[arg-type]
            happened("started")

        async def stop_listening(self, **more: bool) -> None:
            await super().stop_listening(**more)
            happened("muted")

        async def pause(self) -> None:
            await super().pause()
            happened("paused")

        async def resume(self) -> None:
            await super().resume()
            happened("resumed")

        async def send_message(self, text: str) -> int:
            happened(f"sent {text!r}")
            return await super().send_message(text)

        async def cleanup(self) -> None:
            if mode == "hung":
                await asyncio.Event().wait()
            await super().cleanup()
            happened("cleaned up")

    async def make() -> Session:
        if mode == "slow":
            happened("making")
            await asyncio.Event().wait()
        return Session()

    async def broken() -> None:
        raise ValueError("a secret that was said")

    app = NekoApp(make, title="Neko", microphone=True, push_to_talk=False)
    if mode == "crash":
        app.controller.talk = broken  # type: ignore[method-assign]
    return run_app(app)


if __name__ == "__main__":
    # As the program itself ends: without flushing to a terminal that may be gone.
    os._exit(main(Path(sys.argv[1]), sys.argv[2]))
