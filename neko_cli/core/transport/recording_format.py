"""The form of a recording: JSON lines, a header first, then what went over the wire and what was told.

::

    {"format":"neko-recording","version":1,"provider":…,"model":…,"started":…,"url":…,"audio":true}
    {"t":0.0,"dir":"open","link":0,"url":…}
    {"t":0.1,"dir":"out","link":0,"frame":…}
    {"t":0.2,"dir":"in","link":0,"frame":…}            binary frames: base64, with "binary":true
    {"t":0.3,"dir":"event","event":{"type":"user_text",…}}    as ``--json`` prints it, but for sound
    {"t":9.0,"dir":"close","link":0,"code":1000,"reason":"","by_us":true}
    {"t":9.1,"dir":"end","dropped":0}

``t`` is in seconds since the recording began, as is the place of a sample in the sound beside it;
``link`` counts connections from 0.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FORMAT = "neko-recording"
VERSION = 1


class Header(msgspec.Struct, kw_only=True):
    """The first line; ``started`` is UTC by RFC 3339, ``audio`` whether media was kept.

    ``character`` is who speaks at the beginning.
    """

    format: str
    version: int
    provider: str = ""
    model: str = ""
    started: str = ""
    url: str = ""
    audio: bool = True
    character: str = ""


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Any other line."""

    t: float
    dir: Literal["open", "in", "out", "close", "event", "end"]
    link: int = 0
    frame: str | None = None
    binary: bool = False
    url: str = ""
    code: int = 0
    reason: str = ""
    by_us: bool = False
    failed: bool = False
    """On ``close``: the connection was never open."""
    event: msgspec.Raw = msgspec.Raw(b"")
    dropped: int = 0
    """On ``end``: lines that are missing because the disk was too slow."""
