"""What is worth offering to a newcomer, told inside the chat and never in its way."""

from __future__ import annotations

import msgspec


class Offer(msgspec.Struct, frozen=True):
    """One quiet line at the start of the transcript: a sentence, and the command that does it."""

    text: str
    command: str = ""


BETTER_EARS = Offer(
    "Not sure what was said? A better recogniser for this machine:", "neko local install whisper:base"
)
"""Told once a session, after the embedded engine's floor recogniser was unsure."""
