"""The table of a profile that says who speaks where the model itself does not."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from neko_cli.core.tables import Table

WORKERS = (
    "espeak",
    "piper:NAME",
    "openai",
    "qwen",
    "cosyvoice",
    "stepfun",
    "gptsovits",
    "gemini",
    "elevenlabs",
)
"""What ``worker`` may be; ``piper`` names an installed voice as well."""

_PIPER = re.compile(r"piper:\S+")

SpeakSeconds = Annotated[float, msgspec.Meta(gt=0, le=120)]


class SpeakTable(Table, frozen=True, kw_only=True):
    """A voice for text-only models, and for voices that the provider lacks."""

    worker: str = ""
    """Who speaks; empty leaves it to the model's own voice."""
    url: str = ""
    """Where its server is; empty takes the provider's own. For ``openai`` the base of any such server."""
    model: str = ""
    voice: str = ""
    """Name of a voice as the worker knows it; empty takes ``[voice] name`` on this machine, else the
    worker's first one."""
    speed: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0
    """Speed factor; 0 takes ``[voice] speed``."""
    key: str = ""
    """Name under which its key is found (environment, keyring); empty takes the provider's usual one."""
    insecure: bool = False
    """Allow an address without encryption to a host that is not this machine."""
    ready_seconds: SpeakSeconds = 15
    """Seconds within which the worker must be ready."""
    silence_seconds: SpeakSeconds = 20
    """Seconds that a server may be silent while it owes us sound."""

    def __post_init__(self) -> None:
        """Refuse a worker that does not exist."""
        if self.worker and self.worker not in WORKERS and not _PIPER.fullmatch(self.worker):
            raise ValueError(f"There is no voice worker {self.worker!r}; allowed: {', '.join(WORKERS)}")
        if self.worker == "piper:NAME":
            raise ValueError("Name an installed voice, as in piper:en_US-lessac-medium")
