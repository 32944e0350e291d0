"""The devices of a session: which there are, which are in use, and how others are chosen while talking.

A device that dies is opened again (a headset that changes its rate is back at once), else the default takes
its place, and the wanted one is looked for by its name until it is back. What that means for each kind
stands in ``device_standing``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from neko_cli.core.device_standing import FIELDS, DeviceKind, Seat
from neko_cli.core.errors import AudioError
from neko_cli.core.host import SessionHost
from neko_cli.core.microphone_care import MicrophoneCare
from neko_cli.core.ports import UNKNOWN_DEVICE, DeviceInfo
from neko_cli.core.profile import Profile, SoundTable
from neko_cli.core.speaker_care import SpeakerCare

Remember = Callable[[DeviceKind, str], None]
"""Keeps which device the user chose, for the next start."""


class Devices:
    """What the user can ask about devices, and who cares for each kind."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        lock = asyncio.Lock()
        self.microphone = MicrophoneCare(host, lock)
        self.speaker = SpeakerCare(host, lock)

    async def all(self) -> Sequence[DeviceInfo]:
        """All devices there are, those too that were plugged in a moment ago; raises AudioError."""
        if self._host.ports.sound is None:
            raise AudioError("This session has no sound devices to choose from.")
        return await self._host.ports.sound.devices()

    def in_use(self, kind: DeviceKind) -> str:
        """The name of the device that is open; empty for none."""
        return self._care(kind).name

    async def use(self, kind: DeviceKind, wanted: str) -> None:
        """Go on with another device, and remember it; raises AudioError, and then nothing has changed.

        ``wanted`` is a name, a number or part of a name; empty is the system's default.
        """
        care, name = self._care(kind), await self._full_name(kind, wanted)
        async with care.lock:
            try:
                await care.use(name)
            except AudioError as error:
                if error.code != UNKNOWN_DEVICE:
                    raise
                await self._use_anew(kind, name)
            care.standing.chosen(name)
        self._keep(kind, name)

    async def look_anew(self, kind: DeviceKind) -> None:
        """A device is wanted that the sound library does not know: is it there, and may all be closed for it?

        Only while nobody speaks, and nothing is played: another look follows.
        """
        try:
            name = await self._full_name(kind, self._care(kind).standing.wanted)
            if self._host.is_at_rest and not self._host.hears_speech:
                await self._use_anew(kind, name)
        except AudioError:
            return

    async def _full_name(self, kind: DeviceKind, wanted: str) -> str:
        sound, name = self._host.ports.sound, wanted.strip()
        if not name or sound is None:
            return name
        return await sound.full_name(name, microphone=kind is DeviceKind.MICROPHONE)

    def profile_changed(self, old: Profile) -> None:
        """Other devices may be wanted; another provider is given no microphone that comes back by itself."""
        new = self._host.profile
        if new.provider != old.provider and self.microphone.standing.seat is Seat.LOST:
            self.microphone.off()
        for kind in DeviceKind:
            name, care = _said(new.sound, kind), self._care(kind)
            if name == _said(old.sound, kind) or name == care.standing.wanted:
                continue
            if self._host.ports.sound is not None and self._host.owner.is_open:
                self._host.owner.spawn(self._follow(kind, name), f"another {kind}")

    async def _use_anew(self, kind: DeviceKind, name: str) -> None:
        """The sound library knows the devices that were there when it was started; so it is started again.

        For that, all devices are closed for a moment: nothing is heard for some 100 ms.
        """
        names = {each: self._care(each).standing.wanted for each in DeviceKind} | {kind: name}
        held = await self.microphone.hold()
        failed: dict[DeviceKind, AudioError] = {}
        if kind is DeviceKind.SPEAKER or self.speaker.name:
            try:
                await self.speaker.use(names[DeviceKind.SPEAKER], close_first=True)
            except AudioError as error:
                failed[DeviceKind.SPEAKER] = error
        if held:
            try:
                await self.microphone.use(names[DeviceKind.MICROPHONE])
            except AudioError as error:
                failed[DeviceKind.MICROPHONE] = error
        if kind in failed:
            raise failed[kind]

    async def _follow(self, kind: DeviceKind, name: str) -> None:
        """The profile's file names another device."""
        try:
            await self.use(kind, name)
        except AudioError as error:
            self._host.notice(f"The {kind} stays as it is: {error}")

    def _care(self, kind: DeviceKind) -> MicrophoneCare | SpeakerCare:
        return self.microphone if kind is DeviceKind.MICROPHONE else self.speaker

    def _keep(self, kind: DeviceKind, name: str) -> None:
        host, field = self._host, FIELDS[kind]
        sound = msgspec.structs.replace(host.profile.sound, **{field: name})
        host.profile = msgspec.structs.replace(host.profile, sound=sound)
        if host.ports.remember_device is not None:
            host.ports.remember_device(kind, name)


def _said(sound: SoundTable, kind: DeviceKind) -> str:
    name: str = getattr(sound, FIELDS[kind])
    return name
