"""Which way packets go: this machine's own address towards a server. Sends nothing, asks no name server."""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from neko_cli.core.addresses import is_loopback

LOOPBACK = "127.0.0.1"
"""What is told for any server on this machine: that way never changes."""

PORT = 443
"""Stands for an address without a port; connecting a datagram socket needs one."""


class SystemRoute:
    """Asks the system's routing table (core's ``Route``)."""

    def __init__(self, peer_of: Callable[[str], str] = lambda host: "") -> None:
        """``peer_of`` gives the IP address that a connection to a host name really went to, or ''."""
        self._peer_of = peer_of

    def local_address(self, url: str) -> str:
        """This machine's address on the way to a server; empty when there is no way, or none is known.

        Connecting a datagram socket makes the system choose a route and sends nothing (RFC 1122
        §4.1.3.5 leaves it to the system; ``connect(2)`` on Linux, macOS and Windows). Names are not
        resolved, as that could take seconds: the transport tells where they led. Takes some 20 µs.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or PORT
        except ValueError:
            return ""
        if not host:
            return ""
        if is_loopback(host):
            return LOOPBACK
        return _towards(self._peer_of(host) or host, port)


def _towards(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setblocking(False)
            probe.connect(address)
            return str(probe.getsockname()[0])
    except (OSError, UnicodeError):  # a name, or no route: no address, and no reason to stop
        return ""
