"""What the environment says, and what is remembered between runs (never content)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.services.folders import write_private


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``NEKO_…`` variables; empty where one is not set."""

    profile: str = ""
    provider: str = ""
    url: str = ""
    model: str = ""


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read ``NEKO_PROFILE``, ``NEKO_PROVIDER``, ``NEKO_URL`` and ``NEKO_MODEL``."""
    env = os.environ if environment is None else environment
    return Settings(
        **{name: env.get(f"NEKO_{name.upper()}", "").strip() for name in Settings.__struct_fields__}
    )


class DeviceChoice(msgspec.Struct, frozen=True):
    """A sound device that was chosen, and what the profile named at that time."""

    name: str
    instead_of: str = ""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about earlier runs."""

    microphone_consent: tuple[str, ...] = ()
    """Providers that the user agreed to send the microphone to."""
    screen_consent: tuple[str, ...] = ()
    """Who the user agreed to show the screen to."""
    offered: tuple[str, ...] = ()
    """What was offered once and need not be offered again."""
    devices: dict[str, DeviceChoice] = {}
    """Sound devices that were chosen while talking, by ``microphone`` and ``speaker``."""


class Memory:
    """``state.json`` in the state folder, 0600, replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        """Remember in ``folder``; nothing is read or written yet."""
        self._path = folder / "state.json"

    def load(self) -> Remembered:
        """What is remembered; nothing when there is no file or it is damaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except (OSError, msgspec.MsgspecError):
            # A lost consent is asked for again, which is better than not starting.
            return Remembered()

    def agree(self, provider: str) -> bool:
        """Remember consent to the microphone; returns False when it cannot be kept."""
        return self._agree("microphone_consent", provider)

    def agree_to_show(self, whom: str) -> bool:
        """Remember consent to the screen; returns False when it cannot be kept."""
        return self._agree("screen_consent", whom)

    def offer(self, what: str) -> bool:
        """Whether this was not offered before; remembers that it is now."""
        known = self.load()
        if what in known.offered:
            return False
        self._save(msgspec.structs.replace(known, offered=(*known.offered, what)))
        return True

    def use_device(self, kind: str, name: str, *, instead_of: str) -> bool:
        """Remember a sound device, as long as the profile names the same; False when it cannot be kept."""
        known = self.load()
        devices = {**known.devices, kind: DeviceChoice(name, instead_of)}
        return self._save(msgspec.structs.replace(known, devices=devices))

    def _agree(self, to: str, whom: str) -> bool:
        known = self.load()
        agreed: tuple[str, ...] = getattr(known, to)
        return whom in agreed or self._save(msgspec.structs.replace(known, **{to: (*agreed, whom)}))

    def _save(self, facts: Remembered) -> bool:
        try:
            write_private(self._path, msgspec.json.encode(facts))
        except ConfigError:
            # A read-only home: asked again at the next start.
            return False
        return True
