"""Installed ears and voices: a folder for each model, with a manifest that says what is in it.

Layout: ``MODELS/KIND/NAME/…`` and ``MODELS/KIND/NAME/manifest.json``. A model is put together in
``MODELS/.staging`` and moved to its place as a whole, so a folder that is there is complete.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.local.manifest import MANIFEST, InstalledModel, digest, load_installed, write_manifest
from neko_cli.local.models import (
    KNOWN,
    NEEDED,
    KnownModel,
    ModelFile,
    ModelKind,
    find_model,
    mirrored,
    split_key,
)
from neko_cli.services.archive import ARCHIVE_ENDS, SPARE_BYTES, is_archive, unpack
from neko_cli.services.download import Downloaded, Downloader

STAGING = ".staging"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are there, and the bytes in all when known."""


class ModelStore:
    """The models under one folder, which is created at the first installation."""

    def __init__(
        self,
        models_dir: Path,
        *,
        catalogue: Sequence[KnownModel] = KNOWN,
        endpoint: str = "",
        insecure: bool = False,
    ) -> None:
        """``endpoint`` is a mirror of the hub; ``insecure`` allows plain http to other machines."""
        self._root = models_dir
        self._catalogue = catalogue
        self._endpoint = endpoint
        self._insecure = insecure

    def installed(self) -> list[InstalledModel]:
        """All models with a readable manifest, by kind and name."""
        found = [
            model
            for kind in ModelKind
            for folder in sorted(_folders(self._root / kind.value))
            if (model := load_installed(kind, folder)) is not None
        ]
        return sorted(found, key=lambda model: model.key)

    def find(self, name: str) -> InstalledModel | None:
        """An installed model by ``kind:name`` or by a name that only one has."""
        found = [model for model in self.installed() if name in (model.key, model.name)]
        return found[0] if len(found) == 1 else None

    def remove(self, name: str) -> InstalledModel:
        """Delete an installed model; raises ConfigError when there is none of that name."""
        model = self.find(name)
        if model is None:
            keys = [one.key for one in self.installed()]
            hint = f"Installed: {', '.join(keys)}." if keys else "Nothing is installed."
            raise ConfigError(f"No installed model is called {name[:60]!r}.", hint=hint)
        try:
            # Moved away first: a folder in its place is always complete.
            grave = self._root / STAGING / f"removed-{model.kind.value}-{model.name}-{os.getpid()}"
            grave.parent.mkdir(parents=True, exist_ok=True)
            model.path.rename(grave)
            shutil.rmtree(grave)
        except OSError as error:
            raise NekoError(f"{model.key} cannot be removed: {error.strerror}.") from error
        return model

    async def install(
        self,
        source: str,
        *,
        kind: ModelKind | None = None,
        name: str = "",
        sha256: str = "",
        progress: Progress | None = None,
    ) -> InstalledModel:
        """Install from a name of the catalogue, a file or folder, or an address.

        ``kind`` and ``name`` are found out where they are not given. An installed model is returned as
        it is. ``sha256`` is the checksum of the single file or archive. Raises ConfigError, LinkError
        and what the download raises.
        """
        tell = progress or _quiet
        if "://" in source:
            return await self._from_url(source, kind, name, sha256, tell)
        path = await asyncio.to_thread(self._as_path, source)
        if path is not None:
            return await self._from_path(path, kind, name, sha256)
        model = find_model(source, self._catalogue)
        files = [
            msgspec.structs.replace(file, url=mirrored(file.url, self._endpoint)) for file in model.files
        ]
        if sha256:
            raise ConfigError("A checksum belongs to a file or an address, not to a name.")
        return await self._fetched(
            model.kind, name or model.name, files, f"name {model.key}", tell, archive=model.archive
        )

    def _as_path(self, source: str) -> Path | None:
        """The file or folder that is meant; a name of the catalogue goes before a file of that name."""
        known = any(source in (model.key, model.name) for model in self._catalogue)
        path = Path(source).expanduser()
        return path if _looks_like_path(source) or (path.exists() and not known) else None

    async def _from_url(
        self, url: str, kind: ModelKind | None, name: str, sha256: str, tell: Progress
    ) -> InstalledModel:
        file = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
        if not file or not re.fullmatch(r"[\w.+ -]{1,200}", file):
            raise ConfigError(
                "The address names no file.", hint="Give that of an archive or of an .onnx voice."
            )
        wanted = name or _stem(file)
        if is_archive(file):
            files = [ModelFile(file, url, sha256)]
            return await self._fetched(kind, wanted, files, _bare(url), tell, archive=True)
        if file.endswith(".onnx") and kind in (None, ModelKind.PIPER):
            parts = urlsplit(url)
            config = parts._replace(path=f"{parts.path}.json").geturl()
            files = [ModelFile(file, url, sha256), ModelFile(f"{file}.json", config)]
            return await self._fetched(ModelKind.PIPER, wanted, files, _bare(url), tell, archive=False)
        raise ConfigError(
            f"{file} is neither an archive nor a voice.",
            hint=f"Archives end in {', '.join(ARCHIVE_ENDS)}, voices in .onnx.",
        )

    async def _fetched(
        self,
        kind: ModelKind | None,
        name: str,
        files: Sequence[ModelFile],
        source: str,
        tell: Progress,
        *,
        archive: bool,
    ) -> InstalledModel:
        there = self._already(kind, name)
        if there is not None:
            return there
        async with self._staging(f"{kind.value if kind else 'any'}-{_checked_name(name)}") as staging:
            fetched = staging / "fetched"
            await asyncio.to_thread(fetched.mkdir, exist_ok=True)
            got: list[tuple[ModelFile, Downloaded]] = []
            downloader = Downloader(insecure=self._insecure)
            try:
                for file in files:
                    target = fetched / Path(file.path).name
                    if target.exists():  # fetched by a run that ended before the next file
                        got.append((file, await asyncio.to_thread(_as_downloaded, target)))
                        continue

                    def told(done: int, total: int | None, name: str = target.name) -> None:
                        tell(name, done, total)

                    got.append(
                        (file, await downloader.fetch(file.url, target, sha256=file.sha256, told=told))
                    )
            finally:
                await downloader.aclose()
            checked = all(file.sha256 for file, _ in got)
            return await asyncio.to_thread(
                self._assemble, staging, fetched, kind, name, source, checked=checked, archive=archive
            )

    async def _from_path(self, path: Path, kind: ModelKind | None, name: str, sha256: str) -> InstalledModel:
        if not await asyncio.to_thread(path.exists):
            raise ConfigError(f"There is no file or folder {str(path)[:200]!r}.")
        wanted = _checked_name(name or _stem(path.name))
        there = self._already(kind, wanted)
        if there is not None:
            return there
        async with self._staging(f"{kind.value if kind else 'any'}-{wanted}") as staging:
            return await asyncio.to_thread(self._copied, staging, path, kind, wanted, sha256)

    def _copied(
        self, staging: Path, path: Path, kind: ModelKind | None, name: str, sha256: str
    ) -> InstalledModel:
        if sha256:
            if not path.is_file():
                raise ConfigError("A checksum can be given for a single file or an archive alone.")
            if digest(path) != sha256.strip().lower():
                raise ConfigError(f"{path.name} is not the file that was expected: its checksum is wrong.")
        fetched = staging / "fetched"
        shutil.rmtree(fetched, ignore_errors=True)
        fetched.mkdir()
        archive = path.is_file() and is_archive(path.name)
        try:
            if path.is_dir():
                _fits(sum(file.stat().st_size for file in path.rglob("*") if file.is_file()), staging)
                shutil.copytree(path, fetched, dirs_exist_ok=True)
            else:
                wanted = [path]
                if path.suffix == ".onnx":
                    wanted.append(path.with_name(f"{path.name}.json"))
                elif not archive:
                    raise ConfigError(
                        f"{path.name} is neither an archive, a voice nor a folder.",
                        hint=f"Archives end in {', '.join(ARCHIVE_ENDS)}, voices in .onnx.",
                    )
                for file in wanted:
                    if not file.is_file():
                        raise ConfigError(f"{file.name} must lie beside the voice and is not there.")
                    _fits(file.stat().st_size, staging)
                    shutil.copyfile(file, fetched / file.name)
        except (OSError, shutil.Error) as error:
            raise NekoError(
                f"{path.name} cannot be copied: {getattr(error, 'strerror', None) or error}."
            ) from error
        source = f"path {path.absolute()}"
        return self._assemble(staging, fetched, kind, name, source, checked=bool(sha256), archive=archive)

    def _assemble(
        self,
        staging: Path,
        fetched: Path,
        kind: ModelKind | None,
        name: str,
        source: str,
        *,
        checked: bool,
        archive: bool,
    ) -> InstalledModel:
        """Unpack, examine, record and move to its place."""
        built = staging / "built"
        shutil.rmtree(built, ignore_errors=True)
        try:
            if archive:
                built.mkdir()
                unpack(next(file for file in fetched.iterdir() if is_archive(file.name)), built)
                content = _only_folder(built)
            else:
                content = fetched
            found = _examined(content, kind)
            there = self._already(found, name)
            if there is not None:
                return there
            write_manifest(content, found, name, source, checked=checked)
            target = self._root / found.value / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():  # without a good manifest, else it would have been found above
                shutil.rmtree(target)
            content.rename(target)
        except ConfigError:
            # A wrong file is not kept for the next try.
            shutil.rmtree(fetched, ignore_errors=True)
            raise
        except OSError as error:
            raise NekoError(f"{name} cannot be put into {self._root}: {error.strerror}.") from error
        loaded = load_installed(found, target)
        if loaded is None:
            raise NekoError(f"{name} was installed and cannot be read back.")
        return msgspec.structs.replace(loaded, fresh=True)

    def _already(self, kind: ModelKind | None, name: str) -> InstalledModel | None:
        if kind is not None:
            return load_installed(kind, self._root / kind.value / _checked_name(name))
        return None

    @asynccontextmanager
    async def _staging(self, name: str) -> AsyncIterator[Path]:
        """A folder to work in, for one process at a time; kept when the work breaks off."""
        folder = self._root / STAGING / name
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"The folder for models cannot be written: {error.strerror}.", hint=f"It is {self._root}."
            ) from error
        lock = await asyncio.to_thread(_lock, folder.with_name(f"{name}.lock"))
        try:
            yield folder
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        finally:
            os.close(lock)


