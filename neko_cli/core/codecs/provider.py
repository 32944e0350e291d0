"""What a provider is: a row of the registry, as data."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from neko_cli.core.addresses import is_loopback
from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs.wire_dialect import WireDialect


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: where it is, what it can do, how it wants to be spoken to."""

    name: str
    title: str
    """Its name in sentences."""
    family: str
    """Which codec speaks its protocol: a key of ``endpoints.FAMILIES``."""
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
    key_page: str = ""
    """Where to get a key."""
    url_example: str = ""
    """What its users' addresses look like, where each has one of their own."""
    runs_here: bool = False
    """Whether its server is started by neko itself."""
    chat_url: str = ""
    """Its chat-completions API (the base address), for summaries; empty where it has none."""
    chat_model: str = ""
    """A small, quick model there."""
    capabilities: Capabilities
    dialect: WireDialect

    def needs_key(self, url: str) -> bool:
        """Whether a missing key is certain to be refused, at an address given (or its own).

        A server at a given address may be anybody's, and need none; where every user has an address
        of the provider's, it is the provider all the same.
        """
        if not self.capabilities.key_required:
            return False
        if not url.strip():
            return True
        try:
            host = urlsplit(url.strip()).hostname or ""
        except ValueError:
            return False
        return bool(self.url_example) and not is_loopback(host)
