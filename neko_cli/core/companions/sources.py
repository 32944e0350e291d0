"""What can be shown to the character: a monitor, a region, a window, a file, the clipboard. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.core.text import one_line

LARGEST = 32_767
"""Pixels a side: what X11 can address."""

MONITORS = 16
"""Highest number of a monitor; 0 means all of them."""

TITLE_CHARS = 200

ALLOWED = "a monitor's number (0 for all), X,Y,WxH in pixels, window:TITLE, file:PICTURE or clipboard"

_REGION = re.compile(r"(?P<x>-?\d{1,5}),(?P<y>-?\d{1,5}),(?P<w>\d{1,5})x(?P<h>\d{1,5})")
_GEOMETRY = re.compile(r"(?P<w>\d{1,5})x(?P<h>\d{1,5})\+(?P<x>-?\d{1,5})\+(?P<y>-?\d{1,5})")


class SourceKind(StrEnum):
    """Where a picture comes from."""

    MONITOR = "monitor"
    REGION = "region"
    WINDOW = "window"
    FILE = "file"
    CLIPBOARD = "clipboard"


class Box(msgspec.Struct, frozen=True):
    """A rectangle in pixels; ``left`` and ``top`` may be negative, as left of the first monitor."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column that is not inside."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row that is not inside."""
        return self.top + self.height

    def meet(self, other: Box) -> Box | None:
        """What both share; None when they do not touch."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        width, height = min(self.right, other.right) - left, min(self.bottom, other.bottom) - top
        return Box(left, top, width, height) if width > 0 and height > 0 else None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at; which fields matter says ``kind``."""

    kind: SourceKind
    number: int = 1
    """Of a monitor, as the system counts them from 1; 0 means all."""
    box: Box | None = None
    text: str = ""
    """A window's title, or a part of it; a file's path."""

    @property
    def label(self) -> str:
        """How it is called in the app and in events; a file is called by its name alone."""
        match self.kind:
            case SourceKind.MONITOR:
                return f"monitor {self.number}" if self.number else "all monitors"
            case SourceKind.REGION if self.box is not None:
                box = self.box
                return f"region {box.left},{box.top},{box.width}x{box.height}"
            case SourceKind.WINDOW:
                return f"window “{one_line(self.text, 60)}”"
            case SourceKind.FILE:
                name = self.text.replace("\\", "/").rpartition("/")[2]
                return f"file {one_line(name, 60)}"
        return str(self.kind)


def parse_source(text: str) -> Source:
    """A source from an option or a profile; empty means the first monitor.

    Raises:
        ConfigError: it is none; says what is allowed.
    """
    given = text.strip()
    head, colon, rest = given.partition(":")
    rest = rest.strip()
    if not given:
        return Source(kind=SourceKind.MONITOR)
    if given.isascii() and given.isdigit() and len(given) <= 2 and int(given) <= MONITORS:
        return Source(kind=SourceKind.MONITOR, number=int(given))
    if given == SourceKind.CLIPBOARD:
        return Source(kind=SourceKind.CLIPBOARD)
    if colon and rest:
        if head == SourceKind.WINDOW and len(rest) <= TITLE_CHARS:
            return Source(kind=SourceKind.WINDOW, text=rest)
        if head == SourceKind.FILE:
            return Source(kind=SourceKind.FILE, text=rest)
    found = _REGION.fullmatch(given) or _GEOMETRY.fullmatch(given)
    if found:
        x, y, width, height = (int(found[name]) for name in "xywh")
        if 0 < width <= LARGEST and 0 < height <= LARGEST and max(abs(x), abs(y)) <= LARGEST:
            return Source(kind=SourceKind.REGION, box=Box(x, y, width, height))
    raise ConfigError(f"{one_line(given, 60)!r} is nothing that can be shown; allowed: {ALLOWED}.")
