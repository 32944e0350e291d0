"""Edits of a profile while it is in use, by real files in all the ways in which editors write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError, LinkError, NekoError
from neko_cli.core.profile import Profile
from neko_cli.services.profile_files import ProfileFiles
from neko_cli.services.profile_watch import ProfileWatch, mark_of

PATIENCE = 5.0
INTERVAL, SETTLE, GRACE = 0.02, 0.03, 0.25


class Watched:
    """A watch at work, and what it told."""

    def __init__(
        self, files: ProfileFiles, name: str, *, settle: float = SETTLE, grace: float = GRACE
    ) -> None:
        self.files = files
        self.loads = 0
        self.told: asyncio.Queue[Profile | NekoError] = asyncio.Queue()
        self.refuse: NekoError | None = None
        self.loaded = asyncio.Event()
        self._name = name
        self._loop = asyncio.get_running_loop()
        self.watch = ProfileWatch(
            self.load,
            files.folder,
            current=files.load(name),
            on_change=self.on_change,
            on_error=self.told.put_nowait,
            interval=INTERVAL,
            settle=settle,
            grace=grace,
        )

    def load(self):
        try:
            return self.files.resolve(self._name)
        finally:
            self.loads += 1
            self._loop.call_soon_threadsafe(self.loaded.set)

    async def on_change(self, profile: Profile) -> None:
        self.told.put_nowait(profile)
        if self.refuse is not None:
            raise self.refuse

    async def next(self) -> Profile | NekoError:
        async with asyncio.timeout(PATIENCE):
            return await self.told.get()

    async def profile(self) -> Profile:
        told = await self.next()
        assert isinstance(told, Profile), told
        return told

    async def error(self) -> NekoError:
        told = await self.next()
        assert isinstance(told, NekoError), told
        return told

    async def looked_again(self) -> None:
        """The files were loaded once more."""
        async with asyncio.timeout(PATIENCE):
            self.loaded.clear()
            await self.loaded.wait()

    def nothing_more(self) -> None:
        assert self.told.empty(), self.told.get_nowait()


@pytest.fixture
def files(tmp_path: Path) -> ProfileFiles:
    folder = tmp_path / "profiles"
    folder.mkdir()
    return ProfileFiles(folder)


@asynccontextmanager
async def watching(files: ProfileFiles, name: str, **times: float) -> AsyncIterator[Watched]:
    watched = Watched(files, name, **times)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.watch.run())
        await watched.looked_again()
        yield watched
        task.cancel()


def named(name: str, extends: str = "default") -> str:
    return f'extends = "{extends}"\n[character]\nname = "{name}"\n'


def write(files: ProfileFiles, name: str, text: str) -> Path:
    path = files.folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    draft = path.with_suffix(".toml~")
    draft.write_text(text)
    draft.replace(path)


def deleted_and_made(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def old_one_kept(path: Path, text: str) -> None:
    """As vim does with ``backupcopy=no``."""
    path.replace(path.with_suffix(".bak"))
    path.write_text(text)


def same_size_and_time(path: Path, text: str) -> None:
    """As restoring a backup of the same length does."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("save", [in_place, by_rename, deleted_and_made, old_one_kept, same_size_and_time])
async def test_an_edit_is_told_however_it_is_written(
    files: ProfileFiles, save: Callable[[Path, str], None]
) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        save(path, named("Bob"))
        assert (await watched.profile()).character.name == "Bob"
        save(path, named("Eve"))
        profile = await watched.profile()
        assert profile.character.name == "Eve"
        assert profile.character.persona  # what it extends is still below it
        watched.nothing_more()


