"""Puts results that came from elsewhere into words: tool results and finished agent tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from neko_cli.local.ports import Line
from neko_cli.local.responder.answer import Answer, Mood
from neko_cli.local.responder.wording import as_sentence, clean, listed, shortened

MAX_SAID = 300
"""Characters of a result that are said aloud."""

_PLAIN_KEYS = ("result", "text", "answer", "message", "output", "content", "value", "summary", "response")
_AGENT = re.compile(
    r"(?<![a-z])(?:agents?|tasks?|background|jobs?|callbacks?|subagents?)(?![a-z])", re.IGNORECASE
)
_STATUS = re.compile(
    r"\b(completed|complete|finished|done|succeeded|success|partial(?:ly)?|failed|failure|error|cancelled)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\b(?:summary|result|details?|text|message|output|outcome)\s*[:=]\s*\"?(.+)", re.IGNORECASE | re.DOTALL
)
_MARKS = re.compile(
    r"</?[A-Za-z][\w -]{0,40}(?:\s[\w-]{1,30}=\"[^\"]{0,100}\"){0,6}\s*/?>|`{3}\w*"
    r"|^[#>*=\s-]+|\[/?[^\]\n]{0,80}\]|[*_`]{1,3}",
    re.MULTILINE,
)
_STATUS_FIELD = re.compile(r"\b(?:status|state)\s*[:=]\s*\"?\w+\"?[,;.]?", re.IGNORECASE)
_BLOCK = re.compile(r"<<<\w*\n(.*?)\n?\w*>>>", re.DOTALL)
_ENTRY = re.compile(r"^- (?:[^\n:]{1,60}, )?(\w+): (.*(?:\n  .*)*)", re.MULTILINE)
_NOTES = re.compile(
    r"\(?\b(?:(?:this|the following) (?:is|are) )?(?:data"
    r"|untrusted(?: data)?)\b[^.:;\n)]{0,80}\b(?:not|no"
    r"|never)\b[^.:;\n)]{0,60}(?:instructions?|commands?|orders?)\)?[.:;]?",
    re.IGNORECASE,
)


def report_tools(results: Sequence[Line], calls: Mapping[str, str]) -> Answer:
    """Tool results in words; ``calls`` maps call ids to tool names."""
    said = [_tool_sentence(calls.get(line.call_id, line.name), line.text) for line in results[:4]]
    failed = any("reports an error" in sentence for sentence in said)
    return Answer(" ".join(said), Mood.SAD if failed else Mood.HAPPY)


def report_agents(lines: Sequence[Line]) -> Answer | None:
    """What system lines tell about finished agent tasks, or None when they tell of none."""
    said: list[str] = []
    mood = Mood.HAPPY
    for line in lines:
        status = _STATUS.search(line.text)
        if line.role == "system" and status and _AGENT.search(line.text):
            word = status.group(1).lower()
            for state, body in _entries(line.text) or [(word, line.text)]:
                failed = state in ("failed", "failure", "error", "cancelled")
                mood = Mood.SAD if failed else mood
                asks = state == "question"
                said.append(as_sentence(clean(body)) if asks else _agent_sentence(body, state, failed=failed))
    return Answer(" ".join(said[-4:]), mood) if said else None


def _entries(text: str) -> list[tuple[str, str]]:
    """Status and text of each result in a block: ``<<<results``, ``- completed: …``, ``results>>>``."""
    block = _BLOCK.search(text[:20_000])
    return [(status.lower(), body) for status, body in _ENTRY.findall(block.group(1))] if block else []


def in_words(value: Any, depth: int = 0) -> str:
    """JSON as speakable words: ``temperature 20, unit C``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, int | float):
        return f"{value:.10g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return shortened(clean(value), MAX_SAID)
    if depth >= 3:
        return "more"
    if isinstance(value, list):
        rest = f" and {len(value) - 5} more" if len(value) > 5 else ""
        shown = [in_words(item, depth + 1) for item in value[:5]]
        return (", ".join(shown) + rest if rest else listed(shown)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(
            f"{_spaced(key)} {in_words(item, depth + 1)}" for key, item in list(value.items())[:8]
        )
    return clean(str(value))


def _tool_sentence(name: str, text: str) -> str:
    tool = f"The {_spaced(name)} tool" if name else "The tool"
    try:
        value = msgspec.json.decode(text[:100_000])
    except (msgspec.DecodeError, UnicodeEncodeError):
        value = text
    if isinstance(value, dict) and (value.get("error") or value.get("success") is False):
        error = value.get("error") or value.get("message") or "no reason given"
        if isinstance(error, dict):
            error = error.get("message", error)
        return as_sentence(f"{tool} reports an error: {shortened(in_words(error), MAX_SAID)}")
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _PLAIN_KEYS:
        value = next(iter(value.values()))
    said = shortened(in_words(value), MAX_SAID)
    if not said or value in ({}, [], "", None):
        return f"{tool} is done and returned nothing."
    return as_sentence(f"{tool} says: {said}")


def _agent_sentence(text: str, status: str, *, failed: bool) -> str:
    body = _NOTES.sub(" ", _MARKS.sub(" ", text[:20_000]))
    summary = _SUMMARY.search(body)
    body = summary.group(1) if summary else _STATUS_FIELD.sub(" ", body)
    said = shortened(clean(body).strip(" :;,.\"'{}-"), MAX_SAID)
    opening = (
        "A task has failed"
        if failed
        else "A task is done in part"
        if status.startswith("partial")
        else "A task is finished"
    )
    return as_sentence(f"{opening}: {said}" if said else opening)


def _spaced(name: str) -> str:
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", clean(str(name))[:60])
    return " ".join(re.sub(r"[_\-.]+", " ", words).lower().split())
