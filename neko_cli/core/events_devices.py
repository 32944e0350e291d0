"""Events of ears, mouth and eyes: how sound goes, and what is seen of the screen."""

from __future__ import annotations

from neko_cli.core.events_base import Event


class Levels(Event, frozen=True, kw_only=True, tag="levels"):
    """Meter readings in dBFS; replaceable, for screens alone (``--json`` leaves it out)."""

    microphone: float
    speaker: float


class SoundPath(Event, frozen=True, kw_only=True, tag="sound"):
    """How sound goes both ways; told when it changes, once a second at most (``ready`` at once)."""

    full_duplex: bool
    """Whether the microphone is sent while the character is heard."""
    echo: str
    """``working``, ``no echo``, ``server`` (the sound server cancels it), ``learning``, ``waiting``,
    ``failing`` or ``off``."""
    erle_db: float
    """Echo return loss enhancement in whole dB; 0 where nothing can be said."""
    buffer_ms: float
    """How long the next reply's sound waits before it begins, because the network is late."""
    underruns: int
    """Times that a reply ran dry in its middle."""
    late: int
    """Pieces of sound that came later than they were due."""
    lost_ms: float
    """Sound that the loudspeaker had no room for."""
    ready: bool = False
    """Whether the microphone is open between two turns of push-to-talk; nothing that it hears is sent."""


class ScreenShown(Event, frozen=True, kw_only=True, tag="screen_shown"):
    """The character was shown a picture, of so many pixels and encoded bytes.

    ``sent`` says that the model got the picture itself; else it was told ``description``.
    """

    source: str
    width: int
    height: int
    bytes: int
    sent: bool
    description: str = ""


class EyesChanged(Event, frozen=True, kw_only=True, tag="eyes"):
    """What the screen's indicator shows: pictures may leave while it is ``on`` and not ``paused``.

    ``asking`` says that the user is to be asked for consent; ``trouble`` is why nothing can be shown now.
    """

    on: bool
    paused: bool
    asking: bool
    source: str
    trouble: str = ""
