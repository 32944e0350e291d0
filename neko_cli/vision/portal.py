"""The desktop portal's screenshot: the way to see a Wayland screen that every desktop offers.

See the XDG desktop portal's interfaces ``Screenshot`` and ``Request``. The portal asks the user, the
first time or each time, and answers with a file, which is removed once it is read.
"""

from __future__ import annotations

import importlib
import importlib.util
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from neko_cli.core.companions.eyes import ScreenError

BUS_NAME = "org.freedesktop.portal.Desktop"
OBJECT = "/org/freedesktop/portal/desktop"
SCREENSHOT = "org.freedesktop.portal.Screenshot"
REQUEST = "org.freedesktop.portal.Request"

CALL_WITHIN = 5.0
"""Seconds for the portal to take the request."""

MAX_FILE_BYTES = 256 * 1024 * 1024

NO_PORTAL = "The desktop's portal does not give a picture of the screen"


def has_library() -> bool:
    """Whether the D-Bus library is there: the extra ``wayland``, and ``keyring`` on Linux, bring it along."""
    return importlib.util.find_spec("jeepney") is not None


def portal_screenshot(address: str, *, timeout: float) -> bytes:
    """The whole screen as an image file's bytes; raises ScreenError.

    Args:
        address: of the session bus.
        timeout: seconds for the user to answer the portal's question, too.
    """
    # By name: an extra's, and without types.
    dbus, blocking = importlib.import_module("jeepney"), importlib.import_module("jeepney.io.blocking")
    end = time.monotonic() + timeout
    asked_at = time.time()
    try:
        with blocking.open_dbus_connection(bus=address) as bus:
            answer = _ask(dbus, bus, end)
    except TimeoutError:
        raise ScreenError(f"{NO_PORTAL}: it does not answer.") from None
    except (OSError, ValueError, LookupError, RuntimeError, dbus.AuthenticationError) as error:
        raise ScreenError(f"{NO_PORTAL}: there is no session bus.") from error
    return _read(answer, asked_at)


def _ask(dbus: Any, bus: Any, end: float) -> str:
    """The address of the file that the portal has made."""
    token = f"neko{secrets.token_hex(8)}"
    sender = bus.unique_name.removeprefix(":").replace(".", "_")
    rule = dbus.MatchRule(
        type="signal", interface=REQUEST, member="Response", path=f"{OBJECT}/request/{sender}/{token}"
    )
    added = bus.send_and_get_reply(dbus.DBus().AddMatch(rule), timeout=CALL_WITHIN)
    _check(dbus, added)
    options = {"handle_token": ("s", token), "interactive": ("b", False)}
    call = dbus.new_method_call(
        dbus.DBusAddress(OBJECT, bus_name=BUS_NAME, interface=SCREENSHOT),
        "Screenshot",
        "sa{sv}",
        ("", options),
    )
    # The answer may come before the reply to the call: it is waited for from here on.
    with bus.filter(rule, bufsize=1) as answers:
        _check(dbus, bus.send_and_get_reply(call, timeout=CALL_WITHIN))
        answer = bus.recv_until_filtered(answers, timeout=max(0.0, end - time.monotonic()))
    try:
        code, results = answer.body
        address = str(results["uri"][1]) if code == 0 else ""
    except (LookupError, TypeError, ValueError) as error:
        raise ScreenError(f"{NO_PORTAL} that can be read.") from error
    if not address:
        raise ScreenError(f"{NO_PORTAL}: it was not allowed.")
    return address


def _check(dbus: Any, reply: Any) -> None:
    if reply.header.message_type is dbus.MessageType.error:
        raise ScreenError(f"{NO_PORTAL}: there is none, or it cannot.")


def _read(address: str, asked_at: float) -> bytes:
    """The file's bytes; the file, which was made for us, is removed."""
    parts = urlsplit(address)
    path = Path(unquote(parts.path))
    try:
        found = path.stat()
        if parts.scheme != "file" or found.st_size > MAX_FILE_BYTES:
            raise ScreenError(f"{NO_PORTAL} that can be read.")
        data = path.read_bytes()
        # An older file is somebody's own, whatever the portal says. Some file systems count in 2 s.
        if found.st_mtime >= asked_at - 2.0:
            path.unlink()
    except OSError as error:
        raise ScreenError(f"{NO_PORTAL} that can be read.") from error
    return data
