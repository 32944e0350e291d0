"""The command line: which commands there are, and how a run begins and ends.

Each command is a module of its own, loaded when it is used; the table here is all that ``--help``
and the completion of command names need. Errors of every kind end in :func:`run`, as one sentence
on standard error and an exit code.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping, Sequence
from importlib import import_module
from typing import Any

import msgspec
import typer
from typer.core import TyperCommand, TyperGroup

from neko_cli.cli.ending import begin, ended
from neko_cli.cli.exits import Exit, tell


class Entry(msgspec.Struct, frozen=True):
    """Where a command lives: a module, and the name of its Typer in it."""

    module: str
    help: str
    name: str = "app"


COMMANDS: dict[str, Entry] = {
    "chat": Entry("neko_cli.cli.chat", "Talk with the character in the terminal (also: plain `neko`)."),
    "say": Entry("neko_cli.cli.say", "One turn, or one per input line, for people and scripts."),
    "notify": Entry("neko_cli.cli.notify", "Have the running chat's character tell that something ended."),
    "mcp": Entry("neko_cli.cli.mcp", "An MCP server, by which coding agents reach the running chat."),
    "serve": Entry("neko_cli.cli.serve", "Run the embedded engine as a local realtime API server."),
    "local": Entry("neko_cli.cli.local", "Better ears and voices for the embedded engine.", "local_app"),
    "profiles": Entry("neko_cli.cli.profiles", "Characters and their settings: list, show, new, edit, …"),
    "history": Entry("neko_cli.cli.history", "What was said: list, show, search, export, delete."),
    "replay": Entry("neko_cli.cli.replay", "Hear and read a recorded conversation once more."),
    "keys": Entry("neko_cli.cli.keys", "API keys of the providers: set, list, remove."),
    "devices": Entry("neko_cli.cli.devices", "Microphones and loudspeakers: list and test."),
    "doctor": Entry("neko_cli.cli.doctor", "Check sound, terminal, keys and the way to each provider."),
}

DEFAULT_COMMAND = "chat"
_OF_THE_GROUP = ("--help", "-h", "--version", "-V", "--install-completion", "--show-completion")


class NekoGroup(TyperGroup):
    """The commands of the table, loaded at their use; no command means ``chat``."""

    def __init__(self, **attributes: Any) -> None:
        """Fill in what lists need: names and one line of help each."""
        super().__init__(**attributes)
        for name, entry in COMMANDS.items():
            self.add_command(TyperCommand(name, help=entry.help, rich_markup_mode=None))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """``neko`` and ``neko --profile x`` are ``neko chat …``."""
        if not ctx.resilient_parsing and (
            not args or (args[0].startswith("-") and args[0].split("=")[0] not in _OF_THE_GROUP)
        ):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, in the place of its line in the list."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = load(name)
        return name, command, rest

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run without Typer's own handling of errors and broken pipes, which is :func:`run`'s."""
        given = list(sys.argv[1:] if args is None else args)
        context: MutableMapping[str, Any] = extra
        self._main_shell_completion(context, prog_name or "neko", complete_var)
        with self.make_context(prog_name or "neko", given, **extra) as ctx:
            return self.invoke(ctx)


def load(name: str) -> Any:
    """The command of that name, from its module."""
    entry = COMMANDS[name]
    command = typer.main.get_command(getattr(import_module(entry.module), entry.name))
    command.name = name
    return command


app = typer.Typer(
    cls=NekoGroup,
    rich_markup_mode=None,
    help="A terminal voice client: speak or type, and a realtime speech model answers.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`neko COMMAND --help` tells more. Without a command: `neko chat`.",
)


@app.callback()
def _group(
    version: bool = typer.Option(False, "--version", "-V", help="Show the version and exit."),
) -> None:
    if version:  # after another option; alone it never comes this far
        from neko_cli import __version__

        typer.echo(f"neko {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: what was typed after ``neko``.

    Returns:
        The exit code. Whatever went wrong has been told on standard error.
    """
    begin()
    group = typer.main.get_command(app)
    try:
        result = group.main(list(arguments), "neko")
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        return _usage(error, arguments)
    except typer.Abort:
        return Exit.INTERRUPTED
    except SystemExit as done:  # the completion ends this way
        return done.code if isinstance(done.code, int) else Exit.OK
    except BaseException as error:
        return ended(error)
    return result if isinstance(result, int) else Exit.OK


def _usage(error: Any, arguments: Sequence[str]) -> int:
    """A mistake in the command line: one sentence, and where to read on."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message())
        return Exit.USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "neko"
    tell(f"{error.format_message()}\n`{path} --help` shows what can be said.")
    return Exit.USAGE
