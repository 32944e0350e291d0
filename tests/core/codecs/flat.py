"""Codecs and server frames for the tests of the flat family."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Frame, SessionSpec
from neko_cli.core.codecs.flat import FlatCodec
from neko_cli.core.commands import Command
from neko_cli.core.provider_events import ProviderEvent

DIALECTS = ("qwen", "stepfun", "glm", "neko_free", "azure_preview")
"""The folders of golden conversations."""

PROVIDERS = ("qwen", "stepfun", "glm", "neko-free", "azure-preview")


def codec(provider: str, **spec: Any) -> FlatCodec:
    """A codec as the provider's row of the table makes it."""
    made = make_codec(provider, SessionSpec(**spec), url="ws://localhost:1", key="k")
    assert isinstance(made, FlatCodec)
    return made


def server(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def feed(made: FlatCodec, kind: str, **fields: Any) -> list[ProviderEvent]:
    """What one server event means."""
    return list(made.decode(server(kind, **fields)))


def sent(made: FlatCodec, command: Command) -> list[dict[str, Any]]:
    """The frames that a command becomes."""
    return parsed(made.encode(command))


def parsed(frames: Any) -> list[dict[str, Any]]:
    """Frames as objects."""
    return [json.loads(frame) for frame in frames]


def types(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


def sound(reply: str, item: str, pcm: bytes, **more: Any) -> Frame:
    return server(
        "response.audio.delta", response_id=reply, item_id=item, delta=b64encode(pcm).decode(), **more
    )


def created(made: FlatCodec, reply: str) -> list[ProviderEvent]:
    return feed(made, "response.created", response={"id": reply, "status": "in_progress"})


def done(made: FlatCodec, reply: str, status: str = "completed", **fields: Any) -> list[ProviderEvent]:
    return feed(made, "response.done", response={"id": reply, "status": status, **fields})
