"""Plays a golden conversation: what the codec makes of each line, in a form that a file can hold.

A file is JSON lines. The first names its document, the session's settings (``spec``) and, where it is
not the one that the folder is named after, the provider and its address; each other line is a server event
with the provider events it means, or a command with the frames it becomes.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec

from neko_cli.core import commands
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.errors import NekoError

FOLDER = Path(__file__).parents[2] / "golden"

CONVERSATIONS = ("barge_in", "error", "image", "limits", "manual", "text", "tool", "voice")
"""What there is of every dialect."""


def conversation(name: str, dialect: str = "openai_ga") -> tuple[Codec, list[dict[str, Any]]]:
    """A fresh codec for a golden file, and the file's lines without the first."""
    first, *lines = read(name, dialect)
    assert first["document"], "the first line names the document"
    return make(first["spec"], first.get("provider") or provider_of(dialect), first.get("url", "")), lines


def read(name: str, dialect: str = "openai_ga") -> list[dict[str, Any]]:
    text = (FOLDER / dialect / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def names(dialect: str = "openai_ga") -> list[str]:
    return sorted(path.name for path in (FOLDER / dialect).glob("*.jsonl"))


def server_frames(dialect: str = "openai_ga") -> list[str]:
    """All server events of a dialect's conversations, as they come over the wire."""
    lines = (line for name in names(dialect) for line in read(name, dialect))
    return [json.dumps(line["server"]) for line in lines if "server" in line]


def provider_of(dialect: str) -> str:
    """The provider whose conversations a folder holds."""
    return "openai" if dialect == "openai_ga" else dialect.replace("_", "-")


def make(spec: dict[str, Any], provider: str = "openai", url: str = "") -> Codec:
    """A codec for the settings of a golden file."""
    url = url or "ws://localhost:1/v1/realtime"
    return make_codec(provider, msgspec.convert(spec, SessionSpec), key="sk-test", url=url)


def play_line(codec: Codec, line: dict[str, Any]) -> dict[str, Any]:
    """The line with what the codec really makes of it."""
    if "server" in line:
        return {
            "server": line["server"],
            "events": [shown(event) for event in codec.decode(json.dumps(line["server"]))],
        }
    if "hello" in line:
        return {"hello": [json.loads(frame) for frame in codec.hello()]}
    frames = [json.loads(frame) for frame in codec.encode(command(line["client"], line["with"]))]
    return {"client": line["client"], "with": line["with"], "frames": frames}


def command(name: str, fields: dict[str, Any]) -> commands.Command:
    """A command by its class's name; bytes stand as base64."""
    made = {key: b64decode(value) if key in ("pcm", "data") else value for key, value in fields.items()}
    return getattr(commands, name)(**made)


def shown(event: Any) -> dict[str, Any]:
    """A provider event as JSON: its class and what is not a default."""
    out: dict[str, Any] = {"is": type(event).__name__}
    for field in msgspec.structs.fields(event):
        value = getattr(event, field.name)
        if field.default is not msgspec.NODEFAULT and value == field.default:
            continue
        if isinstance(value, NekoError):
            value = {"category": str(value.category), "code": value.code, "message": value.message}
            if event.error.retry_after is not None:
                value["retry_after"] = event.error.retry_after
        elif isinstance(value, bytes):
            value = b64encode(value).decode()
        elif isinstance(value, msgspec.Struct):
            value = msgspec.structs.asdict(value)
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, float):
            value = round(value, 6)
        out[field.name] = value
    return out
