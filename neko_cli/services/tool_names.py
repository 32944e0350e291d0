"""What a server's tools are called, which of them are offered, and what their results say. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from neko_cli.core.commands import ToolSpec
from neko_cli.core.companions.tools import SERVER_MARK
from neko_cli.core.text import one_line, sanitise
from neko_cli.services.tool_results import json_text, result_of

MAX_NAME = 64
MAX_DESCRIPTION_CHARS = 2000
MAX_SCHEMA_CHARS = 32_000

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_NO_ARGUMENTS = {"type": "object", "properties": {}}


class RemoteTool(msgspec.Struct, frozen=True):
    """A tool as its server names it; ``parameters`` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


class Named(msgspec.Struct, frozen=True):
    """A tool as it is offered, and what its server calls it."""

    spec: ToolSpec
    tool: str


def is_wanted(name: str, only: Sequence[str]) -> bool:
    """Whether a server's tool is among those that the profile names; no patterns mean all."""
    return not only or any(fnmatchcase(name, pattern) for pattern in only)


def named(
    server: str, tools: Iterable[RemoteTool], taken: Collection[str] = ()
) -> tuple[list[Named], list[str]]:
    """The tools that can be offered, and sentences about the others; ``taken`` are names in use."""
    fit: list[Named] = []
    problems: list[str] = []
    used = set(taken)
    for tool in tools:
        name = f"{server}{SERVER_MARK}{_UNFIT.sub('_', tool.name)}"
        shown = one_line(tool.name, 100)
        if len(name) > MAX_NAME or not tool.name:
            problems.append(f'The tool "{shown}" of "{server}" is left out: its name is too long or empty.')
        elif name in used:
            problems.append(
                f'The tool "{shown}" of "{server}" is left out: another one is called "{name}" as well.'
            )
        elif len(json_text(tool.parameters)) > MAX_SCHEMA_CHARS:
            problems.append(
                f'The tool "{shown}" of "{server}" is left out: the description of its arguments is too long.'
            )
        else:
            used.add(name)
            fit.append(Named(spec(name, tool.description, tool.parameters), tool.name))
    return fit, problems


def spec(name: str, description: str, parameters: dict[str, Any]) -> ToolSpec:
    """A tool as a model is told of it; no parameters mean that it takes no arguments."""
    words = sanitise(description).strip()[:MAX_DESCRIPTION_CHARS]
    return ToolSpec(name, words, {"type": "object"} | parameters if parameters else dict(_NO_ARGUMENTS))


def words_of(content: Iterable[Any]) -> str:
    """The texts of a result's parts; what is no text is named instead of shown."""
    return "\n".join(words for part in content if (words := _words(part)))


def result_text(structured: Any, content: Iterable[Any]) -> str:
    """The result of a call as JSON text: what is structured goes before what is written for people."""
    return result_of(words_of(content)) if structured is None else json_text(structured)


def _words(part: Any) -> str:
    """One part; told apart by ``type``, as on the wire, so that no class of the package is needed."""
    kind = part.type
    if kind == "text":
        return str(part.text)
    if kind == "resource_link":
        about = f": {one_line(part.description)}" if part.description else ""
        return f"[the resource {one_line(part.name)} at {one_line(part.uri)}{about}]"
    if kind == "resource":
        text = getattr(part.resource, "text", None)
        if isinstance(text, str):
            return text
        size = _size(part.resource.blob)
        return f"[the resource {one_line(part.resource.uri)}, {size}, which is not text]"
    if kind in ("image", "audio"):
        article = "an image" if kind == "image" else "a sound"
        return f"[{article}, {one_line(part.mime_type, 60)}, {_size(part.data)}, which cannot be given here]"
    return "[a part of another kind]"


def _size(base64: str) -> str:
    size = len(base64) * 3 // 4
    return f"{size} bytes" if size < 10_000 else f"{size // 1000} kB"
