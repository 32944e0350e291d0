"""Where an uplink's sound goes, when only the sound matters."""

from __future__ import annotations

from types import SimpleNamespace

from neko_cli.core.commands import AppendAudio


class FakeLink:
    """Takes sound while it has room; ``flow`` puts what waits on the socket."""

    def __init__(self, rate: int = 24_000, room_ms: float = 1e9) -> None:
        self.codec = SimpleNamespace(capabilities=SimpleNamespace(input_rate=rate))
        self.rate = rate
        self.room_ms = room_ms
        self.got = bytearray()
        self.waiting = 0

    @property
    def has_room(self) -> bool:
        return self.waiting_ms <= self.room_ms

    @property
    def waiting_ms(self) -> float:
        return self.waiting * 500.0 / self.rate

    def send(self, command: AppendAudio) -> None:
        self.got += command.pcm
        self.waiting += len(command.pcm)

    def flow(self) -> None:
        self.waiting = 0

    @property
    def samples(self) -> list[int]:
        return [int.from_bytes(self.got[at : at + 2], "little") for at in range(0, len(self.got), 2)]


def numbered(first: int, count: int) -> bytes:
    """16-bit samples first, first + 1, …"""
    return b"".join(n.to_bytes(2, "little") for n in range(first, first + count))
