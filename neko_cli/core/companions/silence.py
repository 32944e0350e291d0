"""An open microphone that nobody speaks into. Pure."""

from __future__ import annotations

from neko_cli.core.profile import GuardTable

TEXT = "Nobody spoke for {minutes}, so the microphone was switched off."


def silence_due(silent_s: float, guard: GuardTable) -> str:
    """What the user is told when the microphone is to be closed now; empty while it is not.

    ``silent_s``: seconds since somebody last spoke, on either side, into an open microphone.
    """
    if guard.silence_minutes <= 0 or silent_s < guard.silence_minutes * 60.0:
        return ""
    minutes = f"{guard.silence_minutes:.1f}".removesuffix(".0")
    return TEXT.format(minutes=f"{minutes} minute" + ("" if minutes == "1" else "s"))
