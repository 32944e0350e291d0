"""Starts ``neko chat`` in the form that suits where it runs. Without Typer, for a quick plain start."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec

from neko_cli.cli import wanted
from neko_cli.cli.ending import begin, ended

if TYPE_CHECKING:
    from neko_cli.services.folders import Folders
    from neko_cli.wiring import Options


class ChatOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``neko chat``; ``shared`` are those that other commands have as well."""

    text: bool = False
    mute_voice: bool = False
    push_to_talk: bool = False
    screen: str | None = None
    """What of the screen is shown: a source, empty for the profile's; None for nothing."""
    quiet: bool = False
    debug: bool = False
    shared: wanted.Wanted = wanted.Wanted()


def plain() -> int:
    """``neko`` or ``neko chat`` with nothing else typed; errors are told, as in ``cli/app``."""
    begin()
    try:
        return start(ChatOptions())
    except BaseException as error:
        return ended(error)


def start(options: ChatOptions) -> int:
    """Run the app, or the conversation by lines where there is no screen; returns the exit code."""
    from neko_cli.services.folders import Folders

    lines = not has_screen()
    voiced = not options.mute_voice and not lines
    folders = Folders.find()
    wanted.start_log(folders, debug=options.debug)
    chosen = wanted.to_options(
        msgspec.structs.replace(
            options.shared,
            want_audio=voiced,
            use_microphone=not options.text and not lines,
            use_speaker=voiced,
            greet=not lines,
            asks=not lines,
            agents=True,
        )
    )
    if lines:
        wanted.tell_notice(folders, quiet=options.quiet)
        return _by_lines(chosen, folders, options)
    from neko_cli.cli.chat_app import run

    return run(chosen, folders, text=options.text, push_to_talk=options.push_to_talk, screen=options.screen)


def has_screen() -> bool:
    """Whether the app can draw: a terminal on both sides that understands more than text."""
    if os.name == "posix" and os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _by_lines(chosen: Options, folders: Folders, options: ChatOptions) -> int:
    from neko_cli.cli.chat_lines import plan_for_lines, reader_for_lines
    from neko_cli.cli.exits import write_quietly
    from neko_cli.cli.interrupts import run_async
    from neko_cli.cli.say_run import say
    from neko_cli.wiring import compose

    if not options.quiet:
        write_quietly("No screen here: one line, one answer; end with Ctrl-D.\n", sys.stderr)
    interactive = sys.stdout is not None and sys.stdout.isatty()
    plan = plan_for_lines(interactive=interactive, quiet=options.quiet, screen=options.screen)
    return run_async(say(plan, lambda: compose(chosen, folders=folders), reader_for_lines()))
