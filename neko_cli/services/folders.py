"""Where neko keeps its files: one place by ``NEKO_HOME``, else the platform's own folders.

Nothing is created before it is needed, and what is created belongs to its owner alone (0700).
Without a usable home, what may be lost (state, log, sockets) goes to a private temporary folder;
configuration and models are then read where possible, and writing them is an error that says so.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from neko_cli.core.errors import ConfigError

APP = "neko"
PRIVATE = 0o700


class Folders:
    """The five folders. ``config`` and ``data`` may not exist; see :func:`prepare`."""

    def __init__(self, base: Mapping[str, Path], temporary: Callable[[], Path]) -> None:
        """``base`` maps config, data, state, log and run to where each would like to be."""
        self._base = base
        self._temporary = temporary
        self._made: dict[str, Path] = {}
        self.notice = ""
        """Why a temporary folder is used; empty while none is."""

    @classmethod
    def find(cls, environment: Mapping[str, str] | None = None) -> Folders:
        """The folders for this user; never fails."""
        env = os.environ if environment is None else environment
        if home := env.get("NEKO_HOME", "").strip():
            root = Path(home).expanduser().absolute()
            return cls({name: root / name for name in _NAMES}, private_temporary)
        return cls(_usual(env), private_temporary)

    @property
    def config(self) -> Path:
        """Profiles and keys; not created."""
        return self._base["config"]

    @property
    def profiles(self) -> Path:
        """The user's own profiles; not created."""
        return self.config / "profiles"

    @property
    def data(self) -> Path:
        """Models; not created."""
        return self._base["data"]

    @property
    def models(self) -> Path:
        """Better ears and voices; not created."""
        return self.data / "models"

    @property
    def state(self) -> Path:
        """What is remembered between runs; created at the first look."""
        return self._created("state")

    @property
    def log(self) -> Path:
        """Logs; created at the first look."""
        return self._created("log")

    @property
    def run(self) -> Path:
        """Sockets and tokens of running programs; created at the first look."""
        return self._created("run")

    def _created(self, name: str) -> Path:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Path:
        wanted = self._base[name]
        try:
            make_private(wanted)
            if os.access(wanted, os.W_OK | os.X_OK):
                return wanted
            reason = "it cannot be written"
        except OSError as error:
            reason = error.strerror or type(error).__name__
        folder = self._temporary() / name
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if name != "run":  # a missing run folder is usual outside a desktop, and nothing is lost
            self.notice = f"{wanted} cannot be used ({reason}); what is remembered goes to {folder.parent}."
        return folder


_NAMES = ("config", "data", "state", "log", "run")


def _usual(env: Mapping[str, str]) -> dict[str, Path]:
    """The platform's own places; without any home, one in the temporary folder."""
    from platformdirs import PlatformDirs

    dirs = PlatformDirs(APP, appauthor=False)
    base = {}
    for name in ("config", "data", "state", "log"):
        try:
            base[name] = Path(getattr(dirs, f"user_{name}_dir"))
        except RuntimeError:  # no HOME, and no entry for this user
            base[name] = Path(tempfile.gettempdir()) / f"{APP}-no-home" / name
    # Not asked of platformdirs, which warns on standard error where there is none.
    runtime = env.get("XDG_RUNTIME_DIR", "")
    base["run"] = Path(runtime) / APP if runtime else base["state"] / "run"
    return base


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents for the owner alone; raises OSError."""
    missing = []
    at = folder
    while not at.exists():
        missing.append(at)
        if at.parent == at:
            break
        at = at.parent
    for path in reversed(missing):
        path.mkdir(mode=PRIVATE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, "it is not a folder", str(folder))


def prepare(folder: Path) -> Path:
    """Make sure that a folder is there and can be written.

    Raises:
        ConfigError: one sentence with the reason.
    """
    try:
        make_private(folder)
    except OSError as error:
        raise ConfigError(
            f"The folder {folder} cannot be made: {error.strerror or type(error).__name__}.",
            hint="NEKO_HOME names another place for everything that neko keeps.",
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"The folder {folder} cannot be written.",
            hint="NEKO_HOME names another place for everything that neko keeps.",
        )
    return folder


def private_temporary() -> Path:
    """A folder of this user alone in the system's temporary folder, the same in every run.

    One that somebody else made in advance is not trusted: then a fresh one is made.
    """
    root = Path(tempfile.gettempdir())
    who = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = root / f"{APP}-{who}"
    try:
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix=f"{APP}-"))
    ours = not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == PRIVATE
    )
    if stat.S_ISDIR(found.st_mode) and ours:
        return folder
    return Path(tempfile.mkdtemp(prefix=f"{APP}-"))


def write_private(path: Path, data: bytes) -> None:
    """Replace a file as a whole, readable by its owner alone: a crash leaves the old or the new.

    A link stays a link: what it points at is replaced.

    Raises:
        ConfigError: it cannot be written, or it is no file (a device would be replaced by one).
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} cannot be written: it is not a file.")
    prepare(path.parent)
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
