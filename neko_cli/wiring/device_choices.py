"""Which devices are used: what was chosen while talking, the options, what is remembered, the profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.device_standing import FIELDS, DeviceKind
from neko_cli.core.profile import Profile

if TYPE_CHECKING:
    from neko_cli.services.settings import DeviceChoice, Memory
    from neko_cli.wiring.options import Options


class DeviceChoices:
    """Lays devices over profiles.

    What was chosen in this run goes before the options, these before what was chosen in an earlier run;
    and that holds only as long as the profile says what it said then: who edits it means it.
    """

    def __init__(self, memory: Memory, options: Options) -> None:
        self._memory = memory
        self._options = options
        self._chosen: dict[str, str] = {}
        self._said: dict[str, str] = {}

    def over(self, profile: Profile) -> Profile:
        """A profile as its file says it, with the devices that are used; reads a file."""
        remembered = self._memory.load().devices
        sound = profile.sound
        for field in FIELDS.values():
            said: str = getattr(profile.sound, field)
            if said != self._said.setdefault(field, said):
                self._chosen.pop(field, None)
                self._said[field] = said
            name = self._chosen.get(field, self._before(field, said, remembered.get(field)))
            sound = msgspec.structs.replace(sound, **{field: name})
        return msgspec.structs.replace(profile, sound=sound)

    def _before(self, field: str, said: str, earlier: DeviceChoice | None) -> str:
        """What is used when nothing was chosen in this run."""
        option: str = getattr(self._options, field)
        if option:
            return option
        return earlier.name if earlier is not None and earlier.instead_of == said else said

    def choose(self, kind: DeviceKind, name: str) -> None:
        """The user chose a device while talking; kept for the next start, where it can be."""
        field = FIELDS[kind]
        self._chosen[field] = name
        self._memory.use_device(field, name, instead_of=self._said.get(field, ""))
