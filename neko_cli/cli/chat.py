"""``neko chat``: the conversation in the terminal, or by lines where there is no screen."""

from __future__ import annotations

from typing import Annotated

import typer

from neko_cli.cli import options
from neko_cli.cli.groups import CONTEXT, examples
from neko_cli.cli.screen_option import ScreenCommand, checked

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)


@app.command(
    epilog=examples(
        "neko",
        "neko chat --profile mio --text",
        "neko chat --provider openai --voice marin",
        "neko chat --screen",
        'neko chat --screen "window:Editor"',
        "neko chat --record talk.wav",
        "neko chat --url ws://127.0.0.1:8000",
    ),
    cls=ScreenCommand,
)
def chat(
    text: Annotated[bool, typer.Option("--text", help="No microphone; the voice stays on.")] = False,
    mute_voice: Annotated[bool, typer.Option("--mute-voice", help="Answers as text alone.")] = False,
    push_to_talk: Annotated[
        bool, typer.Option("--push-to-talk", help="A key, not silence, ends what you say.")
    ] = False,
    screen: options.Screen = None,
    profile: options.ProfileName = "",
    provider: options.ProviderName = "",
    model: options.ModelName = "",
    url: options.Url = "",
    voice: options.VoiceName = "",
    mic: options.Microphone = "",
    speaker: options.SpeakerName = "",
    aec: options.Aec = None,
    insecure: options.Insecure = False,
    allow_tools: options.AllowTools = False,
    record: options.Record = "",
    resume: options.Resume = False,
    session: options.SessionId = "",
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Talk with the character: speak or type; Ctrl+Q quits, F1 shows the keys.

    Without a terminal it reads lines from standard input and prints the answers.
    """
    from neko_cli.cli.chat_start import ChatOptions, start
    from neko_cli.cli.wanted import Wanted

    shared = Wanted(
        profile=profile,
        provider=provider,
        model=model,
        url=url,
        voice=voice,
        microphone=mic,
        speaker=speaker,
        aec=aec.value if aec else "",
        insecure=insecure,
        allow_tools=allow_tools,
        record=record,
        resume=resume,
        session=session,
    )
    return start(
        ChatOptions(
            text=text,
            mute_voice=mute_voice,
            push_to_talk=push_to_talk,
            screen=checked(screen),
            quiet=quiet,
            debug=debug,
            shared=shared,
        )
    )
