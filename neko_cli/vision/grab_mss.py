"""Monitors and regions of the screen, by mss: X11, Windows and macOS."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.core.companions.sources import Box

if TYPE_CHECKING:
    from PIL import Image

START_HINT = "Start neko in a graphical session, or show a picture with file:PICTURE."

MAC_HINT = (
    "Allow your terminal under System Settings › Privacy & Security › Screen & System Audio Recording, "
    "then start it anew."
)


def monitors(display: str) -> list[Box]:
    """All monitors together, then each of them, in pixels; raises ScreenError."""
    with _opened(display) as grabber:
        return [_box(monitor) for monitor in grabber.monitors]


def grab(display: str, wanted: Box | int) -> Image.Image:
    """What a part of the screen, or a monitor, shows; raises ScreenError.

    ``display`` matters under X11 alone. One connection does for all: a server without other clients starts
    anew when it has gone, and takes no other one meanwhile.
    """
    from PIL import Image

    with _opened(display) as grabber:
        whole = _box(grabber.monitors[0])
        box = pick([_box(each) for each in grabber.monitors], wanted) if isinstance(wanted, int) else wanted
        inside = box.meet(whole)
        if inside is None:
            raise ScreenError(
                f"There is nothing at {box.left},{box.top}: "
                f"the screen has {whole.width}x{whole.height} pixels."
            )
        shot = grabber.grab(
            {"left": inside.left, "top": inside.top, "width": inside.width, "height": inside.height}
        )
        return Image.frombuffer("RGB", tuple(shot.size), shot.bgra, "raw", "BGRX", 0, 1).copy()


def pick(boxes: list[Box], number: int) -> Box:
    """The monitor of a number; raises ScreenError."""
    if number < len(boxes):
        return boxes[number]
    count = len(boxes) - 1
    raise ScreenError(f"There is no monitor {number}: there {'is one' if count == 1 else f'are {count}'}.")


@contextmanager
def _opened(display: str) -> Iterator[Any]:
    """A grabber for one look. Opening takes 1 ms, and a new one finds a display that came back."""
    import mss

    if sys.platform == "darwin":
        _check_mac()
    try:
        with mss.MSS(display=display) if sys.platform.startswith("linux") else mss.MSS() as grabber:
            yield grabber
    except ScreenError:
        raise
    except Exception as error:  # a display that dies is a bare AssertionError in mss 10.2
        named = f"The display {display}" if display else "The screen"
        raise ScreenError(f"{named} cannot be seen: it does not answer.", hint=START_HINT) from error


def _box(monitor: Any) -> Box:
    return Box(monitor["left"], monitor["top"], monitor["width"], monitor["height"])


def _check_mac() -> None:
    """Without the permission macOS shows the desktop's background alone, and no error."""
    import ctypes

    try:
        graphics = ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
        ask = graphics.CGPreflightScreenCaptureAccess
    except (OSError, AttributeError):
        return  # before macOS 10.15 there was no such permission
    ask.restype = ctypes.c_bool
    if not ask():
        raise ScreenError("macOS does not let this terminal see the screen.", hint=MAC_HINT)
