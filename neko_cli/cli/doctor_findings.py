"""What ``neko doctor`` tells: findings, and the exit code that they come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from neko_cli.cli.exits import Exit


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class StageSeen(msgspec.Struct, frozen=True):
    """One stage on the way to a provider; ``ms`` is what it took, ``why`` a word for programs."""

    stage: str
    outcome: str
    ms: float
    why: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; ``code`` is the exit code that it stands for."""

    area: str
    level: Level
    text: str
    hint: str = ""
    code: int = 0
    stages: tuple[StageSeen, ...] | msgspec.UnsetType = msgspec.UNSET
    """Where a provider was visited: how far that went. Else it is left out of the JSON."""


def worst_code(findings: Sequence[Finding]) -> int:
    """The exit code: the highest of the problems'."""
    return max((finding.code for finding in findings if finding.level is Level.PROBLEM), default=Exit.OK)
