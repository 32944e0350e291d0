"""Codecs and server frames for the tests of the OpenAI GA codec."""

from __future__ import annotations

import json
from base64 import b64encode

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.codecs.openai_dialect import Dialect
from neko_cli.core.codecs.openai_ga import OpenAIGACodec
from neko_cli.core.ports import Endpoint
from tests.core.codecs import golden

SERVER_FRAMES = golden.server_frames("openai_ga")


def codec(**changes) -> OpenAIGACodec:
    """A codec with everything switched on."""
    capabilities = changes.pop("capabilities", Capabilities(truncate=True, images=True, system_items=True))
    dialect = changes.pop("dialect", Dialect(transcription_model="m"))
    spec = SessionSpec(**changes)
    return OpenAIGACodec(
        spec=spec, capabilities=capabilities, dialect=dialect, endpoint=Endpoint("ws://x"), title="X"
    )


def server(kind: str, **fields) -> str:
    return json.dumps({"type": kind, **fields})


def sound(reply: str, item: str, pcm: bytes) -> str:
    return server(
        "response.output_audio.delta", response_id=reply, item_id=item, delta=b64encode(pcm).decode()
    )


def done(reply: str, status: str = "completed", **fields) -> str:
    return server("response.done", response={"id": reply, "status": status, **fields})
