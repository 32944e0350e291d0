"""Which proxy stands between us and a server: the same answer that the transports come to."""

from __future__ import annotations

import urllib.request

import msgspec

from neko_cli.core.addresses import is_loopback


class ProxyPlace(msgspec.Struct, frozen=True):
    """Where a proxy is; user name and password are left out on purpose."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def proxy_for(host: str, port: int, *, encrypted: bool, http: bool) -> ProxyPlace | None:
    """The proxy for a server; None where it is reached directly, as this machine always is.

    Raises ValueError where the settings name none that can be used; the text of it may hold a password.
    """
    if is_loopback(host):
        return None
    address = _of_http(host, port, encrypted) if http else _of_websockets(host, port, encrypted)
    if not address:
        return None
    from websockets.exceptions import InvalidProxy
    from websockets.proxy import parse_proxy

    try:
        proxy = parse_proxy(address)
    except InvalidProxy:
        raise ValueError("the proxy's address cannot be used") from None
    return ProxyPlace(proxy.host, proxy.port)


def _of_websockets(host: str, port: int, encrypted: bool) -> str | None:
    """What websockets itself takes."""
    from websockets.proxy import get_proxy
    from websockets.uri import WebSocketURI

    return get_proxy(WebSocketURI(encrypted, host, port, "/", ""))


def _of_http(host: str, port: int, encrypted: bool) -> str | None:
    """What httpx takes: the proxy of the scheme, else that for all."""
    if urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    proxies = urllib.request.getproxies()
    address = proxies.get("https" if encrypted else "http") or proxies.get("all")
    return f"http://{address}" if address and "://" not in address else address
