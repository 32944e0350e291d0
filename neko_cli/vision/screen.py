"""The eyes: one look at whatever the user shows, never on the event loop and never without an end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from neko_cli.core.companions.eyes import ScreenError, Seen
from neko_cli.core.companions.sources import Box, Source, SourceKind
from neko_cli.core.ports import Glance, Look
from neko_cli.core.text import one_line
from neko_cli.vision.worker import Worker, WorkerStuck

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")

LOOK_WITHIN = 8.0
"""Seconds for a look; it takes some 20 ms."""

PORTAL_LOOK_WITHIN = 75.0
"""The same where the desktop may ask the user first."""

START_HINT = "Start neko in a graphical session, or show a picture with file:PICTURE."


class ScreenEye:
    """Looks at screens, windows, files and the clipboard (core's ``Eye``). Nothing stays open."""

    def __init__(
        self, environment: Mapping[str, str] | None = None, *, look_within: float = LOOK_WITHIN
    ) -> None:
        """``environment`` says where the screen is; None takes the process's own. Times in seconds."""
        self._environment = os.environ if environment is None else environment
        self._look_within = look_within
        self._worker = Worker("neko eye")

    async def glance(self, look: Look, wanted: Callable[[Seen], bool]) -> Glance:
        """One look; raises ScreenError, or InvalidRequest where it cannot be made as small as that."""
        return await self._run(lambda: self._glance(look, wanted))

    async def monitors(self) -> list[Box]:
        """All monitors together, then each of them, in pixels; raises ScreenError."""
        return await self._run(self._monitors)

    async def _run(self, work: Callable[[], T]) -> T:
        within = PORTAL_LOOK_WITHIN if self._is_wayland() else self._look_within
        try:
            return await self._worker.run(work, timeout=within)
        except WorkerStuck:
            raise ScreenError("The screen does not answer.", hint="It is tried again.") from None

    def _glance(self, look: Look, wanted: Callable[[Seen], bool]) -> Glance:
        from neko_cli.vision.finish import finish

        return finish(self._picture(look.source), look, wanted)

    def _picture(self, source: Source) -> Image.Image:
        environment = self._environment
        if source.kind is SourceKind.FILE:
            return _file(Path(source.text))
        if source.kind is SourceKind.CLIPBOARD:
            from neko_cli.vision.clipboard import paste

            return paste(environment)
        if self._is_wayland():
            from neko_cli.vision.wayland import grab_wayland

            return grab_wayland(source, environment)
        from neko_cli.vision.grab_mss import grab

        display = self._display()
        if source.kind is SourceKind.WINDOW:
            if not _is_x11_system():
                raise ScreenError(
                    "Windows are found by their titles under X11 alone.",
                    hint="Show a monitor, or a region X,Y,WxH.",
                )
            from neko_cli.vision.x11_windows import grab_window

            return grab_window(display, source.text)
        return grab(display, source.box or source.number)

    def _monitors(self) -> list[Box]:
        from neko_cli.vision.grab_mss import monitors

        return monitors(self._display())

    def _display(self) -> str:
        """The X11 display; empty on systems that have none. Raises ScreenError where one is needed."""
        display = self._environment.get("DISPLAY", "") if _is_x11_system() else ""
        if _is_x11_system() and not display:
            raise ScreenError(
                "There is no screen here: neither DISPLAY nor WAYLAND_DISPLAY is set.", hint=START_HINT
            )
        return display

    def _is_wayland(self) -> bool:
        from neko_cli.vision.wayland import is_wayland

        return _is_x11_system() and is_wayland(self._environment)


def _is_x11_system() -> bool:
    return sys.platform not in ("win32", "darwin")


def _file(path: Path) -> Image.Image:
    from neko_cli.vision.finish import decoded
    from neko_cli.vision.pictures import MAX_FILE_BYTES

    name = one_line(path.name, 60)
    try:
        found = path.expanduser()
        if not found.is_file():
            raise ScreenError(f"There is no file {name}.")
        if found.stat().st_size > MAX_FILE_BYTES:
            raise ScreenError(f"{name} is over 64 MiB, too much for a picture.")
        data = found.read_bytes()
    except (OSError, RuntimeError, ValueError) as error:  # no home to expand, or a zero byte in the path
        raise ScreenError(f"{name} cannot be read.") from error
    return decoded(data, name)
