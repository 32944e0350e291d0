"""Choosing a microphone or a loudspeaker while talking: what the list holds, and what is asked. No widget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.events import Severity
from neko_cli.core.text import one_line

if TYPE_CHECKING:
    from neko_cli.core.ports import DeviceInfo
    from neko_cli.core.session import Session

DEFAULT = "default"
"""What is typed for the system's default."""

TITLES = {DeviceKind.MICROPHONE: "Microphone", DeviceKind.SPEAKER: "Loudspeaker"}


class Choice(msgspec.Struct, frozen=True):
    """A row of the list: what is chosen by it, and what is read."""

    name: str
    label: str
    about: str = ""
    in_use: bool = False


Pick = Callable[[str, Sequence[Choice]], Awaitable[str | None]]
"""Lets the user choose from a list under a title; None for nothing."""

Tell = Callable[[str, str, Severity], None]


def choices(devices: Sequence[DeviceInfo], kind: DeviceKind, in_use: str) -> list[Choice]:
    """The rows for a kind of device; the system's default first, and each name once."""
    rows = [Choice("", "The system's default")]
    seen: set[str] = set()
    for device in devices:
        able = device.inputs if kind is DeviceKind.MICROPHONE else device.outputs
        if not able or device.name in seen:
            continue
        seen.add(device.name)
        default = device.default_input if kind is DeviceKind.MICROPHONE else device.default_output
        about = f"{one_line(device.host_api, 20)}, {device.default_rate} Hz"
        about += ", the default now" if default else ""
        rows.append(Choice(device.name, one_line(device.name, 60), about, device.name == in_use))
    return rows


class DeviceDesk:
    """What the user wants of the devices, carried out on a session."""

    def __init__(self, ready: Callable[[], Session | None], pick: Pick, tell: Tell) -> None:
        """``ready`` gives the session when it runs, ``pick`` shows the list, ``tell`` shows a line."""
        self._ready = ready
        self._pick = pick
        self._tell = tell

    async def choose(self, kind: DeviceKind, typed: str) -> None:
        """Go on with the device that was typed, or is picked from the list; raises AudioError."""
        session = self._ready()
        if session is None:
            self._tell("That needs a running session.", "", Severity.INFO)
            return
        name: str | None = "" if typed.strip().casefold() == DEFAULT else typed.strip()
        if not typed.strip():
            devices = await session.devices.all()
            title = TITLES[kind]
            name = await self._pick(title, choices(devices, kind, session.devices.in_use(kind)))
        if name is None:
            return
        use = session.use_microphone if kind is DeviceKind.MICROPHONE else session.use_speaker
        await use(name)
        used = one_line(session.devices.in_use(kind) or name or "the system's default", 60)
        self._tell(f"{TITLES[kind]}: {used}.", "", Severity.INFO)
