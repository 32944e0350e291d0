"""Steps that the JSON protocols of voices share. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from neko_cli.core.errors import ProtocolSurprise


def read_json(frame: str | bytes, who: str) -> dict[str, Any]:
    """A frame that holds a JSON object; raises ProtocolSurprise."""
    try:
        data: Any = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ProtocolSurprise(f"{who} sent what is no JSON.") from None
    if not isinstance(data, dict):
        raise ProtocolSurprise(f"{who} sent a frame that is no object.")
    return data


def table_of(data: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside an object; empty when there is none."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def text_of(data: dict[str, Any], name: str) -> str:
    """A text inside an object; empty when there is none."""
    value = data.get(name)
    return value if isinstance(value, str) else ""


def sound_in(data: dict[str, Any], name: str, who: str) -> bytes:
    """Base64 inside an object; empty when there is none. Raises ProtocolSurprise."""
    try:
        return base64.b64decode(text_of(data, name), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolSurprise(f"{who} sent sound that cannot be read.") from None


def to_json(value: dict[str, Any]) -> str:
    """A frame."""
    return msgspec.json.encode(value).decode()
