"""``neko notify``: tell a running chat what became of something, or run it and tell."""

from __future__ import annotations

import json as json_lib
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from neko_cli.cli.exits import Exit, tell
from neko_cli.cli.groups import CONTEXT, examples
from neko_cli.cli.options import Quiet
from neko_cli.core.errors import ConfigError

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)

RUN = "--run"


class Status(StrEnum):
    """How something ended."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"


class NotifyCommand(TyperCommand):
    """Everything behind ``--run`` is a command line of its own, whatever it looks like."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command into one value."""
        if RUN in args:
            at = args.index(RUN)
            command = args[at + 1 :]
            if command[:1] == ["--"]:
                command = command[1:]
            args = [*args[:at], RUN, json_lib.dumps(command)]
        return super().parse_args(ctx, args)


@app.command(
    cls=NotifyCommand,
    epilog=examples(
        'neko notify "build finished" --status completed',
        'neko notify "the tests broke" --status failed --to all',
        "neko notify --run make test",
        'neko notify "the nightly build" --to Mio --run ./nightly.sh',
    ),
)
def notify(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="What the character is to tell.", show_default=False)
    ] = "",
    status: Annotated[
        Status | None,
        typer.Option("--status", help="How it ended; completed where nothing is said.", show_default=False),
    ] = None,
    detail: Annotated[
        str, typer.Option("--detail", metavar="TEXT", help="More about it.", show_default=False)
    ] = "",
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="NAME",
            help="A character or profile, or `all`; else the chat that was started last.",
            show_default=False,
        ),
    ] = "",
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, max=60, help="For the chat to take it.")
    ] = 5.0,
    run: Annotated[
        str | None,
        typer.Option(
            RUN,
            metavar="CMD…",
            help="Run the rest of the line, and tell how it ended; exits with its code.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Tell the running chat; its character says it at the next quiet moment.

    Waits until the chat has taken it; exits with 6 when no chat runs. Behind a command that takes long:
    make && neko notify "it is built".
    """
    if run is not None:
        if status is not None or detail:
            raise ConfigError("With --run, status and detail are those of the command.")
        from neko_cli.cli.notify_run import run_and_tell

        return run_and_tell(json_lib.loads(run), text, to=to, timeout=timeout, quiet=quiet)
    if not text.strip():
        raise ConfigError("Say what the character is to tell.", hint='neko notify "build finished"')
    from neko_cli.core.companions.agent_events import TaskResult, new_id
    from neko_cli.services.agent_client import deliver, find
    from neko_cli.services.folders import Folders

    ended = status or Status.COMPLETED
    event = TaskResult(
        event_id=new_id(),
        channel="notify",
        status=ended,
        success=ended is not Status.FAILED,
        summary=text,
        detail=detail,
    )
    told = deliver(find(Folders.find().run, to), event, timeout)
    if not quiet:
        tell(f"Told {', '.join(ack.lanlan_name for ack in told)}.")
    return Exit.OK
