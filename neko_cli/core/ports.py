"""Everything that the core needs from outside, as Protocols.

Implementations live above: ``audio`` (microphone, speaker), ``services`` (keys, chat model, log),
``core/transport`` (the only client WebSocket). ``wiring`` binds them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from neko_cli.core.commands import ScreenFrame, ToolSpec
from neko_cli.core.companions.eyes import Seen
from neko_cli.core.companions.sources import Source
from neko_cli.core.errors import AudioError
from neko_cli.core.events import Event
from neko_cli.core.tables import ToolsTable
from neko_cli.core.tables_eyes import BlurRegion


class Clock(Protocol):
    """Time, so that tests can hold it."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        ...

    def time(self) -> float:
        """Unix time in seconds."""
        ...


class Endpoint(msgspec.Struct, frozen=True):
    """Where a link goes; ``headers`` may hold a key and must never be logged or recorded.

    ``ping_interval`` and ``ping_timeout`` are in seconds; None sends no pings.
    """

    url: str
    headers: Mapping[str, str] = {}
    subprotocols: tuple[str, ...] = ()
    ping_interval: float | None = 20.0
    ping_timeout: float | None = 20.0
    insecure: bool = False
    """Allow ``ws://`` to a host that is not loopback."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The fields without the values of headers and query, which may be keys."""
        return [("url", self.url.partition("?")[0]), ("headers", sorted(self.headers))]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Endpoint({shown})"


class Closing(msgspec.Struct, frozen=True):
    """How a connection ended; ``code`` 1006 means without a close frame (RFC 6455 §7.1.5)."""

    code: int
    reason: str = ""
    by_us: bool = False


class Connection(Protocol):
    """One open WebSocket."""

    @property
    def closing(self) -> Closing | None:
        """How it ended, once it has."""
        ...

    def frames(self) -> AsyncIterator[str | bytes]:
        """Messages in order; simply ends when the connection does (see ``closing``)."""
        ...

    async def send(self, frame: str | bytes) -> None:
        """Send one message; raises LinkError when the connection is gone."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close within a second; idempotent, never raises."""
        ...

    async def probe(self, timeout: float) -> bool:
        """Whether the other side still answers within so many seconds (a ping); never raises."""
        ...


class Transport(Protocol):
    """Opens connections."""

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> Connection:
        """Connect; raises a NekoError that is already classified (key, rate, link …)."""
        ...


class Microphone(Protocol):
    """Sound coming in: 16-bit mono PCM in frames of some 10 to 20 ms."""

    unhurried: bool
    """Set by the reader where nothing waits for what is heard: more may come at a time, for less work."""

    @property
    def rate(self) -> int:
        """Sample rate in Hz of the frame that came last; valid once open."""
        ...

    @property
    def name(self) -> str:
        """The device's name."""
        ...

    @property
    def level(self) -> float:
        """Level of the last 100 ms in dBFS."""
        ...

    @property
    def raw_level(self) -> float:
        """The same as the device gave it, before echo and noise were taken out."""
        ...

    async def open(self) -> None:
        """Start the device; raises AudioError."""
        ...

    def frames(self) -> AsyncIterator[bytes]:
        """Frames as they come; ends when closed, raises AudioError when the device dies."""
        ...

    async def close(self) -> None:
        """Stop within a deadline; idempotent."""
        ...


class SpeechDetector(Protocol):
    """Judges frames of ``frame_bytes`` bytes, 16-bit mono at 16 kHz; keeps state: one for each stream."""

    frame_bytes: int

    def probability(self, frame: bytes) -> float:
        """How likely the frame holds speech, 0 … 1."""
        ...

    def reset(self) -> None:
        """Forget the past, as at the start of a stream."""
        ...


class Speaker(Protocol):
    """Sound going out: 16-bit mono PCM."""

    @property
    def rate(self) -> int:
        """Sample rate in Hz; valid once open."""
        ...

    @property
    def name(self) -> str:
        """The device's name."""
        ...

    @property
    def level(self) -> float:
        """Level of what is being played, in dBFS."""
        ...

    @property
    def ahead_ms(self) -> float:
        """After how long the next sample that the device takes will be heard."""
        ...

    @property
    def played(self) -> int:
        """Samples really heard since it was opened; fill-in silence does not count."""
        ...

    @property
    def queued_ms(self) -> float:
        """How much is waiting to be heard, in ms."""
        ...

    async def open(self) -> None:
        """Start the device; raises AudioError."""
        ...

    def play(self, pcm: bytes) -> int:
        """Queue sound, never blocking; returns the bytes taken (the queue is bounded)."""
        ...

    def clear(self) -> None:
        """Drop what is not yet played, from the next block on."""
        ...

    def take_back(self, keep_ms: float = 0.0) -> bytes:
        """What waits and was not handed to the device, but for the next ``keep_ms`` or a little more.

        It is not played here any more.
        """
        ...

    def hold(self, on: bool) -> None:
        """Silence from the next block on while what waits stays as it is; or go on where that stopped.

        Nothing of it counts as played meanwhile. ``clear``, ``close`` and ``open`` end it.
        """
        ...

    async def drained(self) -> None:
        """Wait until all that was queued has been heard; raises AudioError when the device dies."""
        ...

    async def lost(self) -> AudioError:
        """Wait until the device dies, perhaps for ever; returns what became of it."""
        ...

    async def close(self) -> None:
        """Stop within a deadline; idempotent."""
        ...


