"""How a session stands with its microphone, or its loudspeaker: wanted, in use, lost, coming back. Pure.

A device that is gone is looked for by name, at first often and then seldom. What a look finds, or an end
of the device in use, leads to the next standing by one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

LOOKS = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds before each look for a device that is gone, and then as many as the last ones each time.

A look opens the device by its name: about 3 ms of the sound library's thread when it is not there, while
other streams go on.
"""

STEADY = 5.0
"""A device that lived for so many seconds may be opened again at once when it dies."""

DEAD_DBFS = -90.0
"""What is not louder is no microphone's own noise: even a quiet room and a poor one reach -80."""

DEAD_AFTER_MS = 5_000.0


class DeviceKind(StrEnum):
    """What a device is for, as it is called in sentences."""

    MICROPHONE = "microphone"
    SPEAKER = "loudspeaker"


FIELDS: Mapping[DeviceKind, str] = MappingProxyType(
    {DeviceKind.MICROPHONE: "microphone", DeviceKind.SPEAKER: "speaker"}
)
"""What a kind is called in profiles, options and what is remembered."""


class Seat(StrEnum):
    """Which device is in use."""

    OFF = "off"
    """None, as the user wants it."""
    WANTED = "wanted"
    """The one that was chosen; the system's default, where none was."""
    INSTEAD = "instead"
    """The default, as long as the chosen one is gone."""
    LOST = "lost"
    """None, though one is wanted."""


class Found(StrEnum):
    """What happened to a device, or came of trying to open one."""

    WANTED = "the wanted one is open"
    INSTEAD = "the default is open in its place"
    NOTHING = "none can be opened"
    STOPPED = "switched off"


class Tell(StrEnum):
    """What the user is told by it."""

    NOTHING = "nothing"
    AGAIN = "again"
    """The same device died and runs again, perhaps at another rate: a headset's profile has changed."""
    INSTEAD = "instead"
    GONE = "gone"
    BACK = "back"


TABLE: Mapping[tuple[Seat, Found], tuple[Seat, Tell]] = MappingProxyType(
    {
        (Seat.OFF, Found.WANTED): (Seat.WANTED, Tell.NOTHING),
        (Seat.OFF, Found.INSTEAD): (Seat.INSTEAD, Tell.INSTEAD),
        (Seat.OFF, Found.NOTHING): (Seat.LOST, Tell.GONE),
        (Seat.OFF, Found.STOPPED): (Seat.OFF, Tell.NOTHING),
        (Seat.WANTED, Found.WANTED): (Seat.WANTED, Tell.AGAIN),
        (Seat.WANTED, Found.INSTEAD): (Seat.INSTEAD, Tell.INSTEAD),
        (Seat.WANTED, Found.NOTHING): (Seat.LOST, Tell.GONE),
        (Seat.WANTED, Found.STOPPED): (Seat.OFF, Tell.NOTHING),
        (Seat.INSTEAD, Found.WANTED): (Seat.WANTED, Tell.BACK),
        (Seat.INSTEAD, Found.INSTEAD): (Seat.INSTEAD, Tell.AGAIN),
        (Seat.INSTEAD, Found.NOTHING): (Seat.LOST, Tell.GONE),
        (Seat.INSTEAD, Found.STOPPED): (Seat.OFF, Tell.NOTHING),
        (Seat.LOST, Found.WANTED): (Seat.WANTED, Tell.BACK),
        (Seat.LOST, Found.INSTEAD): (Seat.INSTEAD, Tell.INSTEAD),
        (Seat.LOST, Found.NOTHING): (Seat.LOST, Tell.NOTHING),
        (Seat.LOST, Found.STOPPED): (Seat.OFF, Tell.NOTHING),
    }
)
"""Every seat with everything that can be found."""


class Standing(msgspec.Struct):
    """The standing of one kind of device, and when it is looked for next."""

    wanted: str = ""
    """A name, a number or part of a name; empty is the system's default."""
    seat: Seat = Seat.OFF
    looks: int = 0
    """How often the wanted device was looked for since it went, or was wanted."""
    since: float = 0.0
    """When the present seat was taken, in seconds."""

    def found(self, found: Found, now: float) -> Tell:
        """What happened; returns what to tell."""
        before = self.seat
        self.seat, tell = TABLE[before, found]
        if self.seat is Seat.OFF:
            self.looks = 0
        if self.seat is not before or tell is Tell.AGAIN:
            self.since = now
        return tell

    def chosen(self, wanted: str) -> None:
        """Another device is wanted from now on."""
        self.wanted = wanted
        self.looks = 0

    @property
    def misses(self) -> bool:
        """Whether the wanted device is not in use, though it should be."""
        return self.seat in (Seat.INSTEAD, Seat.LOST)

    def next_look(self) -> float:
        """Seconds until the wanted device is looked for again; counts the look."""
        self.looks += 1
        return LOOKS[min(self.looks, len(LOOKS)) - 1]

    def died(self, now: float) -> bool:
        """The device in use died: whether one is opened in its place at once.

        One that opens and dies over and over is looked for like one that is gone.
        """
        if now - self.since >= STEADY:
            self.looks = 0
        at_once = self.looks == 0
        self.looks += 1
        return at_once


class DeadEar:
    """Notices a microphone that gives nothing: switched off in hardware, not connected, or not allowed."""

    def __init__(self) -> None:
        self._quiet_ms = 0.0
        self._told = False

    def hear(self, level: float, ms: float) -> bool:
        """``ms`` of sound at ``level`` dBFS; returns True once, after five seconds of nothing at all."""
        self._quiet_ms = self._quiet_ms + ms if level <= DEAD_DBFS else 0.0
        if self._told or self._quiet_ms < DEAD_AFTER_MS - 1e-6:
            return False
        self._told = True
        return True

    def rest(self) -> None:
        """Nobody listens for now: what comes next is not joined to what came before."""
        self._quiet_ms = 0.0
