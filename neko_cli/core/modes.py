"""The two ways of talking, which keep their energy, handles and memory apart."""

from __future__ import annotations

from enum import StrEnum

from neko_cli.core.events import InputMode


class Mode(StrEnum):
    """``call`` is voice in, ``text`` is typed."""

    CALL = "call"
    TEXT = "text"


def mode_of(input_mode: InputMode) -> Mode:
    """The mode of a session that is started with this input."""
    return Mode.CALL if input_mode is InputMode.AUDIO else Mode.TEXT
