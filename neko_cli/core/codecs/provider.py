"""What a provider is: where it is, what it can do, how it wants to be spoken to. Data, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from neko_cli.core.addresses import is_loopback
from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs.dialect import AnyDialect

if TYPE_CHECKING:
    from neko_cli.core.codecs.base import Codec, SessionSpec
    from neko_cli.core.ports import Endpoint

D = TypeVar("D", bound=AnyDialect)
"""The dialects of one family."""


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """Another place where a provider can be reached; each wants a key of its own."""

    url: str
    key_page: str = ""
    """Where to get a key for it."""
    chat_url: str = ""
    """Its chat-completions API; empty where it has none."""


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
    key_kind: str = "an API key"
    """What the key is, in sentences."""
    key_page: str = ""
    """Where to get a key."""
    chat_url: str = ""
    """Its chat-completions API (the base address), for summaries; empty where it has none."""
    chat_model: str = ""
    """A small, quick model there."""
    regions: Mapping[str, Region] = {}
    """Other places where it can be reached, by name."""
    runs_here: bool = False
    """Whether its server is started by neko itself."""
    address_hint: str = ""
    """What its address looks like, where everybody has one of their own."""
    capabilities: Capabilities
    dialect: AnyDialect

    def needs_key(self, url: str) -> bool:
        """Whether a missing key is certain to be refused, at an address given (or the provider's own).

        A server at a given address may be anybody's, and need none. The provider's own servers have
        other names too, such as those of a region; where every user has an address of the provider's,
        it is the provider all the same.
        """
        if not self.capabilities.key_required:
            return False
        if not url.strip():
            return True
        try:
            host = (urlsplit(url.strip()).hostname or "").rstrip(".")
        except ValueError:
            return False
        own = urlsplit(self.url).hostname
        return _is_theirs(host, own) if own else not is_loopback(host)

    def dialect_as(self, kind: type[D]) -> D:
        """Its dialect, which must be one of its family; another is a mistake in the table (TypeError)."""
        if not isinstance(self.dialect, kind):
            raise TypeError(f"{self.name} has no dialect of the family {self.family}")
        return self.dialect


def _is_theirs(host: str, own: str) -> bool:
    """Whether a host is that one, lies below it, or is the same for a place: ``us-central1-NAME``.

    The place's form counts beside the host alone, below a domain that is the provider's all the same.
    """
    if host == own or host.endswith(f".{own}"):
        return True
    name, _, domain = own.partition(".")
    first, _, rest = host.partition(".")
    return "." in domain and rest == domain and first.endswith(f"-{name}")


MakeCodec = Callable[["Provider", "SessionSpec", "Endpoint"], "Codec"]
"""Makes a codec for a row of the registry, the settings of a link, and its address."""
