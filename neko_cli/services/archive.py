"""Unpacks tar and zip files from outside: no path out of the folder, no links, bounded sizes.

Sizes are counted while reading, never taken from the archive's own headers.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from neko_cli.core.errors import ConfigError, NekoError

ARCHIVE_ENDS = (".tar.bz2", ".tar.gz", ".tar.xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip")
"""Names that are taken for archives."""

MAX_FILES = 10_000
MAX_BYTES = 16 * 1024**3
"""What an archive may unpack to; the largest speech models are about 6 GB."""

SPARE_BYTES = 64 * 1024**2
"""Room that is left free on the disk."""

_BLOCK = 1 << 20


def is_archive(name: str) -> bool:
    """Whether a file name ends like an archive's."""
    return name.lower().endswith(ARCHIVE_ENDS)


def unpack(archive: Path, into: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> int:
    """Unpack into a folder that exists and is ours; returns the bytes written.

    Links and devices are left out; a path that leads out of the folder refuses the whole archive.
    Raises ConfigError for a bad archive and NekoError when the disk is too small.
    """
    room = min(max_bytes, shutil.disk_usage(into).free - SPARE_BYTES)
    total = count = 0
    try:
        for name, source in _members(archive):
            count += 1
            if count > max_files:
                raise ConfigError(f"{archive.name} holds more than {max_files} files.")
            target = into.joinpath(*_safe_parts(name, archive))
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("xb") as out:
                while block := source.read(_BLOCK):
                    total += len(block)
                    if total > room:
                        raise _too_large(archive, room, max_bytes)
                    out.write(block)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ConfigError(f"{archive.name} is damaged or no archive ({type(error).__name__}).") from error
    except FileExistsError:
        raise ConfigError(f"{archive.name} holds the same file twice.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(f"{archive.name} cannot be unpacked: {reason}.") from error
    return total


def _too_large(archive: Path, room: int, max_bytes: int) -> NekoError:
    if room < max_bytes:
        return NekoError(
            f"There is not enough room on the disk to unpack {archive.name}.", hint="Make room first."
        )
    return ConfigError(f"{archive.name} unpacks to more than {max_bytes:,} bytes.")


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Regular files with their names, one after another."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                # The upper half of external_attr holds Unix mode bits: 0o120000 is a link.
                if not info.is_dir() and (info.external_attr >> 28) != 0o12:
                    yield info.filename, zipped.open(info)
        return
    with tarfile.open(archive, mode="r:*") as tarred:
        for member in tarred:
            source = tarred.extractfile(member) if member.isreg() else None
            if source is not None:
                yield member.name, source


def _safe_parts(name: str, archive: Path) -> tuple[str, ...]:
    """Steps of a path that stays inside; raises ConfigError for any other."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = tuple(part for part in path.parts if part != ".")
    bad = (
        not parts or path.is_absolute() or any(part == ".." or ":" in part or "\0" in part for part in parts)
    )
    if bad:
        raise ConfigError(f"{archive.name} holds a path that leads out of its folder; it is not unpacked.")
    return parts
