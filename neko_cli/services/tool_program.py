"""What is started when a tool is a program: its file, its folder, its environment.

The environment holds what any program needs and what the profile names; keys of providers are not among
it unless they are named.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from neko_cli.core.errors import ToolError
from neko_cli.core.text import one_line

_HARMLESS = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TMPDIR", "TZ",
})  # fmt: skip
_HARMLESS_PREFIXES = ("LC_", "XDG_")
_HARMLESS_WINDOWS = frozenset({
    "APPDATA", "COMSPEC", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "NUMBER_OF_PROCESSORS", "PATHEXT",
    "PROCESSOR_ARCHITECTURE", "PROGRAMDATA", "PROGRAMFILES", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP",
    "USERNAME", "USERPROFILE", "WINDIR",
})  # fmt: skip


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile says about a program: arguments, names of variables that it gets, where it runs."""

    run: tuple[str, ...]
    env: tuple[str, ...] = ()
    folder: str = ""


class Start(msgspec.Struct, frozen=True):
    """A program that was found, ready to be started; ``folder`` is None for the one we are in."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: str | None


def tool_environment(
    given: Mapping[str, str], names: Iterable[str] = (), *, windows: bool = os.name == "nt"
) -> dict[str, str]:
    """What a tool gets of our environment: the harmless variables, and those with these names."""
    wanted = {name.upper() for name in names} if windows else set(names)
    harmless = _HARMLESS | _HARMLESS_WINDOWS if windows else _HARMLESS
    chosen = {}
    for name, value in given.items():
        key = name.upper() if windows else name
        if key in harmless or key in wanted or key.startswith(_HARMLESS_PREFIXES):
            chosen[name] = value
    return chosen


def prepare(what: str, program: Program, given: Mapping[str, str] | None = None) -> Start:
    """Find the program and its folder; ``what`` begins the sentence of an error (``The tool "dice"``).

    ``given`` is our environment, for tests. Raises ToolError, permanent, when something is missing.
    """
    environment = tool_environment(os.environ if given is None else given, program.env)
    folder = Path(program.folder).expanduser() if program.folder else None
    if folder is not None and not folder.is_dir():
        raise ToolError(
            f"{what} cannot run: there is no folder {_shown(str(folder))}.",
            hint="Correct `folder` in the profile.",
            permanent=True,
        )
    first, *others = program.run
    found = _find(first, folder, environment.get("PATH", os.defpath))
    if found is None:
        raise ToolError(
            f"{what} cannot run: {_why_not(first, folder)}.",
            hint="Correct `run` in the profile, or install the program.",
            permanent=True,
        )
    return Start((found, *others), environment, None if folder is None else str(folder))


def _shown(name: str) -> str:
    return f"“{one_line(name, 100)}”"


def _place(name: str, folder: Path | None) -> Path | None:
    """Where a program is that was not given by its bare name."""
    path = Path(name).expanduser()
    if not any(mark in name for mark in (os.sep, os.altsep) if mark):
        return None
    return path if folder is None else folder / path


def _find(name: str, folder: Path | None, path: str) -> str | None:
    place = _place(name, folder)
    if place is None:
        return shutil.which(name, path=path)
    # The system takes a relative name from the folder in which the program is to run.
    return shutil.which(str(place.absolute()))


def _why_not(name: str, folder: Path | None) -> str:
    place = _place(name, folder)
    if place is not None and place.is_dir():
        return f"{_shown(name)} is a folder"
    if place is not None and place.exists():
        return f"{_shown(name)} is not executable"
    return f"the program {_shown(name)} was not found"
