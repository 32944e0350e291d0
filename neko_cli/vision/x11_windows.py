"""A window by its title under X11: where it lies, and which others lie over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.core.companions.sources import Box
from neko_cli.core.text import one_line
from neko_cli.vision.finish import cover
from neko_cli.vision.grab_mss import START_HINT, grab
from neko_cli.vision.x11_client import X11Client

if TYPE_CHECKING:
    from PIL import Image

MAX_WINDOWS = 2000
"""Windows that are looked through."""

MAX_DEPTH = 8
"""How deep a program's window lies in its frame at most."""

ATTEMPTS = 3
"""Looks at a window that is being moved."""


class Place(msgspec.Struct, frozen=True):
    """A window on the screen; ``covers`` are the parts of the screen where others lie over it."""

    window: int
    box: Box
    covers: tuple[Box, ...]


def grab_window(display: str, title: str) -> Image.Image:
    """What a window shows, and nothing of those over it; raises ScreenError.

    The screen is read where the window lies, so it is looked for again afterwards: what came over it
    meanwhile would be in the picture.
    """
    for _ in range(ATTEMPTS):
        place = find_window(display, title)
        picture = grab(display, place.box)
        if find_window(display, title) == place:
            box = place.box
            cover(
                picture,
                (Box(c.left - box.left, c.top - box.top, c.width, c.height) for c in place.covers),
            )
            return picture
    raise ScreenError(f"The window “{one_line(title, 60)}” does not keep still.")


def find_window(display: str, title: str) -> Place:
    """The topmost window of that title, else of a title that holds it, in any case; raises ScreenError."""
    with X11Client(display) as client:
        screen = client.box(client.root)
        order = client.children(client.root)
        heights = {window: height for height, window in enumerate(order)}
        named = [
            (_fit(client.title(window), title), heights.get(_top(client, window), -1), window)
            for window in _programs(client)
        ]
        if client.is_lost or screen is None:
            raise ScreenError(f"The display {display} cannot be seen: it does not answer.", hint=START_HINT)
        fitting = [one for one in sorted(named, reverse=True) if one[0]]
        shown = [one for one in fitting if client.is_viewable(one[2])]
        for _, height, window in shown:
            box = client.box(window)
            inside = box.meet(screen) if box is not None else None
            if inside is not None:
                return Place(window, inside, _covers(client, order[height + 1 :], inside, title))
    if fitting:
        raise ScreenError(f"The window “{one_line(title, 60)}” is minimised, or on another desktop.")
    raise ScreenError(f"There is no window called “{one_line(title, 60)}”.")


def _fit(name: str, title: str) -> int:
    """How well a name fits a wanted title: 2 is exact, 0 not at all."""
    if name == title:
        return 2
    return 1 if title.casefold() in name.casefold() else 0


def _programs(client: X11Client) -> list[int]:
    """The windows that may have a title, at most so many."""
    if listed := client.clients():
        return listed[:MAX_WINDOWS]
    found, level = list[int](), client.children(client.root)
    for _ in range(MAX_DEPTH):
        found += level
        if len(found) >= MAX_WINDOWS:
            break
        level = [child for window in level for child in client.children(window)]
    return found[:MAX_WINDOWS]


def _top(client: X11Client, window: int) -> int:
    """The frame that a window lies in: the one whose parent is the root."""
    for _ in range(MAX_DEPTH):
        parent = client.parent(window)
        if parent is None or parent == client.root:
            break
        window = parent
    return window


def _covers(client: X11Client, above: list[int], box: Box, title: str) -> tuple[Box, ...]:
    """Parts of a window that others lie over; raises ScreenError when nothing of it is to be seen."""
    found = []
    for window in above:
        other = client.bordered_box(window) if client.is_viewable(window) else None
        shared = other.meet(box) if other is not None else None
        if shared == box:
            raise ScreenError(f"The window “{one_line(title, 60)}” lies behind another one.")
        if shared is not None:
            found.append(shared)
    return tuple(found)
