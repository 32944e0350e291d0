"""What is known of one provider: a row of the registry."""

from __future__ import annotations

import msgspec

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs.openai_dialect import Dialect


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: where it is, what it can do, how it wants to be spoken to."""

    name: str
    title: str
    """Its name in sentences."""
    family: str
    """Which codec speaks its protocol: a key of ``FAMILIES``."""
    url: str
    """Its own address; empty where the address is known only at run time."""
    path: str
    """Path that is added to a given address without one."""
    model: str
    """Used when the profile names none."""
    voice: str = ""
    """Used when the profile names none; empty leaves the choice to the server."""
    key_names: tuple[str, ...] = ()
    """Environment variables that may hold the key, the usual one first."""
    key_kind: str = "an API key"
    """What the key is, in sentences."""
    key_page: str = ""
    """Where to get a key."""
    chat_url: str = ""
    """Its chat-completions API (the base address), for summaries; empty where it has none."""
    chat_model: str = ""
    """A small, quick model there."""
    capabilities: Capabilities
    dialect: Dialect

    @property
    def runs_here(self) -> bool:
        """Whether its server is started by neko itself, as it has no address of its own."""
        return not self.url
