"""Our answer to “is there a proxy?” is that of the transports."""

from __future__ import annotations

import os

import httpx
import pytest
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from neko_cli.services.proxies import ProxyPlace, proxy_for

ENVIRONMENTS = (
    {},
    {"https_proxy": "http://one.example:3128"},
    {"http_proxy": "http://two.example:8080"},
    {"https_proxy": "http://one.example", "no_proxy": "server.example"},
    {"https_proxy": "http://one.example", "no_proxy": ".example"},
    {"https_proxy": "http://one.example", "no_proxy": "*"},
    {"https_proxy": "http://one.example", "no_proxy": "other.example"},
    {"https_proxy": "http://one.example", "http_proxy": "http://two.example"},
    {"HTTPS_PROXY": "http://one.example:1"},
)


@pytest.fixture(autouse=True)
def none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def asked(url: str, *, http: bool) -> ProxyPlace | None:
    parts = parse_uri(url.replace("http", "ws"))
    return proxy_for(parts.host, parts.port, encrypted=parts.secure, http=http)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("url", ["wss://api.server.example/", "ws://server.example:81/"])
def test_it_is_what_websockets_takes(environment: dict[str, str], url: str, monkeypatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = get_proxy(parse_uri(url))
    ours = asked(url, http=False)
    assert (ours is None) is (theirs is None)
    assert ours is None or ours.host in str(theirs)


@pytest.mark.parametrize("environment", [*ENVIRONMENTS, {"all_proxy": "http://all.example"}])
@pytest.mark.parametrize("url", ["https://api.server.example/", "http://server.example:81/"])
async def test_it_is_what_httpx_takes(environment: dict[str, str], url: str, monkeypatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ours = asked(url, http=True)
    async with httpx.AsyncClient() as client:
        mounted = [way for pattern, way in client._mounts.items() if pattern.matches(httpx.URL(url))]
    theirs = mounted[0]._pool._proxy_url if mounted and mounted[0] is not None else None  # type: ignore[attr-defined]
    assert (ours is None) is (theirs is None)
    assert ours is None or ours.host == theirs.host.decode()


@pytest.mark.parametrize("http", [False, True])
def test_this_machine_is_reached_directly(http: bool, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://one.example")
    assert asked("wss://127.0.0.1:1/", http=http) is None
    assert asked("wss://localhost/", http=http) is None
    assert asked("wss://server.example/", http=http) is not None


def test_name_and_password_are_left_out(monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", "http://jane:hidden-1@one.example:3128")
    place = asked("wss://server.example/", http=False)
    assert str(place) == "one.example:3128"
    assert "hidden-1" not in repr(place)


@pytest.mark.parametrize(
    "address", ["ftp://one.example", "http://one.example/path", "http://one.example:port"]
)
def test_an_address_that_is_none(address: str, monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", address)
    with pytest.raises(ValueError):  # noqa: PT011 - what it says is told to nobody
        asked("wss://server.example/", http=False)


def test_a_proxy_with_a_number_of_version_six() -> None:
    assert str(ProxyPlace("::2", 3128)) == "[::2]:3128"
