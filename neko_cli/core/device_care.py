"""What the care for a microphone and for a loudspeaker has in common: standing, watch, and what is told."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from neko_cli.core.device_standing import DeviceKind, Found, Seat, Standing, Tell
from neko_cli.core.errors import AudioError
from neko_cli.core.events import NoticeKind, Severity
from neko_cli.core.host import SessionHost


class Care(ABC):
    """Looks after one kind of device; whatever changes a device of any kind holds ``lock``."""

    def __init__(self, host: SessionHost, kind: DeviceKind, wanted: str, lock: asyncio.Lock) -> None:
        self._host = host
        self._sound = host.ports.sound
        self._task: asyncio.Task[None] | None = None
        self.kind = kind
        self.standing = Standing(wanted=wanted)
        self.lock = lock

    @property
    @abstractmethod
    def name(self) -> str:
        """The device that is open; empty for none."""

    @abstractmethod
    async def _watching(self) -> None:
        """Run beside the device in use, or instead of it, until it is as it should be."""

    def watch(self) -> None:
        """Watch from now on."""
        self.let_be()
        if self._host.owner.is_open:
            self._task = self._host.owner.spawn(self._watching(), f"{self.kind} watch")

    def let_be(self) -> None:
        """Watch no longer."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    @property
    def is_watching(self) -> bool:
        """Whether the task that runs is still the watch, and not another one in its place."""
        return self._task is asyncio.current_task()

    def taken(self, name: str, used: str) -> None:
        """A device was opened that was asked for by ``name``; told only where it had been missed."""
        if self.standing.misses and name == self.standing.wanted:
            self.found(Found.WANTED, used=used)
        else:
            self.standing.found(Found.WANTED, self._host.now())

    def found(self, found: Found, error: AudioError | None = None, *, used: str = "") -> None:
        """Take what came of opening a device, and tell it; ``error`` is what became of the one before."""
        at_start = self.standing.seat is Seat.OFF
        tell = self.standing.found(found, self._host.now())
        name, severity = used or self.name, Severity.WARNING
        match tell:
            case Tell.NOTHING:
                return
            case Tell.AGAIN:
                text, severity = f"The {self.kind} {name!r} had stopped and was started again.", Severity.INFO
            case Tell.INSTEAD:
                what = error.message if error is not None else f"The {self.kind} is gone."
                text = f"{what} {name!r} is used until {self.standing.wanted!r} is there."
            case Tell.BACK:
                text, severity = f"The {self.kind} {name!r} is back.", Severity.SUCCESS
            case Tell.GONE:
                text = (
                    f"{'No sound' if at_start else f'The {self.kind} is gone'}: {error} Replies come as text."
                )
        self._host.herald.notice(text, NoticeKind.SOUND, severity)
