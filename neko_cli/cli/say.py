"""``neko say``: one turn, or one per input line, for people and scripts."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from neko_cli.cli import groups, options
from neko_cli.cli import wanted as asked_for
from neko_cli.cli.interrupts import run_async
from neko_cli.cli.say_plan import Pace, SayOptions
from neko_cli.cli.screen_option import ScreenCommand, checked

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=groups.CONTEXT)

_EPILOG = groups.examples(
    'neko say "what time is it?"',
    'neko say "Summarise this:" < notes.txt',
    "neko say --lines --json < questions.txt",
    "neko say --audio question.wav --out answer.wav",
    'neko say --screen "what is wrong here?"',
    'neko say --screen window:Editor "what is wrong here?"',
) + (
    "Standard output carries the reply alone: text, --json lines or sound. "
    "Exit codes: 0 ok, 2 usage or configuration, 3 key, 4 refused, 5 limit, 6 network or time-out, "
    "7 sound device, 130 interrupted."
)


@app.command(epilog=_EPILOG, cls=ScreenCommand)
def say(
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT|-]", help="What to say; - reads it from standard input.", show_default=False
        ),
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="One turn for each input line, one line of output each.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print every event as a line of JSON.")] = False,
    json_audio: Annotated[
        bool, typer.Option("--json-audio", help="The same, with the voice's samples.")
    ] = False,
    audio: Annotated[
        str, typer.Option("--audio", metavar="FILE|-", help="Speak with this WAV file.", show_default=False)
    ] = "",
    pace: Annotated[
        Pace | None, typer.Option("--pace", help="How fast --audio is sent.", show_default="realtime")
    ] = None,
    listen: Annotated[bool, typer.Option("--listen", help="One spoken turn from the microphone.")] = False,
    image: Annotated[
        str, typer.Option("--image", metavar="FILE", help="A picture to talk about.", show_default=False)
    ] = "",
    screen: options.Screen = None,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE|-", help="Write the reply's voice as WAV.", show_default=False),
    ] = "",
    play: Annotated[bool, typer.Option("--play", help="Play the reply's voice.")] = False,
    system: Annotated[
        str,
        typer.Option(
            "--system", metavar="TEXT", help="Instructions in place of the character's.", show_default=False
        ),
    ] = "",
    timeout: Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds for each turn.")] = 60.0,
    no_stdin: Annotated[bool, typer.Option("--no-stdin", help="Never read standard input.")] = False,
    profile: options.ProfileName = "",
    provider: options.ProviderName = "",
    model: options.ModelName = "",
    url: options.Url = "",
    voice: options.VoiceName = "",
    mic: options.Microphone = "",
    speaker: options.SpeakerName = "",
    insecure: options.Insecure = False,
    allow_tools: options.AllowTools = False,
    record: options.Record = "",
    resume: options.Resume = False,
    session: options.SessionId = "",
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Say something to the character and print the answer.

    TEXT may be followed by more on standard input: neko say "Summarise this:" < notes.txt
    """
    wanted = asked_for.Wanted(
        profile=profile,
        provider=provider,
        model=model,
        url=url,
        voice=voice,
        microphone=mic,
        speaker=speaker,
        system=system,
        insecure=insecure,
        allow_tools=allow_tools,
        record=record,
        resume=resume,
        session=session,
        use_microphone=listen,
        use_speaker=play,
        want_audio=play or bool(out) or json_audio,
    )
    asked = SayOptions(
        text=text,
        lines=lines,
        json=json,
        json_audio=json_audio,
        audio=audio,
        pace=pace,
        listen=listen,
        image=image,
        screen=checked(screen),
        out=out,
        play=play,
        timeout=timeout,
        no_stdin=no_stdin,
        quiet=quiet,
    )
    return _run(asked, wanted, debug=debug)


def _run(asked: SayOptions, wanted: asked_for.Wanted, *, debug: bool) -> int:
    import sys

    from neko_cli.cli import stdin
    from neko_cli.cli.say_plan import Input, Source, make_plan

    plan = make_plan(
        asked,
        input_is_terminal=stdin.is_terminal()
        or (asked.text not in (None, "-") and not stdin.can_hold_text()),
        output_is_terminal=sys.stdout is not None and sys.stdout.isatty(),
    )
    reader = None
    if plan.input in (Input.MESSAGE, Input.APPENDED, Input.LINES):
        reader = stdin.InputReader()

    from neko_cli.cli.say_run import say as carry_out
    from neko_cli.services.folders import Folders
    from neko_cli.wiring import compose

    folders = Folders.find()
    asked_for.start_log(folders, debug=debug)
    asked_for.tell_notice(folders, quiet=plan.quiet)
    chosen = msgspec.structs.replace(
        asked_for.to_options(wanted), keep_standby=plan.source is not Source.TEXT
    )
    if not (asked.play or asked.listen):
        return run_async(carry_out(plan, lambda: compose(chosen, folders=folders), reader))
    from neko_cli.audio.stderr import quiet_libraries

    # A sound library's complaints are no notices of ours; ours tell the same in words.
    with quiet_libraries(folders.log / "stderr.log"):
        return run_async(carry_out(plan, lambda: compose(chosen, folders=folders), reader))
