"""The contract of a codec: sans-I/O, frames in → events out, commands in → frames out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.commands import Command, ToolSpec
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import ProviderEvent
from neko_cli.core.text import paragraphs

Frame = str | bytes
"""A text or a binary WebSocket message."""


class Detection(StrEnum):
    """Who decides that the user's turn is over."""

    SERVER = "server"
    SEMANTIC = "semantic"
    LOCAL = "local"
    """This program, by its own detector; the provider is told when a turn begins and ends."""
    MANUAL = "manual"


class HistoryLine(msgspec.Struct, frozen=True):
    """An earlier message to put into a fresh session; ``role`` is user, assistant or system."""

    role: str
    text: str


class SessionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a codec needs to know about one link; times in ms."""

    model: str = ""
    instructions: str = ""
    voice: str = ""
    speed: float = 1.0
    language: str = ""
    want_audio: bool = True
    """Whether replies are asked for as voice (their captions come with it), else as text."""
    want_captions: bool = True
    """Whether the user's speech is to come back as text."""
    transcription_model: str = ""
    detection: Detection = Detection.SERVER
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 700
    interrupt_reply: bool = True
    tools: tuple[ToolSpec, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    recollection: str = ""
    """The same as a marked block, to be added to the instructions where history cannot be seeded."""
    resume_handle: str = ""
    max_output_tokens: int = 0
    store: bool = False
    """Whether the provider may keep the session, so that the next link can go on from it."""


def instructions_with_past(spec: SessionSpec, capabilities: Capabilities) -> str:
    """The instructions, with the recollection where earlier messages cannot be told as such."""
    past = "" if capabilities.seed_history else spec.recollection
    return paragraphs(spec.instructions, past) if past else spec.instructions


class Codec(Protocol):
    """Speaks one provider family's protocol.

    Pure: no clock, no socket, no log. ``decode`` never raises on what a server sends.
    """

    capabilities: Capabilities

    def endpoint(self) -> Endpoint:
        """Where to connect, with which headers."""
        ...

    def hello(self) -> Sequence[Frame]:
        """Frames to send once the socket is open (configuration and history)."""
        ...

    def decode(self, frame: Frame) -> Sequence[ProviderEvent]:
        """What a frame means; unknown types become ``Unknown``, rubbish becomes ``Surprise``."""
        ...

    def encode(self, command: Command) -> Sequence[Frame]:
        """Frames that carry out a command; none where the provider cannot."""
        ...


@runtime_checkable
class TakesLeave(Protocol):
    """A codec whose provider wants to be told that a session ends, and answers ``SessionClosed``."""

    def goodbye(self) -> Sequence[Frame]:
        """Frames to send before the connection is closed."""
        ...


@runtime_checkable
class KeepsTime(Protocol):
    """A codec whose provider's clock is the sound that it is sent (``Capabilities.needs_sound``)."""

    def silence(self, ms: float) -> Sequence[Frame]:
        """Frames that stand for ``ms`` in which nothing comes from the microphone."""
        ...
