"""What is recorded about an installed model: the manifest in its folder."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from neko_cli.local.models import ModelKind

MANIFEST = "manifest.json"


class StoredFile(msgspec.Struct, frozen=True):
    """A file of an installed model, as it was at installation."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded about an installed model. ``checked`` tells that a known checksum was right."""

    kind: ModelKind
    name: str
    source: str
    installed: str
    checked: bool
    files: tuple[StoredFile, ...]


class InstalledModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be loaded from ``path``; ``fresh`` tells that it was just installed."""

    kind: ModelKind
    name: str
    path: Path
    size: int
    source: str
    checked: bool
    fresh: bool = False

    @property
    def key(self) -> str:
        """``whisper:base``, as in a profile."""
        return f"{self.kind.value}:{self.name}"


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, kind: ModelKind, name: str, source: str, *, checked: bool) -> None:
    """Record what lies in a folder, with sizes and checksums; raises OSError."""
    files = tuple(
        StoredFile(file.relative_to(folder).as_posix(), file.stat().st_size, digest(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    )
    now = datetime.now(tz=UTC).isoformat(timespec="seconds")
    manifest = Manifest(kind=kind, name=name, source=source, installed=now, checked=checked, files=files)
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(data)


def load_installed(kind: ModelKind, folder: Path) -> InstalledModel | None:
    """What a folder's manifest says; None without a readable one."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None
    return InstalledModel(
        kind=kind,
        name=folder.name,
        path=folder,
        size=sum(file.size for file in manifest.files),
        source=manifest.source,
        checked=manifest.checked,
    )