def _lock(path: Path) -> int:
    """An open file that only one process has locked; raises ConfigError when another has it.

    The lock ends with the process, so a crash leaves none behind. Windows has no ``fcntl``: there
    two installations of one model at once are not kept apart.
    """
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl
    except ImportError:
        return number
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise ConfigError("This model is being installed by another process.") from None
    return number


def _quiet(name: str, done: int, total: int | None) -> None:
    """Tells nobody."""


def _looks_like_path(source: str) -> bool:
    return (
        source.startswith((".", "/", "~"))
        or os.sep in source
        or is_archive(source)
        or source.endswith(".onnx")
    )


def _stem(file: str) -> str:
    """A name for the model from a file's name; ``sherpa:`` models are named without their prefix."""
    low = file.lower()
    ending = next((end for end in (*ARCHIVE_ENDS, ".onnx") if low.endswith(end)), "")
    return (
        file[: len(file) - len(ending)].removeprefix("sherpa-onnx-").removeprefix("faster-whisper-") or file
    )


def _checked_name(name: str) -> str:
    parts = split_key(name)
    bare = parts[1] if parts else name
    if not _NAME.fullmatch(bare) or bare in (MANIFEST,):
        raise ConfigError(
            f"{bare[:60]!r} cannot be a model's name.",
            hint="Use letters, digits, dots and dashes: --name NAME.",
        )
    return bare


