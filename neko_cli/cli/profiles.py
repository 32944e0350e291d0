"""``neko profiles``: characters and their settings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neko_cli.cli.exits import Exit, tell
from neko_cli.cli.groups import CONTEXT, examples, with_default
from neko_cli.cli.interrupts import interruptible
from neko_cli.cli.options import AsJson
from neko_cli.core.errors import ConfigError, NekoError

if TYPE_CHECKING:
    from neko_cli.core.profile import ProviderTable
    from neko_cli.services.profile_files import ProfileFiles

app = typer.Typer(
    cls=with_default("list"),
    rich_markup_mode=None,
    add_completion=False,
    context_settings=CONTEXT,
    help="Characters and their settings: TOML files, your own and those that come with neko.",
    epilog=examples("neko profiles new mio", "neko profiles edit mio", "neko chat --profile mio"),
)


def complete_profile(incomplete: str) -> list[str]:
    """Names of profiles for the shell's completion."""
    return [file.name for file in _files().all() if file.name.startswith(incomplete)]


Name = Annotated[
    str, typer.Argument(metavar="[NAME|FILE]", help="A profile.", autocompletion=complete_profile)
]


@app.command("list")
def list_profiles(json: AsJson = False) -> None:
    """The profiles there are."""
    files = _files()
    rows = []
    for file in files.all():
        try:
            title = files.load(file.name).title
            problem = ""
        except ConfigError as error:
            title, problem = "", error.message
        rows.append(
            {
                "name": file.name,
                "title": title,
                "bundled": file.bundled,
                "path": file.path,
                "problem": problem,
            }
        )
    if json:
        _json(rows)
        return
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        whose = "comes with neko" if row["bundled"] else "yours"
        _out(f"{row['name']:<{width}}  {row['problem'] or row['title'] or '-'}  ({whose})")


@app.command()
def show(name: Name = "default", json: AsJson = False) -> None:
    """A whole profile, with everything that it extends and all defaults."""
    import msgspec

    loaded = _files().resolve(name)
    fields: dict[str, Any] = msgspec.to_builtins(loaded.profile)
    if json:
        _json(fields)
        return
    import tomlkit  # 30 ms, for this command alone

    for place, file in enumerate(loaded.files):
        _out(f"# {'extends ' if place else ''}{file.path}")
    del fields["extends"]
    _out(tomlkit.dumps(fields).rstrip("\n"))


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new profile's name.")],
    extends: Annotated[
        str, typer.Option("--extends", metavar="P", help="What it takes everything else from.")
    ] = "default",
) -> None:
    """Make a profile of your own, with comments that explain it."""
    from neko_cli.services.profile_edit import create

    _out(str(create(_files(), name, extends)))
    tell(f"Made. Fill it in with: neko profiles edit {name}")


@app.command()
def edit(name: Name = "default") -> None:
    """Change a profile in $EDITOR; a mistake leaves it as it was.

    Of a profile that comes with neko a copy of your own is made, which extends it.
    """
    from neko_cli.services import profile_edit

    files = _files()
    file = files.find(name)
    command = profile_edit.editor_command()
    copy = profile_edit.create(files, file.name, file.name) if file.bundled else None
    if copy is not None:
        file = files.find(file.name)
    try:
        with interruptible():  # Ctrl-C belongs to the editor; ours comes after it
            loaded = profile_edit.edit(files, file, command)
    except BaseException:
        if copy is not None:
            copy.unlink(missing_ok=True)  # the one that comes with neko stays in force
        raise
    if copy is not None:
        tell(f"{copy} is your own copy now; it extends the one that comes with neko.")
    tell(f"{loaded.files[0].path} is right.")


@app.command()
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|FILE]...", help="Which; all without one.", show_default=False),
    ] = None,
) -> int:
    """Look for mistakes."""
    files = _files()
    code = Exit.OK
    for name in names or [file.name for file in files.all()]:
        try:
            loaded = files.resolve(name)
            _check_provider(loaded.profile.provider, loaded.files[0].path)
            _out(f"ok  {loaded.files[0].path}")
        except NekoError as error:
            code = Exit.USAGE
            tell(error.message)
    return code


@app.command()
def path(name: Annotated[str, typer.Argument(metavar="[NAME]", show_default=False)] = "") -> None:
    """Where a profile is; without a name, where yours are kept."""
    files = _files()
    _out(files.find(name).path if name else str(files.folder))


def _check_provider(wanted: ProviderTable, source: str) -> None:
    from neko_cli.core.codecs import PROVIDERS, find_provider

    try:
        find_provider(wanted.name, wanted.region)
    except ConfigError as error:
        key = "region" if wanted.name in PROVIDERS else "name"
        raise ConfigError(f"{source}: provider.{key}: {error}") from None


def _files() -> ProfileFiles:
    from neko_cli.services.folders import Folders
    from neko_cli.services.profile_files import ProfileFiles

    return ProfileFiles(Folders.find().profiles)


def _out(text: str) -> None:
    from neko_cli.core.text import sanitise

    sys.stdout.write(sanitise(text) + "\n")


def _json(value: object) -> None:
    from neko_cli.core.text import to_json

    sys.stdout.write(to_json(value) + "\n")
