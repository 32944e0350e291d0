"""The loudspeaker of a session: opened, changed while it plays, replaced when it dies, and looked for."""

from __future__ import annotations

import asyncio

from neko_cli.core.device_care import Care
from neko_cli.core.device_standing import DeviceKind, Found, Seat
from neko_cli.core.errors import AudioError, NoSpeaker
from neko_cli.core.host import SessionHost
from neko_cli.core.ports import UNKNOWN_DEVICE


class SpeakerCare(Care):
    """Keeps a loudspeaker open for as long as the session lives, when it has one at all."""

    def __init__(self, host: SessionHost, lock: asyncio.Lock) -> None:
        super().__init__(host, DeviceKind.SPEAKER, host.profile.sound.speaker, lock)

    @property
    def name(self) -> str:
        """The loudspeaker that is open; empty for none."""
        device = self._host.playout.device
        return device.name if device is not None else ""

    async def open(self) -> None:
        """As the session begins; a failure is told, and it is looked for."""
        if self._host.ports.speaker is None:
            return
        async with self.lock:
            self.standing.found(Found.STOPPED, self._host.now())
            try:
                await self._host.playout.open()
            except AudioError as failed:
                self.found(await self._default(), failed)
            else:
                self.found(Found.WANTED)
            self.watch()

    async def use(self, name: str, *, close_first: bool = False) -> None:
        """Go on with another one; raises AudioError, and then the old one goes on.

        With ``close_first`` it is the default that goes on then, if any does.
        """
        if self._sound is None or self._host.ports.speaker is None:
            raise NoSpeaker("This session has no loudspeaker to change.")
        if not self._host.owner.is_open:
            self._host.playout.prefer(self._sound.speaker(name))
            return
        self.let_be()
        try:
            await self._host.playout.change(self._sound.speaker(name), dead=close_first)
            self.taken(name, self.name)
        except AudioError as error:
            if close_first and await self._try("", dead=True) is None:
                self.found(Found.INSTEAD if self.standing.wanted else Found.WANTED, error)
            elif close_first:
                await self._leave(error)
            raise
        finally:
            self.watch()

    async def _watching(self) -> None:
        playout, standing = self._host.playout, self.standing
        while standing.seat is not Seat.OFF and self.is_watching:
            if playout.device is None:
                if self._sound is None:
                    return
                await asyncio.sleep(standing.next_look())
                async with self.lock:
                    self.found(await self._wanted_or_default())
                continue
            died: AudioError | None = None
            try:
                async with asyncio.timeout(standing.next_look() if standing.misses else None):
                    died = await playout.lost()
            except TimeoutError:
                pass
            async with self.lock:
                if died is not None:
                    await self._replace(died)
                else:
                    await self._look()

    async def _look(self) -> None:
        """The default plays: is the wanted one back?"""
        error = await self._try(self.standing.wanted)
        if error is None:
            self.found(Found.WANTED)
        elif error.code == UNKNOWN_DEVICE:
            await self._host.devices.look_anew(self.kind)

    async def _replace(self, died: AudioError) -> None:
        """The same again, which may have another rate now; else the default; else nothing is played."""
        found = Found.NOTHING
        if self.standing.died(self._host.now()):
            found = await self._wanted_or_default(dead=True)
        if found is Found.NOTHING:
            await self._leave(died)
        else:
            self.found(found, died)

    async def _leave(self, died: AudioError) -> None:
        """Nothing is played any more."""
        device = self._host.playout.device
        self._host.playout.abandon()
        if device is not None:
            await device.close()
        self.found(Found.NOTHING, died)

    async def _wanted_or_default(self, *, dead: bool = False) -> Found:
        if await self._try(self.standing.wanted, dead=dead) is None:
            return Found.WANTED
        return await self._default(dead=dead)

    async def _default(self, *, dead: bool = False) -> Found:
        if self.standing.wanted and await self._try("", dead=dead) is None:
            return Found.INSTEAD
        return Found.NOTHING

    async def _try(self, name: str, *, dead: bool = False) -> AudioError | None:
        if self._sound is None:
            return NoSpeaker("There is no other loudspeaker.")
        try:
            await self._host.playout.change(self._sound.speaker(name), dead=dead)
        except AudioError as error:
            return error
        return None
