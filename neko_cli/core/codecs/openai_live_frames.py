"""Client frames of OpenAI's Live protocol; pure functions, commands in → JSON text out.

Source: OpenAI's Live API reference (primary WebSocket, fork WebSocket) and its guides “Managing GPT-Live
sessions” and “Delegation and tools in GPT-Live” (November 2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs import openai_frames
from neko_cli.core.codecs.base import HistoryLine, SessionSpec, instructions_with_past
from neko_cli.core.codecs.openai_dialect import LiveDialect
from neko_cli.core.codecs.openai_frames import SETUP_EVENT, flat_tool
from neko_cli.core.text import to_json

PIECE_TOKENS = 400
"""Size of one appended text by our estimate; the provider takes 500 tokens."""

HISTORY_ITEMS = 128
HISTORY_TOKENS = 8_000
"""Most messages that a session begins with, and most of their tokens; the provider takes 8,192."""

ITEM_TOKENS = 8
"""What a message costs besides its text."""

INSTRUCTION_TOKENS = 16_000
"""Most tokens of the instructions, by our estimate; the provider takes 16,384."""

RESPONSE_CREATE = openai_frames.RESPONSE_CREATE
CLOSE = '{"type":"session.close"}'

_BACKEND = (
    "You think and look things up for the character below, who speaks with the user by voice. "
    "Answer so that it can be spoken: short, without lists and without markdown.\n\n"
)

_WORDS = re.compile(r"[A-Za-z]+|[0-9]+|[^\x00-\x7f]+|[^A-Za-z0-9\s]|\n")
_SENTENCES = re.compile(r"[^.!?。！？\n]*(?:[.!?。！？\n]+\s*|$)")
_BLANKS = re.compile(r"\S*(?:\s+|$)")


def tokens(text: str) -> int:
    """At least as many tokens as a text has, whatever its language; counted without a tokeniser.

    A token of the provider's (o200k) holds four or five letters of English, three digits at most, and
    about one character of Chinese.
    """
    total = 0
    for match in _WORDS.finditer(text):
        found = match.group()
        if found.isascii():
            total += (len(found) + 1) // 2
        else:
            total += (len(found.encode("utf-8", "replace")) + 1) // 2
    return total


def pieces(text: str, limit: int = PIECE_TOKENS) -> list[str]:
    """A text in parts of so many tokens at most, cut between sentences or words where that is possible."""
    if len(text) * 4 <= limit or (len(text) <= limit and text.isascii()):
        return [text.strip()] if text.strip() else []  # no token is shorter than a byte
    out: list[str] = []
    held, size = "", 0
    for part in _parts(text, limit):
        more = tokens(part)
        if held and size + more > limit:
            out.append(held.strip())
            held, size = "", 0
        held += part
        size += more
    return [piece for piece in (*out, held.strip()) if piece]


def _parts(text: str, limit: int) -> Iterator[str]:
    """The text in sentences, those that are too long in words, and those anywhere; blanks are kept."""
    for sentence in _SENTENCES.findall(text):
        if tokens(sentence) <= limit:
            yield sentence
            continue
        for word in _BLANKS.findall(sentence):
            if tokens(word) <= limit:
                yield word
                continue
            step = max(1, limit // 2)  # two tokens for a character are the most by our estimate
            yield from (word[at : at + step] for at in range(0, len(word), step))


def session_start(spec: SessionSpec, capabilities: Capabilities, dialect: LiveDialect) -> str:
    """The configuration of a fresh session, with what was said before."""
    model, _, backend = spec.model.partition("+")
    session: dict[str, Any] = {"model": model, "audio": {"format": _format(capabilities)}}
    if instructions := instructions_with_past(spec, capabilities):
        session["instructions"] = pieces(instructions, INSTRUCTION_TOKENS)[0]
    if spec.voice:
        session["audio"]["output"] = {"voice": spec.voice}
    if lines := seeded(spec.history if capabilities.seed_history else ()):
        session["input"] = lines
    if delegation := _delegation(spec, capabilities, dialect, backend):
        session["delegation"] = delegation
    if spec.store:
        session["store"] = True
    return to_json({"type": "session.start", "event_id": SETUP_EVENT, "session": session})


def fork_start(spec: SessionSpec, capabilities: Capabilities, dialect: LiveDialect) -> str:
    """The beginning of a fork: it inherits everything but the sound's format."""
    session: dict[str, Any] = {"audio": {"format": _format(capabilities)}, "store": spec.store}
    return to_json({"type": "session.start", "event_id": SETUP_EVENT, "session": session})


def seeded(history: Sequence[HistoryLine]) -> list[dict[str, Any]]:
    """Earlier messages as a session takes them: the newest, as many as fit, oldest first."""
    kept: list[dict[str, Any]] = []
    room = HISTORY_TOKENS
    for line in reversed(history):
        cost = tokens(line.text) + ITEM_TOKENS
        if not line.text.strip() or cost > HISTORY_TOKENS:
            continue  # one message that is too long does not cost the others
        if cost > room or len(kept) == HISTORY_ITEMS:
            break
        room -= cost
        role = line.role if line.role in ("user", "assistant") else "developer"
        kind = "output_text" if role == "assistant" else "input_text"
        kept.append({"role": role, "content": [{"type": kind, "text": line.text}]})
    return kept[::-1]


def append(pcm: bytes) -> list[str]:
    """Microphone sound; several frames when it is long, none when it is empty."""
    return openai_frames.append(pcm, "session.input_audio.append")


def instruct(text: str) -> list[str]:
    """A rule from now on; may be acted on at once."""
    return _appended("instructions", text)


def think(text: str) -> list[str]:
    """Context that nobody is to speak of."""
    return _appended("thinking", text)


def say(text: str, delegation_id: str = "") -> list[str]:
    """Something to be said, in the character's own words."""
    return _appended("commentary", text, delegation_id)


def _appended(kind: str, text: str, delegation_id: str = "") -> list[str]:
    return [
        to_json({"type": f"session.{kind}.append", "content": piece, "delegation_id": delegation_id or None})
        for piece in pieces(text)
    ]


def backend_text(text: str) -> str:
    """A message of the user to the model that thinks."""
    return _item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})


def backend_image(data: bytes, media_type: str) -> str:
    """A picture from the user to the model that thinks; the one that speaks sees none."""
    url = openai_frames.data_url(data, media_type)
    return (
        '{"type":"response.item.create","item":{"type":"message","role":"user","content":['
        f'{{"type":"input_image","detail":"auto","image_url":{url}}}]}}}}'
    )


def tool_output(call_id: str, output: str) -> str:
    """The result of a tool call."""
    return _item({"type": "function_call_output", "call_id": call_id, "output": output})


def _item(item: dict[str, Any]) -> str:
    return to_json({"type": "response.item.create", "item": item})


def _format(capabilities: Capabilities) -> dict[str, Any]:
    # One format for both directions.
    return {"type": "audio/pcm", "rate": capabilities.input_rate}


def _delegation(
    spec: SessionSpec, capabilities: Capabilities, dialect: LiveDialect, backend: str
) -> dict[str, Any] | None:
    model = backend or dialect.backend
    if not model:
        return None  # what the model hands over comes to us
    responses: dict[str, Any] = {"model": model}
    if spec.instructions:
        responses["instructions"] = _BACKEND + spec.instructions
    if spec.tools and capabilities.tools is ToolForm.FLAT:
        responses["tools"] = [flat_tool(tool) for tool in spec.tools]
    if spec.max_output_tokens:
        responses["max_output_tokens"] = spec.max_output_tokens
    return {"type": "responses", "responses": responses}
