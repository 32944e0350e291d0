"""``neko local``: better ears and voices for the embedded engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neko_cli.cli.groups import CONTEXT, examples
from neko_cli.cli.interrupts import run_async

if TYPE_CHECKING:
    from neko_cli.local.manifest import InstalledModel
    from neko_cli.local.models import ModelKind
    from neko_cli.local.store import ModelStore, Progress

local_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=CONTEXT,
    help="Better ears and voices for the embedded engine: list, install, remove.",
    epilog=examples(
        "neko local list",
        "neko local install whisper:base",
        "neko local install voice.onnx --kind piper --name mio",
    ),
)
app = local_app

_MODELS_DIR = typer.Option("--models-dir", metavar="DIR", hidden=True, show_default=False)


@local_app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    models_dir: Annotated[str, _MODELS_DIR] = "",
) -> None:
    """Show what is installed and what can be installed by name."""
    from neko_cli.local.models import KNOWN

    installed = _store(models_dir).installed()
    if as_json:
        typer.echo(_as_json(installed))
        return
    there = {model.key for model in installed}
    typer.echo("Installed:" if installed else "Installed: nothing yet.")
    for model in installed:
        unchecked = "" if model.checked else "  (no checksum was known; recorded at installation)"
        typer.echo(f"  {model.key:<58} {_size(model.size):>8}{unchecked}")
    typer.echo("Available (neko local install NAME):")
    for known in KNOWN:
        if known.key not in there:
            typer.echo(f"  {known.key:<58} {known.about_mb:>5} MB  {known.title} ({known.language})")


@local_app.command("install")
def install(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE|FOLDER|ADDRESS", help="A name from the list, or where the model is."
        ),
    ],
    name: Annotated[str, typer.Option("--name", help="How to call it.", show_default=False)] = "",
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="whisper, sherpa or piper.", show_default=False)
    ] = "",
    sha256: Annotated[
        str,
        typer.Option("--sha256", metavar="HEX", help="Checksum that the file must have.", show_default=False),
    ] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow http:// to other machines.")] = False,
    models_dir: Annotated[str, _MODELS_DIR] = "",
) -> None:
    """Install a model by name, from a file or folder, or an address; goes on where it broke off."""
    store = _store(models_dir, insecure=insecure)
    wanted = _kind(kind)
    if sha256 and (
        len(sha256.strip()) != 64 or any(char not in "0123456789abcdef" for char in sha256.strip().lower())
    ):
        raise typer.BadParameter("a SHA-256 checksum has 64 hexadecimal digits", param_hint="--sha256")
    with _progress() as progress:
        model = run_async(store.install(source, kind=wanted, name=name, sha256=sha256, progress=progress))
    if not model.fresh:
        _tell(f"{model.key} is installed already.")
        return
    _tell(f"Installed {model.key} ({_size(model.size)}).")
    if not model.checked:
        _tell("No checksum was known for it; what was installed is recorded in its manifest.")
    table = "synthesiser" if model.kind.value == "piper" else "recogniser"
    _tell(f'Use it with {table} = "{model.key}" under [local] in a profile.')
    _tell(f"It is loaded by an extra of its own: pip install 'neko-cli[{model.kind.value}]'")


@local_app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed model.")],
    models_dir: Annotated[str, _MODELS_DIR] = "",
) -> None:
    """Delete an installed model."""
    model = _store(models_dir).remove(name)
    _tell(f"Removed {model.key} ({_size(model.size)}).")


def _store(models_dir: str, *, insecure: bool = False) -> ModelStore:
    from neko_cli.local.store import ModelStore
    from neko_cli.services.folders import Folders

    folder = Path(models_dir) if models_dir else Folders.find().models
    return ModelStore(folder, endpoint=os.environ.get("HF_ENDPOINT", ""), insecure=insecure)


def _kind(text: str) -> ModelKind | None:
    from neko_cli.local.models import ModelKind

    if not text:
        return None
    try:
        return ModelKind(text)
    except ValueError:
        raise typer.BadParameter("choose whisper, sherpa or piper", param_hint="--kind") from None


def _as_json(installed: list[InstalledModel]) -> str:
    import msgspec

    from neko_cli.local.models import KNOWN

    there = {model.key for model in installed}
    value: dict[str, Any] = {
        "installed": [
            {
                "name": model.key,
                "kind": model.kind.value,
                "path": str(model.path),
                "bytes": model.size,
                "source": model.source,
                "checked": model.checked,
            }
            for model in installed
        ],
        "available": [
            {
                "name": known.key,
                "kind": known.kind.value,
                "title": known.title,
                "language": known.language,
                "about_mb": known.about_mb,
            }
            for known in KNOWN
            if known.key not in there
        ],
    }
    return msgspec.json.encode(value).decode()


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; else a line for every tenth."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def tell(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(_plain(name), total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield tell


class _Lines:
    """Progress as plain lines, one for every tenth of a file that is larger than 1 MB."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if not total or total < 1_000_000:
            return
        tenth = done * 10 // total
        if tenth > self._said.get(name, 0):
            self._said[name] = tenth
            _tell(f"{name}: {tenth * 10} % of {_size(total)}")


def _size(count: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def _plain(text: str) -> str:
    from neko_cli.core.text import one_line

    return one_line(text)


def _tell(text: str) -> None:
    """A notice: on standard error, since standard output is for data."""
    typer.echo(_plain(text), err=True)