def _bare(url: str) -> str:
    """An address without its query, which may hold a token."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _only_folder(folder: Path) -> Path:
    """Archives usually hold one folder; then that is the model."""
    inside = list(folder.iterdir())
    return _only_folder(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder


def _examined(folder: Path, kind: ModelKind | None) -> ModelKind:
    """What kind of model the folder holds; raises ConfigError when something is missing."""
    kinds = [kind] if kind is not None else [ModelKind.WHISPER, ModelKind.PIPER, ModelKind.SHERPA]
    missing = ""
    for one in kinds:
        lacking = [
            group[0] for group in NEEDED[one] if not any(any(folder.glob(pattern)) for pattern in group)
        ]
        if not lacking:
            return one
        missing = f"{lacking[0]} is missing"
    what = f"a {kind.value} model: {missing}" if kind else "a model of whisper, piper or sherpa-onnx"
    raise ConfigError(f"This is not {what}.", hint="Its files must lie together in one folder.")


def _fits(size: int, folder: Path) -> None:
    if size > shutil.disk_usage(folder).free - SPARE_BYTES:
        raise NekoError(f"There is not enough room on the disk ({size / 1e6:,.0f} MB needed).")


def _as_downloaded(path: Path) -> Downloaded:
    return Downloaded(path, path.stat().st_size, digest(path))


def _folders(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if path.is_dir()]
    except OSError:
        return []
