"""One transport for all endpoints: WebSockets, and HTTP where an endpoint's address says so."""

from __future__ import annotations

from neko_cli.core.ports import Connection, Endpoint, Transport


class SchemeTransport:
    """Opens a connection by the scheme of its address; see ``ports.Transport``."""

    def __init__(self, sockets: Transport, http: Transport) -> None:
        """``http`` takes the addresses that begin with http:// or https://."""
        self._sockets = sockets
        self._http = http

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> Connection:
        """Connect within ``timeout`` seconds; raises a NekoError that is already classified."""
        plain = endpoint.url.partition(":")[0].lower() in ("http", "https")
        return await (self._http if plain else self._sockets).open(endpoint, timeout=timeout)
