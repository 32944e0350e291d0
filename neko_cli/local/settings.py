"""What a session is told to do, in words that no wire owns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from neko_cli.local.audio_format import PCM_24K, AudioFormat
from neko_cli.local.ports import Hearing, Speech


class TurnDetection(msgspec.Struct, frozen=True, kw_only=True):
    """How the server finds the user's turns by itself."""

    threshold: float = 0.5
    prefix_ms: int = 300
    silence_ms: int = 500
    finished_silence_ms: int = 0
    """So much silence is enough after words that read as finished; 0: words are not looked at."""
    onset_ms: int = 64
    """How long a sound must last to be speech; 64 ms, so that a click is none."""

    create_reply: bool = True
    interrupt_reply: bool = True
    idle_timeout_ms: int = 0
    """After this much quiet behind a reply one more is made, as if the user had been silent; 0: never."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides how a session listens and answers."""

    instructions: str = ""
    speaking: bool = True
    """Whether replies are spoken; else they are written."""

    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str = "auto"
    max_tokens: int = 0
    speech: Speech = Speech()
    hearing: Hearing = Hearing()
    transcribe: bool = False
    """Whether the client is told what was heard."""

    input_format: AudioFormat = PCM_24K
    output_format: AudioFormat = PCM_24K
    turns: TurnDetection | None = None
    """None: the client says where its turns end."""
