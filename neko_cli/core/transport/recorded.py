"""Reads what was told in a recording, from its log."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from neko_cli.core.events import AnyEvent
from neko_cli.core.transport.recording_format import Header
from neko_cli.core.transport.replaying import read_entries, read_header

_EVENT = msgspec.json.Decoder(AnyEvent)


class Moment(NamedTuple):
    """An event, and when it was told: seconds since the recording began."""

    at: float
    event: AnyEvent


class Recorded(NamedTuple):
    """A log: who it was with, what was told, and how long it is in seconds."""

    header: Header
    moments: tuple[Moment, ...]
    seconds: float


def read_recorded(path: Path) -> Recorded:
    """Read a log, also one that a crash has cut; raises ConfigError. Blocks.

    Events of a kind that is not known here are left out.
    """
    header = read_header(path)
    moments: list[Moment] = []
    seconds = 0.0
    for entry in read_entries(path, cut=True):
        seconds = max(seconds, entry.t)
        if entry.dir != "event":
            continue
        try:
            moments.append(Moment(entry.t, _EVENT.decode(entry.event)))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
    return Recorded(header, tuple(moments), seconds)
