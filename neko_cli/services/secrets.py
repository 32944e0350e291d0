"""API keys: the environment first, then the system's keyring, else a file of the owner alone.

Names are those of the environment variables (``OPENAI_API_KEY``), wherever a key is kept. The file
is used only where there is no keyring, and whoever stores a key is told so.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.services.folders import write_private

SERVICE = "neko"
MAX_KEY = 4096
FILE = "keys.json"


class Place(StrEnum):
    """Where a key is."""

    ENVIRONMENT = "environment"
    KEYRING = "keyring"
    FILE = "file"


class StoredKey(msgspec.Struct, frozen=True):
    """That there is a key; ``tail`` is its last four characters, enough to tell two apart."""

    name: str
    place: Place
    tail: str


class Keyring(Protocol):
    """The three calls of the ``keyring`` package that we use."""

    def get_password(self, service: str, name: str, /) -> str | None:
        """The key, None when there is none."""
        ...

    def set_password(self, service: str, name: str, value: str, /) -> None:
        """Keep a key."""
        ...

    def delete_password(self, service: str, name: str, /) -> None:
        """Remove a key; raises when there is none."""
        ...


def system_keyring() -> Keyring | None:
    """The system's keyring; None where the extra is missing or the system has none."""
    try:
        import keyring  # an extra, and 60 ms: only when the environment has no key
        from keyring.backends import fail, null
    except ImportError:
        return None
    try:
        backend: Any = keyring.get_keyring()
    except Exception:  # a broken backend raises what it likes; then there is no keyring
        return None
    if isinstance(backend, fail.Keyring | null.Keyring) or not getattr(backend, "priority", 0):
        return None
    if type(backend).__module__.startswith("keyrings.alt"):
        return None  # plain files under another name
    found: Keyring = backend
    return found


class Keys:
    """The key store (core's ``KeyStore``)."""

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        keyring: Keyring | None = None,
        look_for_keyring: bool = True,
    ) -> None:
        """``folder`` is the configuration folder; ``keyring`` replaces the system's, for tests."""
        self._path = folder / FILE
        self._environment = os.environ if environment is None else environment
        self._keyring = keyring
        self._look = look_for_keyring and keyring is None

    def find(self, names: Sequence[str]) -> str:
        """The first key under one of the names: all of the environment first; empty when none."""
        for name in names:
            if value := self._environment.get(name, "").strip():
                return value
        for name in names:
            if value := self._kept(name)[0]:
                return value
        return ""

    def where(self, names: Sequence[str]) -> StoredKey | None:
        """Where :meth:`find` finds a key; None when it finds none."""
        for name in names:
            if value := self._environment.get(name, "").strip():
                return StoredKey(name, Place.ENVIRONMENT, tail(value))
        for name in names:
            value, place = self._kept(name)
            if value:
                return StoredKey(name, place, tail(value))
        return None

    def set(self, name: str, value: str) -> Place:
        """Keep a key; returns where.

        Raises:
            ConfigError: it is no key, or cannot be written.
        """
        value = value.strip()
        if not value:
            raise ConfigError("The key is empty.")
        if len(value) > MAX_KEY or not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigError(
                "That does not look like a key: keys are one word of letters, digits and signs.",
                hint="Copy it again from the provider's page, without quotes or line breaks.",
            )
        backend = self._backend()
        if backend is not None:
            try:
                backend.set_password(SERVICE, name, value)
            except Exception as error:  # backends raise their own kinds (locked, no session bus)
                raise ConfigError(
                    f"The system's keyring did not take the key ({type(error).__name__}).",
                    hint=f"Unlock it, or set {name} in the environment.",
                ) from None
            with contextlib.suppress(ConfigError):
                self._forget_in_file(name)
            return Place.KEYRING
        kept = self._read_file()
        kept[name] = value
        write_private(self._path, msgspec.json.format(msgspec.json.encode(kept), indent=2))
        return Place.FILE

    def remove(self, name: str) -> list[Place]:
        """Forget a key; returns where one was. The environment is not ours to change."""
        places = []
        backend = self._backend()
        if backend is not None and self._from_keyring(backend, name):
            try:
                backend.delete_password(SERVICE, name)
            except Exception as error:  # see set
                raise ConfigError(
                    f"The system's keyring did not remove the key ({type(error).__name__})."
                ) from None
            places.append(Place.KEYRING)
        if self._forget_in_file(name):
            places.append(Place.FILE)
        return places

    @property
    def place(self) -> Place:
        """Where :meth:`set` would keep a key."""
        return Place.FILE if self._backend() is None else Place.KEYRING

    @property
    def file(self) -> Path:
        """The file that is used where there is no keyring."""
        return self._path

    def _backend(self) -> Keyring | None:
        if self._look:
            self._look = False
            self._keyring = system_keyring()
        return self._keyring

    def _kept(self, name: str) -> tuple[str, Place]:
        backend = self._backend()
        if backend is not None and (value := self._from_keyring(backend, name)):
            return value, Place.KEYRING
        return self._read_file().get(name, ""), Place.FILE

    def _from_keyring(self, backend: Keyring, name: str) -> str:
        try:
            return (backend.get_password(SERVICE, name) or "").strip()
        except Exception:  # a locked keyring is like an empty one; the missing key is told later
            return ""

    def _read_file(self) -> dict[str, str]:
        """Keys in the file; raises ConfigError when others can read it, or it is damaged."""
        try:
            mode = self._path.stat().st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(
                    f"{self._path} can be read by others, so its keys are not used.",
                    hint=f"chmod 600 {self._path} after making sure that nobody copied it.",
                )
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read: {error.strerror}.") from error
        try:
            return msgspec.json.decode(data, type=dict[str, str])
        except msgspec.MsgspecError:
            # The decoder's message could quote what it read.
            raise ConfigError(f"{self._path} is damaged.", hint="Remove it and set the keys again.") from None

    def _forget_in_file(self, name: str) -> bool:
        kept = self._read_file()
        if name not in kept:
            return False
        del kept[name]
        if kept:
            write_private(self._path, msgspec.json.format(msgspec.json.encode(kept), indent=2))
        else:
            self._path.unlink(missing_ok=True)
        return True


def tail(value: str) -> str:
    """The last four characters; nothing of a short key, where they would give too much away."""
    return value[-4:] if len(value) >= 16 else ""
