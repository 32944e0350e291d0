"""A few questions to an X11 server, by libxcb, which mss needs in any case.

Not by Xlib: it ends the whole process when the display goes. Not by ``xwininfo`` and ``xprop``: not
everybody has them, and their output cannot be told from a title that imitates it. Every question is a
round trip; what a server does not answer is None.

Offsets are those of the X Window System Protocol, version 11, Appendix B.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any, Self

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.core.companions.sources import Box

VIEWABLE = 2
INPUT_ONLY = 2
LONGEST_NAME = 1024
"""Words of 4 bytes of a property that are read."""


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


class _Screens(ctypes.Structure):
    _fields_ = (("data", ctypes.POINTER(ctypes.c_uint32)), ("rem", ctypes.c_int), ("index", ctypes.c_int))


_U8, _U16, _U32, _I16 = ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_int16
_REQUESTS: dict[str, list[Any]] = {
    "intern_atom": [_U8, _U16, ctypes.c_char_p],
    "query_tree": [_U32],
    "get_window_attributes": [_U32],
    "get_geometry": [_U32],
    "translate_coordinates": [_U32, _U32, _I16, _I16],
    "get_property": [_U8, _U32, _U32, _U32, _U32, _U32],
}


class X11Client:
    """One connection, for one thread."""

    def __init__(self, display: str) -> None:
        """Connect; raises ScreenError."""
        try:
            self._xcb, self._free = _libraries()
        except (OSError, AttributeError) as error:
            raise ScreenError("Windows cannot be found without libxcb.", hint="Install libxcb1.") from error
        self._connection = self._xcb.xcb_connect(display.encode(), None)
        self._atoms: dict[str, int] = {}
        if self._xcb.xcb_connection_has_error(self._connection):
            self._xcb.xcb_disconnect(self._connection)
            raise ScreenError(f"The display {display} cannot be seen: it does not answer.")
        screens = self._xcb.xcb_setup_roots_iterator(self._xcb.xcb_get_setup(self._connection))
        self.root: int = screens.data[0]
        """The window that all others lie in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Disconnect."""
        self._xcb.xcb_disconnect(self._connection)

    @property
    def is_lost(self) -> bool:
        """Whether the server has gone meanwhile."""
        return bool(self._xcb.xcb_connection_has_error(self._connection))

    def children(self, window: int) -> list[int]:
        """Windows in a window, the lowest first."""
        reply = self._ask("query_tree", window)
        if reply is None:
            return []
        count = struct.unpack_from("=H", reply, 16)[0]
        return list(struct.unpack_from(f"={count}I", reply, 32))

    def parent(self, window: int) -> int | None:
        """The window that a window lies in; None for the root and for one that is gone."""
        reply = self._ask("query_tree", window)
        return (struct.unpack_from("=I", reply, 12)[0] or None) if reply is not None else None

    def is_viewable(self, window: int) -> bool:
        """Whether a window, and all that it lies in, is on the screen; False for one without pixels."""
        reply = self._ask("get_window_attributes", window)
        if reply is None:
            return False
        kind = struct.unpack_from("=H", reply, 12)[0]
        return bool(kind != INPUT_ONLY and reply[26] == VIEWABLE)

    def box(self, window: int) -> Box | None:
        """Where a window lies on the screen, without its border; None when it is gone."""
        size = self._ask("get_geometry", window)
        place = self._ask("translate_coordinates", window, self.root, 0, 0)
        if size is None or place is None:
            return None
        return Box(*struct.unpack_from("=hh", place, 12), *struct.unpack_from("=HH", size, 16))

    def bordered_box(self, window: int) -> Box | None:
        """The same with its border."""
        size, box = self._ask("get_geometry", window), self.box(window)
        if size is None or box is None:
            return None
        border = struct.unpack_from("=H", size, 20)[0]
        return Box(box.left - border, box.top - border, box.width + 2 * border, box.height + 2 * border)

    def title(self, window: int) -> str:
        """What a window is called; empty where it has no name."""
        data = self._property(window, "_NET_WM_NAME")
        if data:
            return data.decode("utf-8", "replace")
        return self._property(window, "WM_NAME").decode("utf-8", "replace")

    def clients(self) -> list[int]:
        """The windows of programs, as the window manager lists them; empty without one that does."""
        data = self._property(self.root, "_NET_CLIENT_LIST")
        return list(struct.unpack(f"={len(data) // 4}I", data[: len(data) // 4 * 4]))

    def _property(self, window: int, name: str) -> bytes:
        atom = self._atom(name)
        reply = self._ask("get_property", 0, window, atom, 0, 0, LONGEST_NAME) if atom else None
        if reply is None:
            return b""
        count = struct.unpack_from("=I", reply, 16)[0] * (reply[1] // 8)
        return reply[32 : 32 + count]

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            reply = self._ask("intern_atom", 1, len(name), name.encode())
            self._atoms[name] = struct.unpack_from("=I", reply, 8)[0] if reply is not None else 0
        return self._atoms[name]

    def _ask(self, request: str, *arguments: object) -> bytes | None:
        cookie = getattr(self._xcb, f"xcb_{request}")(self._connection, *arguments)
        reply = getattr(self._xcb, f"xcb_{request}_reply")(self._connection, cookie, None)
        if not reply:
            return None
        try:
            words = struct.unpack_from("=I", ctypes.string_at(reply, 32), 4)[0]
            return ctypes.string_at(reply, 32 + 4 * words)
        finally:
            self._free(reply)


def _libraries() -> tuple[ctypes.CDLL, Any]:
    """libxcb with its types told, and what frees its replies; raises OSError, AttributeError."""
    xcb = ctypes.CDLL("libxcb.so.1")
    pointer = ctypes.c_void_p
    xcb.xcb_connect.argtypes, xcb.xcb_connect.restype = [ctypes.c_char_p, pointer], pointer
    xcb.xcb_connection_has_error.argtypes = [pointer]
    xcb.xcb_disconnect.argtypes, xcb.xcb_disconnect.restype = [pointer], None
    xcb.xcb_get_setup.argtypes, xcb.xcb_get_setup.restype = [pointer], pointer
    xcb.xcb_setup_roots_iterator.argtypes, xcb.xcb_setup_roots_iterator.restype = [pointer], _Screens
    for name, arguments in _REQUESTS.items():
        ask, reply = getattr(xcb, f"xcb_{name}"), getattr(xcb, f"xcb_{name}_reply")
        ask.argtypes, ask.restype = [pointer, *arguments], _Cookie
        reply.argtypes, reply.restype = [pointer, _Cookie, pointer], pointer
    free = ctypes.CDLL(None).free
    free.argtypes, free.restype = [pointer], None
    return xcb, free
