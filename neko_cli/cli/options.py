"""Options that several commands share, as Typer annotations."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

ProfileName = Annotated[
    str,
    typer.Option(
        "--profile", metavar="P", help="Character and settings: a name or a file.", show_default=False
    ),
]
ProviderName = Annotated[
    str, typer.Option("--provider", metavar="X", help="Who answers: embedded, openai, …", show_default=False)
]
ModelName = Annotated[
    str, typer.Option("--model", metavar="M", help="The provider's model.", show_default=False)
]
Url = Annotated[
    str,
    typer.Option(
        "--url", metavar="U", help="Another server that speaks the provider's protocol.", show_default=False
    ),
]
VoiceName = Annotated[
    str, typer.Option("--voice", metavar="V", help="The character's voice.", show_default=False)
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Allow an unencrypted ws:// address that is not this machine.")
]
Record = Annotated[
    str,
    typer.Option(
        "--record",
        metavar="FILE",
        help="Record it, without keys: talk.wav (left you, right the character) and talk.jsonl, or the "
        "latter alone.",
        show_default=False,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Write a log, without keys and content; says where.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notices; errors are told all the same.")]
Microphone = Annotated[
    str,
    typer.Option("--mic", metavar="D", help="Microphone: a name, a number or a part.", show_default=False),
]
SpeakerName = Annotated[
    str, typer.Option("--speaker", metavar="D", help="Loudspeaker, chosen likewise.", show_default=False)
]


class EchoCancelling(StrEnum):
    """``--aec``."""

    AUTO = "auto"
    OFF = "off"


Aec = Annotated[
    EchoCancelling | None,
    typer.Option(
        "--aec",
        help="auto: speak over the character through open loudspeakers. "
        "off: the microphone waits while it speaks.",
        show_default="auto",
    ),
]
AllowTools = Annotated[
    bool, typer.Option("--allow-tools", help="The profile's tools run without asking, in this run.")
]
Screen = Annotated[
    str | None,
    typer.Option(
        "--screen",
        metavar="[SOURCE]",
        help="Show your screen: a monitor's number, X,Y,WxH, window:TITLE, file:PICTURE or clipboard.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the last conversation.")]
SessionId = Annotated[
    str,
    typer.Option(
        "--session", metavar="ID", help="Go on with this one (see `neko history list`).", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
