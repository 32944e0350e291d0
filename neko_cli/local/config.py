"""What can be set about the embedded engine: the ``[local]`` table of a profile."""

from __future__ import annotations

import msgspec


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the embedded engine; every field has a working default."""

    recogniser: str = "pocketsphinx"
    """``pocketsphinx``, ``whisper:NAME`` or ``sherpa:NAME``; NAME is installed, a path, or known."""

    synthesiser: str = "espeak"
    """``espeak`` or ``piper:NAME``."""

    brain: str = "auto"
    """``auto`` (a chat server on its usual loopback port, else ``builtin``), ``builtin``, or a URL."""

    brain_model: str = ""
    """Model to ask the chat server for; empty takes the first one it lists."""

    language: str = "en"
    """Language tag for ears and voice, where the client names none."""

    vocabulary: tuple[str, ...] = ()
    """Sentences or words to expect; they make the floor recogniser accurate for commands."""

    grammar: str = ""
    """A JSGF grammar (the text itself), instead of a vocabulary."""

    recognisers: int = 2
    """Worker processes for recognition: how many utterances are recognised at the same time."""

    max_sessions: int = 20
    """Connections served at once; more are refused with HTTP 503."""

    queue: int = 16
    """Utterances that may wait for a recogniser; more are answered with a rate-limit error."""