async def test_a_file_that_is_missing_or_empty_for_a_moment_is_not_believed(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine", grace=PATIENCE) as watched:
        path.unlink()
        await asyncio.sleep(SETTLE * 3)  # an editor at work: this is about time itself
        path.touch()
        await asyncio.sleep(SETTLE * 3)
        path.write_text(named("Bob"))
        assert (await watched.profile()).character.name == "Bob"
        watched.nothing_more()


async def test_a_file_that_is_written_piece_by_piece_is_read_when_it_is_whole(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    text = named("Bob") + 'greeting = "Say hello."\n'
    async with watching(files, "mine", settle=0.5) as watched:
        with path.open("w") as file:
            for letter in text:
                file.write(letter)
                file.flush()
                await asyncio.sleep(0.001)
        profile = await watched.profile()
        assert (profile.character.name, profile.character.greeting) == ("Bob", "Say hello.")
        watched.nothing_more()


async def test_a_save_that_changes_nothing_is_not_told(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        by_rename(path, named("Ada") + "\n# a remark\n")
        await watched.looked_again()
        by_rename(path, named("Bob"))
        assert (await watched.profile()).character.name == "Bob"
        watched.nothing_more()


async def test_files_that_do_not_change_are_not_read(files: ProfileFiles) -> None:
    write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        await watched.looked_again()  # once for the paths, once for what is in them
        loads = watched.loads
        await asyncio.sleep(INTERVAL * 10)  # ten looks: this is about time itself
        assert watched.loads == loads


async def test_what_it_extends_is_watched_too(files: ProfileFiles, tmp_path: Path) -> None:
    elsewhere = tmp_path / "base.toml"
    elsewhere.write_text('[voice]\nname = "a"\n')
    write(files, "middle", f'extends = "{elsewhere}"\n')
    write(files, "mine", named("Ada", extends="middle"))
    async with watching(files, "mine") as watched:
        elsewhere.write_text('[voice]\nname = "b"\n')
        assert (await watched.profile()).voice.name == "b"
        write(files, "middle", named("never", extends="default"))
        assert (await watched.profile()).voice.name == ""
        elsewhere.write_text('[voice]\nname = "c"\n')
        write(files, "mine", named("Eve"))
        assert (await watched.profile()).character.name == "Eve"
        watched.nothing_more()


async def test_a_profile_of_ones_own_comes_to_hide_the_bundled_one(files: ProfileFiles) -> None:
    async with watching(files, "default") as watched:
        path = write(files, "default", named("Mine"))
        assert (await watched.profile()).character.name == "Mine"
        path.unlink()
        assert (await watched.profile()).character.name == "Neko"


async def test_a_mistake_is_told_once_and_its_correction_is_taken(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        path.write_text("[character\n")
        error = await watched.error()
        assert isinstance(error, ConfigError)
        assert "mine.toml" in error.message
        for _ in range(3):
            await watched.looked_again()
        watched.nothing_more()
        path.write_text('[voice]\nspeed = "fast"\n')
        assert "voice.speed" in (await watched.error()).message
        # Back to what is in use: nothing to change.
        path.write_text(named("Ada"))
        await watched.looked_again()
        path.write_text(named("Bob"))
        assert (await watched.profile()).character.name == "Bob"
        watched.nothing_more()


async def test_a_base_that_is_missing_is_found_when_it_is_made(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        path.write_text(named("Bob", extends="base"))
        assert "'base'" in (await watched.error()).message
        write(files, "base", '[voice]\nname = "v"\n')
        profile = await watched.profile()
        assert (profile.character.name, profile.voice.name) == ("Bob", "v")


async def test_a_profile_that_is_deleted_goes_on_and_may_come_back(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        path.unlink()
        assert "no profile" in (await watched.error()).message
        path.write_text(named("Bob"))
        assert (await watched.profile()).character.name == "Bob"


async def test_an_edit_before_the_watch_began_is_told(files: ProfileFiles) -> None:
    write(files, "mine", named("Ada"))
    watched = Watched(files, "mine")
    write(files, "mine", named("Bob"))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.watch.run())
        assert (await watched.profile()).character.name == "Bob"
        task.cancel()


async def test_a_profile_that_the_session_refuses_is_told_and_the_watch_goes_on(files: ProfileFiles) -> None:
    path = write(files, "mine", named("Ada"))
    async with watching(files, "mine") as watched:
        watched.refuse = LinkError("No.")
        path.write_text(named("Bob"))
        assert (await watched.profile()).character.name == "Bob"
        assert await watched.error() is watched.refuse
        watched.refuse = None
        path.write_text(named("Eve"))
        assert (await watched.profile()).character.name == "Eve"
        watched.nothing_more()


async def test_a_profile_that_was_chosen_is_no_edit(files: ProfileFiles) -> None:
    write(files, "mine", named("Ada"))
    other = write(files, "other", named("Bob"))
    async with watching(files, "mine") as watched:
        watched._name = "other"
        watched.watch.adopt(files.load("other"))
        await watched.looked_again()
        await watched.looked_again()
        watched.nothing_more()
        other.write_text(named("Eve"))
        assert (await watched.profile()).character.name == "Eve"
        watched.nothing_more()


def test_what_tells_one_state_of_a_file_from_another(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    assert mark_of(path) == ()
    path.write_text("a")
    first = mark_of(path)
    assert mark_of(path) == first
    deleted_and_made(path, "b")
    assert mark_of(path) != first
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    assert mark_of(link) == mark_of(path)
