"""A way of talking belongs to one mode."""

from __future__ import annotations

from neko_cli.core.events import InputMode
from neko_cli.core.modes import Mode, mode_of


def test_voice_is_a_call_and_typing_is_text() -> None:
    assert mode_of(InputMode.AUDIO) is Mode.CALL
    assert mode_of(InputMode.TEXT) is Mode.TEXT
