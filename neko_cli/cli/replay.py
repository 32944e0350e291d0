"""``neko replay``: a recorded conversation, heard and read once more."""

from __future__ import annotations

from typing import Annotated

import typer

from neko_cli.cli.groups import CONTEXT, examples
from neko_cli.cli.interrupts import run_async
from neko_cli.cli.options import SpeakerName

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)


@app.command(
    epilog=examples(
        "neko chat --record talk.wav",
        "neko replay talk.wav",
        "neko replay talk.wav --from 90 --speed 1.5",
        "neko replay talk.jsonl --no-sound | grep -i dentist",
    )
)
def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The recording: its .wav or its .jsonl.")],
    start: Annotated[
        float, typer.Option("--from", metavar="SECONDS", min=0.0, help="Begin here.", show_default=False)
    ] = 0.0,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            metavar="X",
            min=0.1,
            max=16.0,
            help="Times as fast; the pitch goes with it. Without sound: at once, unless this is given.",
            show_default=False,
        ),
    ] = None,
    no_sound: Annotated[bool, typer.Option("--no-sound", help="The lines alone.")] = False,
    speaker: SpeakerName = "",
) -> int:
    """Play a recording (`--record`) through the loudspeaker, and print its lines at their time.

    You and the character are heard in step, as it was. With the .wav or the .jsonl alone there are
    only the sound, or only the lines.
    """
    from pathlib import Path

    from neko_cli.audio.sound import DeviceSound
    from neko_cli.audio.stderr import quiet_libraries
    from neko_cli.cli.replay_run import Replay, run

    wanted = Replay(
        file=Path(file).expanduser(),
        sound=not no_sound,
        speaker=speaker,
        start=start,
        speed=speed or (0.0 if no_sound else 1.0),
    )
    with quiet_libraries(None):
        return run_async(run(wanted, DeviceSound().speaker))
