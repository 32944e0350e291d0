"""``neko chat``: the conversation in the terminal, or by lines where there is no screen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from neko_cli.cli import options
from neko_cli.cli.groups import CONTEXT
from neko_cli.cli.interrupts import run_async

if TYPE_CHECKING:
    from neko_cli.services.folders import Folders
    from neko_cli.wiring import Options

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)


@app.command()
def chat(
    text: Annotated[bool, typer.Option("--text", help="No microphone; the voice stays on.")] = False,
    mute_voice: Annotated[bool, typer.Option("--mute-voice", help="Answers as text alone.")] = False,
    push_to_talk: Annotated[
        bool, typer.Option("--push-to-talk", help="A key, not silence, ends what you say.")
    ] = False,
    profile: options.ProfileName = "",
    provider: options.ProviderName = "",
    model: options.ModelName = "",
    url: options.Url = "",
    voice: options.VoiceName = "",
    mic: options.Microphone = "",
    speaker: options.SpeakerName = "",
    insecure: options.Insecure = False,
    record: options.Record = "",
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Talk with the character: speak or type; Ctrl+Q quits, F1 shows the keys.

    Without a terminal it reads lines from standard input and prints the answers.
    """
    from neko_cli.services.folders import Folders

    lines = not has_screen()
    voiced = not mute_voice and not lines
    wanted = options.Wanted(
        profile=profile,
        provider=provider,
        model=model,
        url=url,
        voice=voice,
        microphone=mic,
        speaker=speaker,
        insecure=insecure,
        record=record,
        want_audio=voiced,
        use_microphone=not text and not lines,
        use_speaker=voiced,
        greet=not lines,
    )
    folders = Folders.find()
    options.start_log(folders, debug=debug)
    chosen = options.to_options(wanted)
    if lines:
        options.tell_notice(folders, quiet=quiet)
        return _by_lines(chosen, folders, quiet=quiet)
    from neko_cli.cli.chat_app import run

    return run(chosen, folders, text=text, push_to_talk=push_to_talk)


def has_screen() -> bool:
    """Whether the app can draw: a terminal on both sides that understands more than text."""
    if os.name == "posix" and os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return False
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _by_lines(chosen: Options, folders: Folders, *, quiet: bool) -> int:

    from neko_cli.cli.chat_lines import plan_for_lines, reader_for_lines
    from neko_cli.cli.exits import write_quietly
    from neko_cli.cli.say_run import say
    from neko_cli.wiring import compose

    if not quiet:
        write_quietly("No screen here: one line, one answer; end with Ctrl-D.\n", sys.stderr)
    interactive = sys.stdout is not None and sys.stdout.isatty()
    plan = plan_for_lines(interactive=interactive, quiet=quiet)
    return run_async(say(plan, lambda: compose(chosen, folders=folders), reader_for_lines()))
