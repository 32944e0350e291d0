"""A real screen without a monitor: Xvfb with xterm, and what it shows as a picture."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

PROGRAMS = ("Xvfb", "xterm", "tmux")
START_TIMEOUT_S = 10.0
SETTLE_S = 0.1


class VirtualScreen:
    """An X display of our own."""

    def __init__(self, width: int = 1600, height: int = 1000) -> None:
        self._size = (width, height)
        self._server: subprocess.Popen[bytes] | None = None
        self.display = ""

    def __enter__(self) -> Self:
        read, write = os.pipe()
        width, height = self._size
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
            pass_fds=(write,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            self.display = f":{told.readline().strip()}"
        assert self.display != ":", "Xvfb did not start"
        return self

    def __exit__(self, *exc: object) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(START_TIMEOUT_S)

    @contextlib.contextmanager
    def showing(self, command: Sequence[str], columns: int, rows: int) -> Iterator[None]:
        """An xterm that shows a program."""
        xterm = subprocess.Popen(
            [
                "xterm",
                "-fa",
                "JetBrains Mono",
                "-fs",
                "13",
                "-geometry",
                f"{columns}x{rows}+0+0",
                "-b",
                "0",
                "-bg",
                "black",
                "-e",
                *command,
            ],
            env={**os.environ, "DISPLAY": self.display, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            xterm.terminate()
            xterm.wait(START_TIMEOUT_S)

    def picture(self, path: Path, timeout: float = START_TIMEOUT_S) -> tuple[int, int]:
        """Save what is shown, cut to its edges; returns width and height.

        Waits until something is shown and two looks in a row are alike.
        """
        import mss
        from PIL import Image, ImageChops

        end = time.monotonic() + timeout
        last = None
        with mss.MSS(display=self.display) as grabber:
            while time.monotonic() < end:
                shot = grabber.grab(grabber.monitors[0])
                now = Image.frombuffer("RGB", shot.size, shot.bgra, "raw", "BGRX", 0, 1).copy()
                box = now.getbbox()
                if box and last is not None and ImageChops.difference(now, last).getbbox() is None:
                    cut = now.crop(box)
                    cut.save(path)
                    return cut.size
                last = now
                time.sleep(SETTLE_S)
        raise AssertionError("the screen never came to rest")
