"""Where an uplink's sound goes, when only the sound matters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from neko_cli.core.commands import AppendAudio
from neko_cli.core.uplink import Attached, Uplink


class FakeLink:
    """Takes sound while it has room; ``flow`` puts what waits on the socket."""

    def __init__(self, rate: int = 24_000, room_ms: float = 1e9) -> None:
        self.codec = SimpleNamespace(capabilities=SimpleNamespace(input_rate=rate))
        self.rate = rate
        self.room_ms = room_ms
        self.got = bytearray()
        self.waiting = 0
        self.ends: list[tuple[int, int]] = []
        """Turns whose utterances were ended on this link, each with the samples that came before."""

    @property
    def has_room(self) -> bool:
        return self.waiting_ms <= self.room_ms

    @property
    def waiting_ms(self) -> float:
        return self.waiting * 500.0 / self.rate

    def send(self, command: AppendAudio) -> None:
        self.got += command.pcm
        self.waiting += len(command.pcm)

    def ended(self, turn: int) -> None:
        """An uplink's ``on_end``."""
        self.ends.append((turn, len(self.got) // 2))

    def flow(self) -> None:
        self.waiting = 0

    @property
    def samples(self) -> list[int]:
        return [int.from_bytes(self.got[at : at + 2], "little") for at in range(0, len(self.got), 2)]


def numbered(first: int, count: int) -> bytes:
    """16-bit samples first, first + 1, …"""
    return b"".join(n.to_bytes(2, "little") for n in range(first, first + count))


def spoken(uplink: Uplink, ms: int, rate: int = 24_000, chunk_ms: int = 100) -> None:
    """So much sound that is not silence, chunk by chunk."""
    for _ in range(0, ms, chunk_ms):
        uplink.push(b"\x01\x00" * (rate * chunk_ms // 1000), rate)


def loud(ms: float, rate: int = 24_000) -> bytes:
    """What anybody hears as speech: 8,000 steps of 32,768, at half the rate."""
    count = round(ms * rate / 1000)
    return (b"\x40\x1f\xc0\xe0" * (count // 2 + 1))[: 2 * count]


def quiet(ms: float, rate: int = 24_000) -> bytes:
    """Digital silence."""
    return bytes(2 * round(ms * rate / 1000))


def attach(uplink: Uplink, link: FakeLink, *, again: bool = False, **options: Any) -> Attached:
    """Give an uplink its next link, which notes the ends that are told on it."""
    uplink.detach()
    uplink.on_end = link.ended
    return uplink.attach(link, again=again, **options)  # type: ignore[arg-type]
