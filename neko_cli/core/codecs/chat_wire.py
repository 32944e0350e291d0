"""The chat-completions protocol without I/O: request bodies, event streams, assembled tool calls.

The shapes follow OpenAI's chat-completions reference; Ollama, LM Studio, llama.cpp and vLLM
speak the same with small omissions, all of which are tolerated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from neko_cli.core import classify
from neko_cli.core.errors import NekoError, ProtocolSurprise

MAX_LINE_BYTES = 1 << 20
"""Longest line of an event stream; a longer one is not a chat server's."""

MAX_TEXT_CHARS = 1 << 20
"""Longest reply text that is taken."""

MAX_ARGUMENT_CHARS = 1 << 18
"""Longest arguments of one tool call."""

MAX_TOOL_CALLS = 64
"""Tool calls taken in one reply."""


_NO_CHAT = ("embed", "rerank", "whisper", "tts", "clip", "bge-", "minilm")


class ChatText(msgspec.Struct, frozen=True, tag="text"):
    """A piece of the reply's text."""

    text: str


class ChatTool(msgspec.Struct, frozen=True, tag="tool"):
    """A whole tool call; ``arguments`` is a JSON object as text."""

    call_id: str
    name: str
    arguments: str


class ChatUsage(msgspec.Struct, frozen=True, tag="usage"):
    """Token counts as the server tells them."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


ChatPart = ChatText | ChatTool | ChatUsage


def request_body(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] = (),
    tool_choice: str = "auto",
    max_tokens: int = 0,
    temperature: float | None = None,
) -> dict[str, Any]:
    """The JSON body of a streamed request.

    ``tools`` may be in the flat form of the realtime API or already nested; ``tool_choice`` is
    ``auto``, ``none``, ``required`` or a tool's name.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if tools:
        body["tools"] = [nested_tool(tool) for tool in tools]
        if tool_choice in ("auto", "none", "required"):
            body["tool_choice"] = tool_choice
        else:
            body["tool_choice"] = {"type": "function", "function": {"name": tool_choice}}
    if max_tokens > 0:
        body["max_tokens"] = max_tokens
    if temperature is not None:
        body["temperature"] = temperature
    return body


def nested_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool in the form of chat completions (``{"type": "function", "function": {…}}``)."""
    if isinstance(tool.get("function"), Mapping):
        return dict(tool)
    function = {key: tool[key] for key in ("name", "description", "parameters", "strict") if key in tool}
    return {"type": "function", "function": function}


def simpler_body(body: Mapping[str, Any], said: str) -> dict[str, Any] | None:
    """The request without what the server just refused, or None when there is nothing to leave out.

    Older servers reject ``stream_options``; newer OpenAI models want ``max_completion_tokens``
    in the place of ``max_tokens``.
    """
    out = dict(body)
    if "max_tokens" in out and "max_completion_tokens" in said:
        out["max_completion_tokens"] = out.pop("max_tokens")
        return out
    if "stream_options" in out and ("stream_options" in said or "include_usage" in said):
        del out["stream_options"]
        return out
    return None


def error_words(data: bytes) -> tuple[str, str]:
    """The server's sentence and its structured code from an error body; both may be empty."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = data[:400].decode("utf-8", "replace")
        return ("" if "<" in text else _one_line(text)), ""
    return _words_of(found)


def _words_of(found: Any) -> tuple[str, str]:
    inner = found.get("error", found) if isinstance(found, dict) else found
    if isinstance(inner, str):
        return _one_line(inner), ""
    if not isinstance(inner, dict):
        return "", ""
    message = inner.get("message") or inner.get("detail") or ""
    code = inner.get("code") or inner.get("type") or ""
    return _one_line(str(message)), _one_line(str(code))[:60]


def _one_line(text: str) -> str:
    """Printable characters on one line; what a server says may hold anything."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:2000]).split())


class EventStream:
    """Bytes in, the data of server-sent events out (WHATWG HTML §9.2); comments are skipped."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Data of the events that ended in this chunk; raises ProtocolSurprise on endless lines."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise ProtocolSurprise("The chat server sent a line without an end.")
        for line in lines:
            data = self._line(line.removesuffix(b"\r"))
            if data is not None:
                yield data

    def finish(self) -> Iterator[bytes]:
        """What is left when the connection ends without a final empty line."""
        rest, self._rest = self._rest, b""
        for line in (rest, b""):
            data = self._line(line.removesuffix(b"\r"))
            if data is not None:
                yield data

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            data, self._data, self._size = self._data, [], 0
            return b"\n".join(data) if data else None
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._size += len(line)
            if self._size > MAX_LINE_BYTES:
                raise ProtocolSurprise("The chat server sent an event that is too large.")
        return None


class ThoughtFilter:
    """Leaves out a leading ``<think>…</think>``, which reasoning models put before their answer."""

    _OPEN = "<think>"
    _CLOSE = "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def push(self, text: str) -> str:
        """What of the text may be shown now."""
        if self._state == "open":
            return text
        self._held += text
        if self._state == "start":
            head = self._held.lstrip()
            if head.startswith(self._OPEN):
                self._state, self._held = "thinking", head[len(self._OPEN) :]
            elif self._OPEN.startswith(head):
                return ""
            else:
                self._state = "open"
                out, self._held = self._held, ""
                return out
        _, closed, after = self._held.partition(self._CLOSE)
        if not closed:
            self._held = self._held[-len(self._CLOSE) :]
            return ""
        if not after.strip():
            self._held = self._CLOSE + after
            return ""
        self._state, self._held = "open", ""
        return after.lstrip()

    def finish(self) -> str:
        """What was held back and turned out to be text."""
        return self._held if self._state == "start" else ""


