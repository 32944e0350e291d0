"""The table of a profile about turn taking: who ends the user's turns, and speaking over the character."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from neko_cli.core.codecs.base import Detection
from neko_cli.core.tables import Table

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=30_000)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=1_500)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class FalseAlarm(StrEnum):
    """What becomes of a reply that fell silent for what was no speech."""

    RESUME = "resume"
    """It goes on where it was."""
    STOP = "stop"
    """It is over, as if the user had spoken."""


class Turns(Table, frozen=True, kw_only=True):
    """Turn taking."""

    detection: Detection = Detection.SERVER
    threshold: Probability = 0.5
    silence_ms: Milliseconds = 700
    finished_silence_ms: Milliseconds = 350
    """Silence that is enough after words that read as finished, where our own detector ends turns and the
    provider tells words while they are spoken; never more than ``silence_ms``, which 0 takes."""
    prefix_ms: Milliseconds = 300
    key_silence_ms: Milliseconds = 2_000
    """Silence that ends a turn which a key began, as our own detector hears; 0 leaves that to the key."""
    key_prefix_ms: Moment = 300
    """Sound from just before the key that belongs to the turn it begins. For that the microphone stays open
    between two turns, and nothing else of it is kept; 0 closes it."""
    interrupt: bool = True
    """Whether speaking over the character stops it."""
    duck: bool = True
    """Whether the character falls silent at the first sound of speech over it, as our own detector hears,
    before it is certain; where the microphone is heard meanwhile (``[sound] duplex``)."""
    false_alarm: FalseAlarm = FalseAlarm.RESUME
    """What becomes of its reply when that was none."""
    confirm_ms: Moment = 250
    """So much speech over the character is meant, where our own detector ends turns; else the provider says
    so."""
