"""Addresses of servers: what the user may give, and what may be shown or recorded."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from neko_cli.core.errors import ConfigError
from neko_cli.core.text import one_line

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine.

    ``localhost``, 127.0.0.0/8 (also in short forms such as ``127.1``), ``::1`` and ``::ffff:127.x``.
    Names below ``localhost`` are not trusted: without systemd-resolved they go to a name server.
    """
    name = host.strip("[]").split("%", 1)[0].lower()
    if name.rstrip(".") == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        if name and set(name) <= set("0123456789."):
            try:
                return socket.inet_aton(name)[0] == 127
            except OSError:
                return False
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def split_address(url: str) -> SplitResult:
    """An address in its parts, with a WebSocket scheme (``http`` becomes ``ws``).

    Raises ConfigError for anything that is not a whole address of a WebSocket server. The
    sentence never repeats what stands before an ``@`` or behind a ``?``.
    """
    shown = one_line(without_secrets(url), 120)
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ConfigError(f"“{shown}” is not an address.", hint=_EXAMPLE) from None
    scheme = _SCHEMES.get(parts.scheme.lower())
    if scheme is None or not parts.hostname:
        raise ConfigError(f"“{shown}” is not the address of a WebSocket server.", hint=_EXAMPLE)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "An address must not hold a user name or a password.", hint="Give the key by `neko keys set`."
        )
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in url.strip()) or port == 0:
        raise ConfigError(f"“{shown}” is not an address.", hint=_EXAMPLE)
    return parts._replace(scheme=scheme, fragment="")


_EXAMPLE = "An address looks like wss://host/path or http://localhost:8080."


def check_encrypted(parts: SplitResult, *, insecure: bool) -> None:
    """Refuse ``ws://`` to another machine, unless the user insists; raises ConfigError."""
    host = parts.hostname or ""
    if parts.scheme == "wss" or insecure or is_loopback(host):
        return
    raise ConfigError(
        f"The connection to {one_line(host, 80)} would not be encrypted.",
        hint="Use wss://, or --insecure if you mean it.",
    )


def with_query(parts: SplitResult, **values: str) -> str:
    """The address with these query values, where it does not name them itself; empty ones are left out."""
    present = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode(
        {name: value for name, value in values.items() if value and name not in present}, quote_via=quote
    )
    return urlunsplit(parts._replace(query="&".join(piece for piece in (parts.query, added) if piece)))


def without_secrets(url: str) -> str:
    """The address without user information, query and fragment, for recordings and messages."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return url.partition("?")[0].rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