class NoChunk(ProtocolSurprise):
    """An event that is no chunk of a reply; the ones after it may be."""


class ReplyAssembler:
    """Turns the chunks of a streamed reply into parts.

    Text comes out as it arrives; a tool call when it is whole, that is when the reply ends.
    """

    def __init__(self, where: str) -> None:
        """``where`` names the server in error sentences."""
        self.finished = False
        self.finish_reason = ""
        """Why the reply ended, as the server puts it: ``stop``, ``length``, ``tool_calls`` …"""
        self._where = where
        self._calls: list[dict[str, str]] = []
        self._slots: dict[int, dict[str, str]] = {}
        self._thoughts = ThoughtFilter()
        self._chars = 0

    def feed(self, data: bytes) -> list[ChatPart]:
        """Parts in one event; raises NoChunk, or the typed error that an error event stands for."""
        if data.strip() == b"[DONE]":
            self.finished = True
            return []
        try:
            chunk = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise NoChunk(f"{self._where} sent an event that is not JSON.") from None
        if not isinstance(chunk, dict):
            raise NoChunk(f"{self._where} sent an event of an unknown kind.")
        if chunk.get("error"):
            raise self._failure(chunk)
        parts: list[ChatPart] = []
        choices = chunk.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            parts += self._choice(choices[0])
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
            if all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
                parts.append(ChatUsage(int(counts[0] or 0), int(counts[1] or 0), _cached(usage)))
        return parts

    def finish(self) -> list[ChatPart]:
        """The tool calls, and text that was held back; call it once, at the end."""
        parts: list[ChatPart] = []
        held = self._thoughts.finish()
        if held.strip():
            parts.append(ChatText(held))
        for index, call in enumerate(self._calls):
            if not call["name"]:
                raise ProtocolSurprise(f"{self._where} asked for a tool without naming it.")
            arguments = call["arguments"].strip() or "{}"
            try:
                decoded = msgspec.json.decode(arguments)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                decoded = None
            if not isinstance(decoded, dict):
                raise ProtocolSurprise(f"{self._where} asked for a tool with arguments that are not JSON.")
            parts.append(ChatTool(call["id"] or f"call_{index}", call["name"], arguments))
        return parts

    def _choice(self, choice: Mapping[str, Any]) -> list[ChatPart]:
        parts: list[ChatPart] = []
        # A server that does not stream answers with a whole ``message`` in the place of a ``delta``.
        delta = choice.get("delta") or choice.get("message") or {}
        if isinstance(delta, dict):
            content = delta.get("content")
            if isinstance(content, str) and content:
                self._chars += len(content)
                if self._chars > MAX_TEXT_CHARS:
                    raise ProtocolSurprise(f"{self._where} does not stop talking.")
                shown = self._thoughts.push(content)
                if shown:
                    parts.append(ChatText(shown))
            calls = delta.get("tool_calls")
            if isinstance(calls, list):
                for position, call in enumerate(calls):
                    self._call(call, position)
        if choice.get("finish_reason"):
            self.finished = True
            self.finish_reason = str(choice["finish_reason"])[:40]
        return parts

    def _call(self, delta: Any, position: int) -> None:
        if not isinstance(delta, dict):
            return
        index = delta.get("index")
        index = index if isinstance(index, int) else position
        told = delta.get("id")
        call_id = told if isinstance(told, str) else ""
        slot = self._slots.get(index)
        # Some servers number every call 0 and tell them apart by id alone.
        if slot is None or (call_id and slot["id"] and call_id != slot["id"]):
            if len(self._calls) >= MAX_TOOL_CALLS:
                raise ProtocolSurprise(f"{self._where} asked for too many tools at once.")
            slot = {"id": "", "name": "", "arguments": ""}
            self._calls.append(slot)
            self._slots[index] = slot
        call = slot
        call["id"] = call["id"] or call_id
        function = delta.get("function")
        if not isinstance(function, dict):
            return
        if isinstance(function.get("name"), str) and not call["name"]:
            call["name"] = function["name"]
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # Ollama's older builds send the object itself
            arguments = msgspec.json.encode(arguments).decode()
        if isinstance(arguments, str):
            call["arguments"] += arguments
            if len(call["arguments"]) > MAX_ARGUMENT_CHARS:
                raise ProtocolSurprise(f"{self._where} sent arguments that are too long.")

    def _failure(self, chunk: Mapping[str, Any]) -> NekoError:
        inner = chunk["error"]
        told = inner if isinstance(inner, dict) else {"message": inner}
        message = told.get("message") or told.get("detail")
        return classify.from_error(told.get("code"), told.get("type"), message, who=self._where)


def _cached(usage: Mapping[str, Any]) -> int:
    """Input tokens that the server had in its cache, where it says so."""
    details = usage.get("prompt_tokens_details")
    count = details.get("cached_tokens") if isinstance(details, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 0


def choose_model(names: Sequence[str], wanted: str = "") -> str:
    """The model to ask: the wanted one, else the first that is not for embeddings or sound."""
    if wanted:
        return wanted
    return next((name for name in names if not any(mark in name.lower() for mark in _NO_CHAT)), "")


def model_names(data: bytes) -> list[str]:
    """Names in the answer to ``GET /v1/models``; raises ProtocolSurprise when it is something else."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("data", ()), list | None):
        raise ProtocolSurprise("This is not the model list of a chat server.")
    if "data" not in found:
        raise ProtocolSurprise("This is not the model list of a chat server.")
    entries = found["data"] or []
    names = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str) and name]
