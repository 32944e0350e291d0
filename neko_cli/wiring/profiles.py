"""The profile of a run: loaded with the options laid over it, switched, watched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.core.profile import Profile
from neko_cli.wiring.options import Options, apply
from neko_cli.wiring.summaries import check_summaries

if TYPE_CHECKING:
    from neko_cli.core.device_standing import DeviceKind
    from neko_cli.services.profile_files import Loaded
    from neko_cli.services.profile_watch import ProfileWatch

DEFAULT = "default"

Check = Callable[[Profile], None]
"""Refuses a profile that cannot be used; may block, raises NekoError."""


class Profiles:
    """Finds the profile in use; ``name`` is what it is asked for by, and what the history calls it."""

    def __init__(self, folder: Path, options: Options, state: Path) -> None:
        """``folder`` holds the user's own profiles, ``state`` what is remembered; nothing is read yet."""
        from neko_cli.services.profile_files import ProfileFiles
        from neko_cli.services.settings import Memory
        from neko_cli.wiring.device_choices import DeviceChoices

        self._devices = DeviceChoices(Memory(state), options)
        self._files = ProfileFiles(folder)
        self._options = options
        self._watch: ProfileWatch | None = None
        self._current = Profile()
        self.name = as_name(options.profile)

    def start(self) -> Profile:
        """Load the one to begin with; blocks, and raises ConfigError."""
        self._current = self.load().profile
        return self._current

    def load(self, name: str = "") -> Loaded:
        """A profile (by default the one in use) with its files; blocks, and raises ConfigError."""
        loaded = self._files.resolve(name or self.name)
        profile = self._devices.over(apply(self._options, loaded.profile))
        check_summaries(profile)
        return msgspec.structs.replace(loaded, profile=profile)

    def remember_device(self, kind: DeviceKind, name: str) -> None:
        """The user chose a device: it is used from now on, and at the next start."""
        self._devices.choose(kind, name)

    async def switch(self, name: str, check: Check) -> Profile:
        """Use another one from here on; raises NekoError, and then the old one stays in use."""
        name = as_name(name)

        def load() -> Profile:
            profile = self.load(name).profile
            check(profile)
            return profile

        profile = await asyncio.to_thread(load)
        self.name, self._current = name, profile
        if self._watch is not None:
            self._watch.adopt(profile)
        return profile

    async def watch(
        self,
        on_change: Callable[[Profile], Awaitable[None]],
        on_error: Callable[[NekoError], None],
        check: Check,
    ) -> None:
        """Tell each edit of the one in use, until cancelled. One at a time."""
        from neko_cli.services.profile_watch import ProfileWatch

        def load() -> Loaded:
            loaded = self.load()
            check(loaded.profile)
            return loaded

        async def changed(profile: Profile) -> None:
            self._current = profile
            await on_change(profile)

        self._watch = ProfileWatch(
            load, self._files.folder, current=self._current, on_change=changed, on_error=on_error
        )
        try:
            await self._watch.run()
        finally:
            self._watch = None


def as_name(asked: str) -> str:
    """What a profile is kept under: its name, the default's for none, or the whole path of a path."""
    if not asked:
        return DEFAULT
    is_path = "/" in asked or "\\" in asked or asked.endswith(".toml")
    return str(Path(asked).expanduser().resolve()) if is_path else asked
