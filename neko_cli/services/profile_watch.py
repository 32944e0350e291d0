"""Notices that a profile's files were edited, loads it again, and tells what came of it.

Files are polled: editors replace, rename, delete and rewrite them in so many ways that events about
single files would be lost. One look costs a few ``stat`` calls, in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from neko_cli.core.errors import NekoError
from neko_cli.core.profile import Profile
from neko_cli.services.profile_files import SUFFIX, Loaded

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between looks."""

SETTLE = 0.2
"""Seconds for which the files must stay the same before they are read."""

GRACE = 2.0
"""Seconds for which a file that is missing or empty is taken for one that is just being written."""

Mark = tuple[int, ...]
"""What tells one state of a file from another: time of change, size, inode. Empty: there is no file."""

Look = tuple[Mark, ...]


class ProfileWatch:
    """Watches one profile with all that it extends; ``run`` does it until it is cancelled.

    Bundled profiles do not change, but one of the user's own can come to hide one.
    """

    def __init__(
        self,
        load: Callable[[], Loaded],
        folder: Path,
        *,
        current: Profile,
        on_change: Callable[[Profile], Awaitable[None]],
        on_error: Callable[[NekoError], None],
        interval: float = INTERVAL,
        settle: float = SETTLE,
        grace: float = GRACE,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            load: reads the profile (in a thread); raises NekoError.
            folder: the user's own profiles.
            current: the profile in use; an edit that leads to the same one is not told.
            on_change: is given the new profile; a NekoError that it raises goes to ``on_error``.
            on_error: is told a mistake once, until it changes or is corrected.
            interval: seconds between looks.
            settle: seconds for which the files must stay the same.
            grace: seconds for which a missing or empty file is waited for.
        """
        self._load = load
        self._folder = folder
        self._current = current
        self._on_change = on_change
        self._on_error = on_error
        self._interval = interval
        self._settle = settle
        self._grace = grace
        self._own: tuple[Path, ...] = ()
        self._hiding: tuple[Path, ...] = ()
        self._told = ""

    def adopt(self, current: Profile) -> None:
        """Another profile is in use from here on: it is not told as a change."""
        self._current = current
        self._own = self._hiding = ()
        self._told = ""

    async def run(self) -> None:
        """Look, load and tell until cancelled."""
        seen: tuple[tuple[Path, ...], Look] | None = None
        while True:
            paths = self._paths
            look = await asyncio.to_thread(look_at, paths)
            # A mistake may be corrected in a file that nobody could name while it was missing.
            if (paths, look) != seen or not paths or self._told:
                # Taken before the files are read: what changes meanwhile differs at the next look.
                seen = (paths, await self._settled(paths, look))
                await self._reload()
            if self._paths == paths:
                await asyncio.sleep(self._interval)

    @property
    def _paths(self) -> tuple[Path, ...]:
        return self._own + self._hiding

    async def _settled(self, paths: tuple[Path, ...], look: Look) -> Look:
        """Wait until nothing changes any more; returns how it looks then."""
        loop = asyncio.get_running_loop()
        since, patient = loop.time(), loop.time() + self._grace
        needed = len(self._own)
        while True:
            being_written = any(mark and not mark[1] for mark in look) or not all(look[:needed])
            if loop.time() - since >= self._settle and (not being_written or loop.time() >= patient):
                return look
            await asyncio.sleep(self._settle / 2)
            now = await asyncio.to_thread(look_at, paths)
            if now != look:
                look, since = now, loop.time()

    async def _reload(self) -> None:
        before = self._current
        try:
            loaded = await asyncio.to_thread(self._load)
        except NekoError as error:
            if self._current is before:
                self._tell(error)
            return
        if self._current is not before:
            return  # another profile was chosen while this one was read
        self._told = ""
        self._own = tuple(Path(file.path) for file in loaded.files if not file.bundled)
        self._hiding = tuple(self._folder / f"{file.name}{SUFFIX}" for file in loaded.files if file.bundled)
        if loaded.profile == before:
            return
        # Kept before it is told: one that cannot be used is told once, not at each look.
        self._current = loaded.profile
        log.info("the profile was edited")
        try:
            await self._on_change(loaded.profile)
        except NekoError as error:
            self._on_error(error)

    def _tell(self, error: NekoError) -> None:
        if self._told != str(error):
            self._told = str(error)
            log.info("the profile cannot be used: %s", error.category)
            self._on_error(error)


def look_at(paths: tuple[Path, ...]) -> Look:
    """How some files look now."""
    return tuple(mark_of(path) for path in paths)


def mark_of(path: Path) -> Mark:
    """What tells this state of a file from another; empty when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns)
