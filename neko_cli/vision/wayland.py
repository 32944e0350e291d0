"""The screen under Wayland, where no program may look by itself: by grim, else by the desktop's portal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.core.companions.sources import Box, Source, SourceKind
from neko_cli.vision import portal
from neko_cli.vision.finish import decoded
from neko_cli.vision.grab_mss import monitors, pick
from neko_cli.vision.programs import find_program, output_of

if TYPE_CHECKING:
    from PIL import Image

GRIM_WITHIN = 4.0
"""Seconds for grim, which takes a tenth of one."""

PORTAL_WITHIN = 60.0
"""Seconds for the portal: the user is asked."""

WAYS = (
    "Install grim (Sway, Hyprland and others), or neko-cli[wayland] for xdg-desktop-portal (GNOME, KDE); "
    "or save a screenshot, with spectacle for instance, and show it "
    "with file:PICTURE."
)


def is_wayland(environment: Mapping[str, str]) -> bool:
    """Whether the session is Wayland's; X11 under it shows nothing of other windows."""
    return bool(environment.get("WAYLAND_DISPLAY")) or environment.get("XDG_SESSION_TYPE") == "wayland"


def grab_wayland(source: Source, environment: Mapping[str, str]) -> Image.Image:
    """A monitor, a region or all of the screen; raises ScreenError."""
    if source.kind is SourceKind.WINDOW:
        raise ScreenError(
            "Under Wayland no program can find a window by its title.",
            hint="Show a monitor, a region X,Y,WxH, or 0 for all.",
        )
    # Which part is wanted is settled before anything is looked at.
    part = _part(source, environment)
    whole = _whole(environment)
    width, height = whole.size
    left, top, right, bottom = part or (0.0, 0.0, 1.0, 1.0)
    box = source.box or Box(
        round(left * width),
        round(top * height),
        round((right - left) * width),
        round((bottom - top) * height),
    )
    inside = box.meet(Box(0, 0, width, height))
    if inside is None:
        raise ScreenError(
            f"There is nothing at {box.left},{box.top}: the screen has {width}x{height} pixels."
        )
    return whole.crop((inside.left, inside.top, inside.right, inside.bottom))


def _part(source: Source, environment: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    """Edges of a monitor as parts of the whole screen; None for all of it, or for a region in pixels.

    Both programs give all monitors in one picture, and X11's view of the desktop knows where each lies.
    """
    if source.kind is not SourceKind.MONITOR or source.number == 0:
        return None
    display = environment.get("DISPLAY", "")
    try:
        if not display:
            raise ScreenError("")
        boxes = monitors(display)
    except ScreenError:
        raise ScreenError(
            f"Which part of the screen is monitor {source.number} cannot be found out without Xwayland.",
            hint="Show 0 for all monitors, or a region X,Y,WxH.",
        ) from None
    one, whole = pick(boxes, source.number), boxes[0]
    return (
        (one.left - whole.left) / whole.width,
        (one.top - whole.top) / whole.height,
        (one.right - whole.left) / whole.width,
        (one.bottom - whole.top) / whole.height,
    )


def _whole(environment: Mapping[str, str]) -> Image.Image:
    """All monitors in one picture. Where grim cannot (GNOME, KDE), the portal is asked."""
    grim = find_program("grim", environment)
    if grim and (data := output_of((grim, "-t", "ppm", "-"), environment, timeout=GRIM_WITHIN)):
        return decoded(data, "What grim shows")
    bus = environment.get("DBUS_SESSION_BUS_ADDRESS", "")
    if not bus or not portal.has_library():
        raise ScreenError(
            "Under Wayland the screen can be seen by grim or by the desktop's portal.", hint=WAYS
        )
    try:
        data = portal.portal_screenshot(bus, timeout=PORTAL_WITHIN)
    except ScreenError as error:
        raise ScreenError(error.message, hint=error.hint or WAYS) from error
    return decoded(data, "What the portal shows")
