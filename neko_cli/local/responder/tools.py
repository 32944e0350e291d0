"""Decides whether to call one of the client's tools, and with which arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from neko_cli.local.ports import AskedTool
from neko_cli.local.responder.schema_fill import Said, fill
from neko_cli.local.responder.wording import clean, topic_words, words_only

_GENERIC = frozenset(
    "get set do the tool function run call lookup fetch current make create a an of for "
    "to my use query api data "
    "information info new on in and please".split()
)
NAMED = 100
"""Fit of a tool whose name was said."""

MIN_PURPOSE_WORDS = 2
"""Words of a tool's description that must be said for it to be meant, when its name is not."""


class Choice(msgspec.Struct, frozen=True):
    """A call to make, or what is still missing for the tool that the user means."""

    call: AskedTool | None = None
    wanted: str = ""
    """Name of the tool that is meant and cannot be called yet."""
    missing: tuple[str, ...] = ()


def choose_tool(tools: Sequence[Mapping[str, Any]], choice: str, text: str, now: datetime) -> Choice:
    """The call to make; an empty choice when none is meant.

    ``choice`` ``required`` or a tool's name forces a call, with arguments as good as can be; in
    ``auto`` a tool is called only when the user clearly means it and all that it requires was said.
    """
    named = [tool for tool in tools if isinstance(tool.get("name"), str) and tool["name"]]
    if choice == "none" or not named:
        return Choice()
    said = clean(text)
    ranked = sorted(named, key=lambda tool: -_fit(tool, said))
    if choice not in ("auto", "required"):
        ranked = [tool for tool in named if tool["name"] == choice]
        if not ranked:
            return Choice()
    if choice != "auto":
        return Choice(AskedTool(ranked[0]["name"], _arguments(ranked[0], said, now)[0]))
    incomplete = Choice()
    for tool in ranked:
        fit = _fit(tool, said)
        if fit <= 0:
            break
        arguments, missing = _arguments(tool, said, now)
        if not missing:
            return Choice(AskedTool(tool["name"], arguments))
        if fit >= NAMED and not incomplete.wanted:
            incomplete = Choice(wanted=str(tool["name"]), missing=missing)
    return incomplete


def _arguments(tool: Mapping[str, Any], text: str, now: datetime) -> tuple[str, tuple[str, ...]]:
    """Arguments as JSON, and the names of required ones that were not said."""
    schema = tool.get("parameters")
    schema = {"type": "object", **schema} if isinstance(schema, Mapping) else {"type": "object"}
    filled = fill(schema, Said(text, now, frozenset(_name_words(tool))))
    value = filled.value if isinstance(filled.value, dict) else {}
    return msgspec.json.encode(value).decode(), filled.missing or (() if filled.found else ("more",))


def _fit(tool: Mapping[str, Any], text: str) -> int:
    """How clearly the text means the tool: 0 is not at all."""
    said = {_stem(word) for word in words_only(text).split()}
    name = {_stem(word) for word in _name_words(tool) if word not in _GENERIC}
    if name and name <= said:
        return NAMED + len(name)
    description = tool.get("description")
    if isinstance(description, str):
        purpose = {_stem(word) for word in topic_words(clean(description)[:200]) if word not in _GENERIC}
        shared = len(purpose & said)
        if shared >= min(MIN_PURPOSE_WORDS, max(len(purpose), 1)):
            return shared
    return 0


def _name_words(tool: Mapping[str, Any]) -> list[str]:
    return re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", str(tool["name"])[:100]).lower())


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "s", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e")