class DeviceInfo(msgspec.Struct, frozen=True):
    """A sound device, for lists and pickers; rate in Hz."""

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    default_rate: int
    default_input: bool = False
    default_output: bool = False


UNKNOWN_DEVICE = "unknown_device"
"""The code of the error for a name that no device has, as far as the sound library knows."""


class Sound(Protocol):
    """Makes microphones and speakers."""

    async def devices(self) -> Sequence[DeviceInfo]:
        """All devices; raises AudioError when there is no sound system."""
        ...

    def microphone(self, name: str = "") -> Microphone:
        """A microphone by name, number or part of a name; empty for the default."""
        ...

    def speaker(self, name: str = "") -> Speaker:
        """A loudspeaker, chosen likewise."""
        ...

    async def full_name(self, wanted: str, *, microphone: bool) -> str:
        """What a device is called that ``wanted`` means, empty for the default; raises AudioError.

        Devices that were plugged in a moment ago count.
        """
        ...


class Route(Protocol):
    """Which way packets go."""

    def local_address(self, url: str) -> str:
        """This machine's address on the way to a server; empty when unknown. Sends nothing."""
        ...


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is kept: ``id`` is its own, ``started_at`` Unix time in seconds."""

    id: str
    character: str
    profile: str
    provider: str
    model: str
    mode: str
    """``call`` or ``text``."""
    started_at: float


class PastMessage(msgspec.Struct, frozen=True):
    """A message of an earlier run; ``role`` is user or assistant, ``at`` Unix time in seconds."""

    role: str
    text: str
    turn: int
    at: float


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a session that goes on after a restart."""

    session: SessionRecord
    messages: tuple[PastMessage, ...] = ()
    """The newest, oldest first."""
    summary: str = ""
    """What was said before them."""
    last_turn: int = 0


class Journal(Protocol):
    """Where a conversation is kept. The methods return at once; the writing is done elsewhere.

    A future's result comes when the entry is on disk; it raises StoreError when it cannot be saved.
    """

    def begin(self, record: SessionRecord) -> asyncio.Future[None]:
        """A session begins, or goes on (its id is known already)."""
        ...

    def write(self, session: str, event: Event, wall: float) -> asyncio.Future[None]:
        """Keep an event that was told at ``wall`` (Unix time in seconds)."""
        ...

    def summarised(self, session: str, mode: str, text: str, upto_turn: int) -> asyncio.Future[None]:
        """Keep the newest summary of a session, which covers its turns up to a number."""
        ...

    def used(self, session: str, seconds: float, wall: float) -> asyncio.Future[None]:
        """So many more seconds of connection were used."""
        ...

    async def used_today(self, profile: str, wall: float) -> float:
        """Seconds of connection that a profile's sessions have used on the local day of ``wall``."""
        ...


class Summariser(Protocol):
    """Sums up a conversation."""

    async def summarise(
        self,
        earlier: str,
        lines: Sequence[tuple[str, str]],
        *,
        language: str,
        within: float | None = None,
    ) -> str:
        """A short summary of an earlier summary and the (speaker, text) lines since.

        ``within`` so many seconds; None takes the profile's time. Raises NekoError when none can be had.
        """
        ...


class KeyStore(Protocol):
    """Where API keys come from."""

    def find(self, names: Sequence[str]) -> str:
        """The first key found under one of the names (environment first); empty when none."""
        ...


class Translator(Protocol):
    """Translates what is shown."""

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """The text in another language; raises NekoError."""
        ...


class Offer(msgspec.Struct, frozen=True):
    """The tools that can be used now, and sentences about those that cannot."""

    specs: tuple[ToolSpec, ...] = ()
    problems: tuple[str, ...] = ()


class Toolbox(Protocol):
    """Carries tools out: programs, Python functions, and servers that speak MCP."""

    async def offer(self, wanted: ToolsTable) -> Offer:
        """What of a profile's table can be used; starts what it takes. Never raises.

        A server that is not there within a few seconds is a problem now, and may be there later.
        """
        ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Carry out a tool of the last offer; the result is JSON text.

        Raises ToolError: what went wrong, in a sentence that the model is told too. When it is
        cancelled, nothing of the call goes on.
        """
        ...

    def watch(self, changed: Callable[[], None]) -> None:
        """``changed`` is called when another offer would be made of the same table."""
        ...

    async def close(self) -> None:
        """End all servers within a few seconds; idempotent. A later ``offer`` starts them again."""
        ...


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be looked at, and how the picture is wanted."""

    source: Source
    blur: tuple[BlurRegion, ...] = ()
    media_types: tuple[str, ...] = ("image/jpeg", "image/png")
    limit: int | None = None
    """Bytes of the encoded picture at most."""


class Glance(msgspec.Struct, frozen=True):
    """One look: what it is compared by, and the picture where it was wanted."""

    seen: Seen
    picture: ScreenFrame | None = None


class Eye(Protocol):
    """Sees what the user shows: screens, windows, files, the clipboard."""

    async def glance(self, look: Look, wanted: Callable[[Seen], bool]) -> Glance:
        """One look, blurred before anything else is done with it; never longer than a deadline.

        ``wanted`` is asked, on another thread, whether the picture is to be encoded. Raises ScreenError
        when there is nothing to be seen, InvalidRequest when it cannot be made as small as that.
        """
        ...


class Describer(Protocol):
    """Puts pictures into words for a model that cannot see."""

    async def describe(self, picture: ScreenFrame, *, language: str) -> str:
        """A short description, cleaned and bounded; raises NekoError."""
        ...
