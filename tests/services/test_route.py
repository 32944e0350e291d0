"""Which way packets go, as the system tells it."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.services.route import LOOPBACK, SystemRoute


def no_lookup(*args: object, **options: object) -> list[object]:
    raise AssertionError("a name server was asked")


@pytest.mark.parametrize(
    "url",
    [
        "ws://127.0.0.1:8765/v1/realtime",
        "ws://localhost",
        "http://127.8.8.8/",
        "ws://[::1]:9/x",
        "ws://LOCALHOST./",
    ],
)
def test_this_machine_is_always_reached_the_same_way(url: str) -> None:
    assert SystemRoute().local_address(url) == LOOPBACK


@pytest.mark.parametrize("url", ["", "not an address", "wss://", "ws://[::", "ws://host:99999/", "wss:///x"])
def test_what_is_no_address_has_no_way(url: str) -> None:
    assert SystemRoute().local_address(url) == ""


def test_a_name_is_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gethostbyname", "gethostbyname_ex", "create_connection"):
        monkeypatch.setattr(socket, name, no_lookup)
    asked: list[tuple[str, int]] = []
    real = socket.getaddrinfo

    def watched(host: str, port: int, **options: int) -> object:
        asked.append((host, options.get("flags", 0)))
        return real(host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    began = time.monotonic()
    assert SystemRoute().local_address("wss://api.example.invalid/v1/realtime?model=x") == ""
    assert time.monotonic() - began < 0.1
    assert asked == [("api.example.invalid", socket.AI_NUMERICHOST)]


def test_a_name_goes_the_way_of_the_connection_that_was_made() -> None:
    asked: list[str] = []

    def peer_of(host: str) -> str:
        asked.append(host)
        return "127.0.0.9"

    # The address that the system itself takes towards another loopback address.
    assert SystemRoute(peer_of).local_address("wss://api.example.com:444/x") in ("127.0.0.1", "127.0.0.9")
    assert asked == ["api.example.com"]


def test_it_is_the_address_that_a_socket_would_have() -> None:
    # Any literal address but loopback; a machine without network has no way there, which is ''.
    target = "192.0.2.1"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 443))
            expected = probe.getsockname()[0]
    except OSError:
        expected = ""
    assert SystemRoute().local_address(f"wss://{target}/x") == expected


def test_a_way_that_is_lost_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreachable(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Unreachable)
    assert SystemRoute().local_address("wss://192.0.2.1/x") == ""


def test_it_is_cheap_enough_for_every_two_seconds_in_the_loop() -> None:
    route = SystemRoute(lambda host: "192.0.2.1")
    took = []
    for _ in range(50):
        began = time.perf_counter()
        route.local_address("wss://api.example.com/v1/realtime")
        took.append(time.perf_counter() - began)
    assert sorted(took)[25] < 0.002


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=30))
def test_nothing_makes_it_raise(url: str, peer: str) -> None:
    route = SystemRoute(lambda host: peer)
    assert isinstance(route.local_address(url), str)
    assert isinstance(route.local_address(f"wss://{url}"), str)
