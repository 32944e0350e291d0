"""The table of a profile that says how agents reach the character."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from neko_cli.core.tables import Table


class BusKind(StrEnum):
    """Where agents are listened to."""

    OWN = "own"
    """A private socket that nobody but the user of this machine can reach."""
    NEKO = "neko"
    """That socket, and the three of N.E.K.O.'s bus, which any program on this machine can reach."""
    OFF = "off"


class AgentsTable(Table, frozen=True, kw_only=True):
    """Results of agents that the character tells, and what agents are asked to do."""

    bus: BusKind = BusKind.OWN
    session_address: str = ""
    """Where session events are published with ``bus = "neko"``; empty takes tcp://127.0.0.1:48961."""
    result_address: str = ""
    """Where agents push their events to; empty takes tcp://127.0.0.1:48962."""
    analyze_address: str = ""
    """Where agents pull requests from; empty takes tcp://127.0.0.1:48963."""
    insecure: bool = False
    """Allow addresses that other machines can reach; nothing on this bus is checked or encrypted."""
    enabled: bool = False
    """Whether an agent server that listens is shown the last messages after each turn."""
    computer_use: bool = False
    browser_use: bool = False
    mcp: bool = False
    user_plugin: bool = False
    """What the agent server may use; told to it, and carried out there."""
    tokens: Annotated[int, msgspec.Meta(ge=200, le=20_000)] = 1500
    """Roughly how much of waiting results is told at once; the rest waits for the next quiet moment."""
    notices: bool = True
    """Whether a result is shown as a line at once, before the character tells it."""

    @property
    def flags(self) -> dict[str, bool]:
        """The flags by their names on N.E.K.O.'s bus."""
        return {
            "agent_enabled": self.enabled,
            "computer_use_enabled": self.computer_use,
            "browser_use_enabled": self.browser_use,
            "mcp_enabled": self.mcp,
            "user_plugin_enabled": self.user_plugin,
        }
