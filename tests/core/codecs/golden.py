"""Plays a golden conversation: what the codec makes of each line, in a form that a file can hold.

A file is JSON lines. The first names its document, the session's settings (``spec``) and, where it is not
the one that the folder is named after, the provider and its address; each other line is a server event
with the provider events it means, or a command with the frames it becomes. A server event that is text
stands for a frame of that text; ``link`` is what a connection by HTTP says itself, which is a binary
frame. ``{"ms": 100, "level": 900}`` stands for so much sound at 24 kHz, all of whose samples have that
value.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec

from neko_cli.core import commands
from neko_cli.core.codecs import PROVIDERS, make_codec
from neko_cli.core.codecs.base import Codec, KeepsTime, SessionSpec, TakesLeave
from neko_cli.core.errors import NekoError

FOLDER = Path(__file__).parents[2] / "golden"

LONG = 1000
"""Characters of base64 beyond which sound is looked at for its short form."""

CONVERSATIONS = ("barge_in", "error", "image", "limits", "manual", "text", "tool", "voice")
"""What there is of every dialect of the flat family."""


def conversation(name: str, folder: str = "openai_ga") -> tuple[Codec, list[dict[str, Any]]]:
    """A fresh codec for a golden file, and the file's lines without the first."""
    first, *lines = read(name, folder)
    assert first["document"], "the first line names the document"
    return make(first["spec"], first.get("provider") or provider_of(folder), first.get("url", "")), lines


def read(name: str, folder: str = "openai_ga") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / folder / name).read_text(encoding="utf-8").splitlines()]


def names(folder: str = "openai_ga") -> list[str]:
    return sorted(path.name for path in (FOLDER / folder).glob("*.jsonl"))


def provider_of(folder: str) -> str:
    """The provider whose conversations a folder holds, unless a file names another one."""
    return "openai" if folder == "openai_ga" else folder.replace("_", "-")


def server_frames(folder: str = "openai_ga") -> list[str]:
    """All frames that servers send in the conversations of a folder."""
    lines = [line for name in names(folder) for line in read(name, folder)]
    return [frame_of(line["server"]) for line in lines if "server" in line]


def make(spec: dict[str, Any], provider: str = "openai", url: str = "") -> Codec:
    """A codec for the settings of a golden file."""
    where = url or f"ws://localhost:1{PROVIDERS[provider].path}"
    return make_codec(provider, msgspec.convert(spec, SessionSpec), key="sk-test", url=where)


def frame_of(server: Any) -> str:
    """What a server sends, as a frame."""
    if isinstance(server, dict) and isinstance(server.get("delta"), dict):
        server = {**server, "delta": b64encode(sound(**server["delta"])).decode()}
    return server if isinstance(server, str) else json.dumps(server)


def sound(ms: int, level: int) -> bytes:
    """Sound at 24 kHz whose samples all have one value."""
    return array("h", [level]).tobytes() * (24 * ms)


def as_sound(pcm: bytes) -> str | dict[str, int]:
    """Base64, or the short form of long sound whose samples all have one value."""
    ms, level = len(pcm) // 48, int.from_bytes(pcm[:2], "little", signed=True)
    same = ms > 0 and pcm == sound(ms, level)
    return {"ms": ms, "level": level} if same else b64encode(pcm).decode()


def play_line(codec: Codec, line: dict[str, Any]) -> dict[str, Any]:
    """The line with what the codec really makes of it."""
    if "server" in line:
        return {
            "server": line["server"],
            "events": [shown(event) for event in codec.decode(frame_of(line["server"]))],
        }
    if "link" in line:
        told = codec.decode(json.dumps(line["link"]).encode())
        return {"link": line["link"], "events": [shown(event) for event in told]}
    if "endpoint" in line:
        endpoint = codec.endpoint()
        return {"endpoint": endpoint.url, "headers": dict(endpoint.headers)}
    if "goodbye" in line:
        assert isinstance(codec, TakesLeave)
        return {"goodbye": [json.loads(frame) for frame in codec.goodbye()]}
    if "silence" in line:
        assert isinstance(codec, KeepsTime)
        sent = [json.loads(frame) for frame in codec.silence(line["silence"])]
        frames = [{**frame, "audio": as_sound(b64decode(frame["audio"]))} for frame in sent]
        return {"silence": line["silence"], "frames": frames}
    if "hello" in line:
        return {"hello": [json.loads(frame) for frame in codec.hello()]}
    frames = [json.loads(frame) for frame in codec.encode(command(line["client"], line["with"]))]
    return {"client": line["client"], "with": line["with"], "frames": [shortened(f) for f in frames]}


def shortened(frame: dict[str, Any]) -> dict[str, Any]:
    """A client's frame; long sound whose samples all have one value in its short form."""
    short: dict[str, Any] = {}
    for key, value in frame.items():
        if key in ("audio", "data") and isinstance(value, str) and len(value) > LONG:
            value = as_sound(b64decode(value))
        short[key] = shortened(value) if isinstance(value, dict) and "level" not in value else value
    return short


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
            value = as_sound(value)
        elif isinstance(value, msgspec.Struct):
            value = msgspec.structs.asdict(value)
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, float):
            value = round(value, 6)
        out[field.name] = value
    return out
