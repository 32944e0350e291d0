"""A conversation as chat completions want it: the whole of it with every request, and bounded. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from neko_cli.core.codecs.base import HistoryLine
from neko_cli.core.codecs.chat_wire import ChatTool

MAX_MESSAGES = 200
"""Messages that are sent again with every request; the oldest go first."""

MAX_CHARS = 48_000
"""Characters of them, some 12,000 tokens: what small local models still take."""

MAX_IMAGES = 2
"""Pictures that are sent again; older ones have been talked about."""

IMAGE_CHARS = 3_000
"""What a picture counts for: about as many tokens as this much text."""

UNANSWERED = '{"error": "not run"}'
"""The result of a call that never got one: servers refuse a conversation with a gap."""

Message = dict[str, Any]


class ChatConversation:
    """System prompt and messages; ``messages`` gives them in the form of a request."""

    def __init__(self, instructions: str, history: Sequence[HistoryLine]) -> None:
        """``history`` is what was said on other links; its system lines join the system prompt."""
        notes = [line.text for line in history if line.role not in ("user", "assistant") and line.text]
        self._notes = notes
        self._instructions = instructions
        self._messages: deque[Message] = deque()
        self._chars = 0
        self._made = 0
        for line in history:
            if line.role in ("user", "assistant") and line.text:
                self.add(line.role, line.text)

    def add(self, role: str, text: str) -> None:
        """A message of the user or the assistant; empty ones are left out."""
        if text:
            self._append({"role": role, "content": text})

    def correct(self, texts: Sequence[str]) -> None:
        """What the assistant has said since the user did was no more than this, message by message."""
        kept: list[Message] = []
        left = list(texts)
        while left and self._messages and self._messages[-1]["role"] in ("assistant", "tool"):
            message = self._messages.pop()
            self._chars -= _size(message)
            if message["role"] == "assistant" and message["content"]:
                message = {**message, "content": left.pop() or None}
            if message["content"] or "tool_calls" in message:
                kept.append(message)
        for message in reversed(kept):
            self._append(message)

    def show(self, data: bytes, media_type: str) -> None:
        """A picture from the user."""
        url = f"data:{media_type};base64,{b64encode(data).decode()}"
        self._append({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})
        shown = [message for message in self._messages if isinstance(message["content"], list)]
        for message in shown[:-MAX_IMAGES]:
            self._messages.remove(message)
            self._chars -= _size(message)

    def call(self, text: str, calls: Sequence[ChatTool]) -> list[ChatTool]:
        """The assistant asked for tools, after saying something or nothing; returns the calls, each with
        an id of its own (some servers begin to count anew with every answer)."""
        known, own = _called(self._messages), list[ChatTool]()
        for call in calls:
            if call.call_id in known:
                self._made += 1
                call = ChatTool(f"{call.call_id}-{self._made}", call.name, call.arguments)
            known.add(call.call_id)
            own.append(call)
        told = [
            {"id": c.call_id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in own
        ]
        self._append({"role": "assistant", "content": text or None, "tool_calls": told})
        return own

    def answer(self, call_id: str, output: str) -> None:
        """The result of a call; one that nobody asked for is left out."""
        if call_id in _called(self._messages):
            self._append({"role": "tool", "tool_call_id": call_id, "content": output})

    def instruct(self, instructions: str) -> None:
        """Another system prompt."""
        self._instructions = instructions

    def shrink(self) -> None:
        """The server finds it too long: the older half goes."""
        for _ in range(len(self._messages) // 2):
            self._drop_oldest()
        self._drop_orphans()

    def messages(self, extra: str = "") -> list[Message]:
        """All of it; ``extra`` is asked for now and not remembered."""
        system = "\n\n".join(filter(None, (self._instructions, *self._notes)))
        head = [{"role": "system", "content": system}] if system else []
        tail = [{"role": "user", "content": extra}] if extra else []
        return head + _joined(_answered([*self._messages, *tail]))

    def _append(self, message: Message) -> None:
        self._messages.append(message)
        self._chars += _size(message)
        while len(self._messages) > 1 and (len(self._messages) > MAX_MESSAGES or self._chars > MAX_CHARS):
            self._drop_oldest()
        self._drop_orphans()

    def _drop_oldest(self) -> None:
        self._chars -= _size(self._messages.popleft())

    def _drop_orphans(self) -> None:
        """Results whose calls are gone."""
        while self._messages and self._messages[0]["role"] == "tool":
            self._drop_oldest()


def _size(message: Message) -> int:
    content = message["content"]
    words = IMAGE_CHARS if isinstance(content, list) else len(content or "")
    return words + sum(len(call["function"]["arguments"]) for call in message.get("tool_calls", ()))


def _called(messages: Iterable[Message]) -> set[str]:
    return {call["id"] for message in messages for call in message.get("tool_calls", ())}


def _answered(messages: list[Message]) -> list[Message]:
    """Each call directly followed by its result."""
    results = {message["tool_call_id"]: message for message in messages if message["role"] == "tool"}
    out: list[Message] = []
    for message in messages:
        if message["role"] == "tool":
            continue
        out.append(message)
        for call in message.get("tool_calls", ()):
            gap = {"role": "tool", "tool_call_id": call["id"], "content": UNANSWERED}
            out.append(results.get(call["id"], gap))
    return out


def _joined(messages: list[Message]) -> list[Message]:
    """Messages of one role in a row as one: many models' templates refuse two."""
    out: list[Message] = []
    for message in messages:
        before = out[-1] if out else None
        if before is None or not _joins(before, message):
            out.append(message)
        elif isinstance(before["content"], str) and isinstance(message["content"], str):
            out[-1] = {**before, "content": f"{before['content']}\n\n{message['content']}"}
        else:
            out[-1] = {**before, "content": [*_parts(before), *_parts(message)]}
    return out


def _joins(before: Message, after: Message) -> bool:
    plain = "tool_calls" not in before and "tool_calls" not in after
    return plain and before["role"] == after["role"] and before["role"] in ("user", "assistant")


def _parts(message: Message) -> list[dict[str, Any]]:
    content = message["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]
