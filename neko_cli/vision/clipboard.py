"""The picture in the clipboard."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.vision.finish import decoded
from neko_cli.vision.programs import find_program, output_of

if TYPE_CHECKING:
    from PIL import Image

PASTE_WITHIN = 3.0
"""Seconds for the program that owns the clipboard to hand its picture over."""

X11 = ("xclip", "-selection", "clipboard", "-t", "image/png", "-o")
WAYLAND = ("wl-paste", "-n", "-t", "image/png")
PACKAGES = {"xclip": "xclip", "wl-paste": "wl-clipboard"}

NOTHING = "There is no picture in the clipboard."


def paste(environment: Mapping[str, str]) -> Image.Image:
    """The picture in the clipboard, as RGB; raises ScreenError."""
    if sys.platform in ("win32", "darwin"):
        return _system_paste()
    # Not by Pillow, which starts the same programs and waits for them without end.
    command = WAYLAND if environment.get("WAYLAND_DISPLAY") else X11
    program = find_program(command[0], environment)
    if not program:
        raise ScreenError(
            f"The clipboard cannot be read without {command[0]}.", hint=f"Install {PACKAGES[command[0]]}."
        )
    data = output_of((program, *command[1:]), environment, timeout=PASTE_WITHIN)
    if not data:
        raise ScreenError(NOTHING)
    return decoded(data, "What is in the clipboard")


def _system_paste() -> Image.Image:
    from pathlib import Path

    from PIL import Image, ImageGrab

    try:
        found = ImageGrab.grabclipboard()
        if isinstance(found, Image.Image):
            return found.convert("RGB")
        if found:  # files that were copied
            return decoded(Path(found[0]).read_bytes(), "The file in the clipboard")
    except (OSError, ValueError) as error:
        raise ScreenError(NOTHING) from error
    raise ScreenError(NOTHING)
