"""Windows of one colour on an X display: a known picture, by libxcb and nothing else."""

from __future__ import annotations

import ctypes
from typing import Any, Self

BACK_PIXEL, OVERRIDE_REDIRECT = 2, 512
INPUT_OUTPUT = 1


class _Cookie(ctypes.Structure):
    _fields_ = (("sequence", ctypes.c_uint),)


class XWindows:
    """A client of a display; its windows go with it."""

    def __init__(self, display: str) -> None:
        self._xcb: Any = ctypes.CDLL("libxcb.so.1")
        for name in ("xcb_connect", "xcb_get_setup", "xcb_get_input_focus_reply"):
            getattr(self._xcb, name).restype = ctypes.c_void_p
        for name in ("create_window", "map_window", "unmap_window", "change_property", "configure_window"):
            getattr(self._xcb, f"xcb_{name}").restype = _Cookie
        self._xcb.xcb_get_input_focus.restype = _Cookie
        self._xcb.xcb_get_input_focus_reply.argtypes = [ctypes.c_void_p, _Cookie, ctypes.c_void_p]
        self._connection = ctypes.c_void_p(self._xcb.xcb_connect(display.encode(), None))
        assert not self._xcb.xcb_connection_has_error(self._connection)
        setup = ctypes.c_void_p(self._xcb.xcb_get_setup(self._connection))

        class Screens(ctypes.Structure):
            _fields_ = (("data", ctypes.POINTER(ctypes.c_uint32)), ("rem", ctypes.c_int), ("i", ctypes.c_int))

        self._xcb.xcb_setup_roots_iterator.restype = Screens
        self._root = self._xcb.xcb_setup_roots_iterator(setup).data[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._xcb.xcb_disconnect(self._connection)

    def window(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        color: int,
        title: str = "",
        inside: int = 0,
        border: int = 0,
    ) -> int:
        """A window that is on the screen when this returns; ``color`` is 0xRRGGBB."""
        window = self._xcb.xcb_generate_id(self._connection)
        values = (ctypes.c_uint32 * 2)(color, 1)
        self._xcb.xcb_create_window(
            self._connection,
            ctypes.c_uint8(0),
            ctypes.c_uint32(window),
            ctypes.c_uint32(inside or self._root),
            ctypes.c_int16(x),
            ctypes.c_int16(y),
            ctypes.c_uint16(width),
            ctypes.c_uint16(height),
            ctypes.c_uint16(border),
            ctypes.c_uint16(INPUT_OUTPUT),
            ctypes.c_uint32(0),
            ctypes.c_uint32(BACK_PIXEL | OVERRIDE_REDIRECT),
            values,
        )
        if title:
            # 39 is WM_NAME, 31 is STRING.
            data = title.encode()
            self._xcb.xcb_change_property(
                self._connection,
                ctypes.c_uint8(0),
                ctypes.c_uint32(window),
                ctypes.c_uint32(39),
                ctypes.c_uint32(31),
                ctypes.c_uint8(8),
                ctypes.c_uint32(len(data)),
                data,
            )
        self._xcb.xcb_map_window(self._connection, ctypes.c_uint32(window))
        self.settle()
        return int(window)

    def move(self, window: int, x: int, y: int) -> None:
        values = (ctypes.c_uint32 * 2)(x, y)
        self._xcb.xcb_configure_window(self._connection, ctypes.c_uint32(window), ctypes.c_uint16(3), values)
        self.settle()

    def unmap(self, window: int) -> None:
        self._xcb.xcb_unmap_window(self._connection, ctypes.c_uint32(window))
        self.settle()

    def settle(self) -> None:
        """Wait until the server has done all that it was told."""
        cookie = self._xcb.xcb_get_input_focus(self._connection)
        reply = self._xcb.xcb_get_input_focus_reply(self._connection, cookie, None)
        assert reply, "the X server is gone"
