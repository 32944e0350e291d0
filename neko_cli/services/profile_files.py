"""Finds profiles by name or path, follows ``extends``, and tells mistakes with file, key and line.

The user's own folder comes first, then the profiles that are bundled with neko. A user's profile
may have the name of a bundled one and extend it: its own name then means the bundled one.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import Profile, merge, parse

DEFAULT = "default"
SUFFIX = ".toml"
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class ProfileFile(msgspec.Struct, frozen=True):
    """One profile file; ``path`` is for showing, and ``bundled`` says that it came with neko."""

    name: str
    path: str
    bundled: bool


class Loaded(msgspec.Struct, frozen=True):
    """A profile with everything that it extends; ``files`` begins with the one asked for."""

    profile: Profile
    files: tuple[ProfileFile, ...]


class ProfileFiles:
    """The profiles that this user has."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the user's own; it need not exist."""
        self.folder = folder

    def all(self) -> list[ProfileFile]:
        """All profiles by name; a user's one hides a bundled one of the same name."""
        found = {file.name: file for file in self._bundled()}
        found.update({file.name: file for file in self._own()})
        return sorted(found.values(), key=lambda file: (file.name != DEFAULT, file.name))

    def find(self, name: str, *, relative_to: str = "", skip_own: bool = False) -> ProfileFile:
        """The file for a name, or for a path (which has a separator or ends in ``.toml``).

        Args:
            name: what the user wrote.
            relative_to: the file that a relative path in ``extends`` starts from.
            skip_own: look among the bundled ones alone.

        Raises:
            ConfigError: there is none; names that are like it are given.
        """
        if "/" in name or "\\" in name or name.endswith(SUFFIX):
            path = Path(name).expanduser()
            if relative_to and not path.is_absolute():
                path = Path(relative_to).parent / path
            if not path.is_file():
                raise ConfigError(f"There is no profile file {path}.", hint=_LIST_HINT)
            return ProfileFile(path.name.removesuffix(SUFFIX), str(path), bundled=False)
        candidates = [] if skip_own else self._own()
        for file in (*candidates, *self._bundled()):
            if file.name == name:
                return file
        names = [file.name for file in self.all()]
        near = difflib.get_close_matches(name, names, 1)
        guess = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(names)}."
        raise ConfigError(f"There is no profile {name!r}.{guess}", hint=_LIST_HINT)

    def load(self, name: str = DEFAULT) -> Profile:
        """A whole profile; see :meth:`resolve`."""
        return self.resolve(name).profile

    def resolve(self, name: str = DEFAULT) -> Loaded:
        """A profile, validated, with all that it extends laid under it.

        Raises:
            ConfigError: not found, not readable, TOML or key mistakes, a circle of ``extends``.
        """
        file = self.find(name or DEFAULT)
        chain: list[ProfileFile] = []
        tables: list[Mapping[str, Any]] = []
        while True:
            if any(same_file(file, earlier) for earlier in chain):
                circle = " → ".join([*(each.name for each in chain), file.name])
                raise ConfigError(f"{chain[-1].path}: profiles extend one another in a circle: {circle}.")
            if len(chain) >= MAX_DEPTH:
                raise ConfigError(f"{file.path}: more than {MAX_DEPTH} profiles extend one another.")
            data = read(file)
            own = parse(data, file.path)
            chain.append(file)
            tables.append(data)
            if not own.extends:
                break
            file = self._parent(own.extends, file)
        merged: dict[str, Any] = {}
        for data in reversed(tables):
            merged = merge(merged, data)
        merged["extends"] = tables[0].get("extends", "")
        merged["title"] = tables[0].get("title", "")
        return Loaded(parse(merged, chain[0].path), tuple(chain))

    def _parent(self, extends: str, file: ProfileFile) -> ProfileFile:
        try:
            return self.find(
                extends,
                relative_to="" if file.bundled else file.path,
                skip_own=file.bundled or extends == file.name,
            )
        except ConfigError as error:
            raise ConfigError(f"{file.path}: extends: {error.message}", hint=error.hint) from None

    def _own(self) -> list[ProfileFile]:
        try:
            paths = sorted(self.folder.glob(f"*{SUFFIX}"))
        except OSError:
            return []
        return [ProfileFile(path.stem, str(path), bundled=False) for path in paths if path.is_file()]

    @staticmethod
    def _bundled() -> list[ProfileFile]:
        return [
            ProfileFile(entry.name.removesuffix(SUFFIX), str(entry), bundled=True)
            for entry in sorted(bundled_folder().iterdir(), key=lambda entry: entry.name)
            if entry.name.endswith(SUFFIX)
        ]


_LIST_HINT = "`neko profiles list` shows what there is."


def bundled_folder() -> Traversable:
    """Where the bundled profiles are, also inside a zipped installation."""
    return resources.files("neko_cli") / "profiles"


def same_file(one: ProfileFile, other: ProfileFile) -> bool:
    """Whether two are the same file."""
    if one.bundled or other.bundled:
        return one.bundled == other.bundled and one.name == other.name
    return Path(one.path).resolve() == Path(other.path).resolve()


def read_text(file: ProfileFile) -> str:
    """The file's text; raises ConfigError."""
    try:
        if file.bundled:
            return (bundled_folder() / f"{file.name}{SUFFIX}").read_text(encoding="utf-8")
        path = Path(file.path)
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{file.path} is over {MAX_BYTES // 1024} KiB, too long for a profile.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file.path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file.path} is not UTF-8 text (byte {error.start}).") from error


def read(file: ProfileFile) -> dict[str, Any]:
    """The file's tables; raises ConfigError with the line of a mistake."""
    return decode(read_text(file), file.path)


def decode(text: str, source: str) -> dict[str, Any]:
    """TOML text as tables; raises ConfigError with the line of a mistake."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = str(error)
        raise ConfigError(
            f"{source} is not valid TOML: {what[:1].lower()}{what[1:]}.",
            hint='Texts stand in quotes: name = "Neko"; tables in brackets: [character].',
        ) from None
    except RecursionError:
        raise ConfigError(f"{source} is nested too deeply.") from None


def check_name(name: str) -> str:
    """A name that can be a file's; raises ConfigError."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be a profile's name: use letters, digits, - and _ (at most 64).")
    return name
