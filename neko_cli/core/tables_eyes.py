"""The tables of a profile that say what the character sees, and when it speaks first."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from neko_cli.core.companions.sources import parse_source
from neko_cli.core.errors import ConfigError
from neko_cli.core.tables import Table

FrameSeconds = Annotated[float, msgspec.Meta(ge=0.5, le=600)]

BlurRegion = tuple[float, float, float, float]
"""Left, top, width and height: parts of the picture where none is above 1, else its pixels."""

BLUR_REGIONS = 64


class EyesTable(Table, frozen=True, kw_only=True):
    """What the character sees, once the user lets it; nothing here switches its eyes on."""

    source: int | str = 1
    """A monitor's number (0 for all), ``X,Y,WxH`` in pixels, ``window:TITLE``, ``file:PICTURE`` or
    ``clipboard``."""
    every_speaking: FrameSeconds = 1.5
    """Seconds between pictures while somebody speaks (figure of the seeds' system)."""
    every_idle: FrameSeconds = 7.5
    """The same while nobody does."""
    change: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    """Part of the picture that must be another one for it to be sent; 0 sends every one."""
    blur: Annotated[tuple[BlurRegion, ...], msgspec.Meta(max_length=BLUR_REGIONS)] = ()
    """Regions that are made unreadable before anything leaves: ``[left, top, width, height]``, as parts
    of the picture (0 … 1) or in its pixels."""
    describe_url: str = ""
    """An OpenAI-compatible chat endpoint that puts pictures into words where the model cannot see."""
    describe_model: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be shown, and regions that would hide nothing."""
        try:
            parse_source(str(self.source))
        except ConfigError as error:
            raise ValueError(f"Source {error.message.removesuffix('.')}") from None
        for region in self.blur:
            if not all(math.isfinite(part) and part >= 0 for part in region) or not all(region[2:]):
                raise ValueError(f"Blur {list(region)} is no region: left, top, width, height are needed")


class ProactiveTable(Table, frozen=True, kw_only=True):
    """When the character may speak first; off by default."""

    idle_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0
    """After so many minutes in which nobody said anything; 0 never."""
    on_notice: bool = False
    """When an agent or a tool has something to tell."""
