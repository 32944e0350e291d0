"""Chat completions: any OpenAI-compatible text endpoint as a link, for conversations in writing.

Source: OpenAI's API reference, chat completions (streaming). The server remembers nothing: each request
carries the whole conversation, which is kept here, bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, assert_never

import msgspec

from neko_cli.core import classify
from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs import chat_frames
from neko_cli.core.codecs.base import Frame, SessionSpec, instructions_with_past
from neko_cli.core.codecs.chat_conversation import ChatConversation
from neko_cli.core.codecs.chat_wire import (
    ChatPart,
    ChatText,
    ChatTool,
    ChatUsage,
    NoChunk,
    ReplyAssembler,
    choose_model,
    request_body,
)
from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import Fields, number, text
from neko_cli.core.commands import (
    AnswerTool,
    AppendAudio,
    AskReply,
    CancelReply,
    ChangeDetection,
    ClearAudio,
    Command,
    CommitAudio,
    Reconfigure,
    SendImage,
    SendText,
    TellHistory,
    TellSystem,
    TruncateReply,
)
from neko_cli.core.errors import Category, InvalidRequest, LinkError, NekoError
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import (
    ProviderEvent,
    ProviderFault,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplyStatus,
    ReplyWords,
    Surprise,
    TokenUsage,
    ToolRequested,
    Unknown,
)
from neko_cli.core.text import one_line, to_json

REPLIES_LIMIT = 8
"""Requests whose answers are not over; a session asks for one at a time."""

_HOPELESS = (Category.CREDENTIALS, Category.QUOTA)
"""Refusals that the next request would meet as well."""

_TOO_LONG = ("context_length_exceeded", "413")


class _Reply(msgspec.Struct):
    """One answer on its way."""

    reply_id: str
    assembler: ReplyAssembler
    words: list[str] = []
    heard: str | None = None
    """What of it was heard, where that is less than what came."""
    usage: TokenUsage | None = None
    begun: bool = False
    cancelled: bool = False
    failed: bool = False

    @property
    def said(self) -> str:
        """Its words, as far as they were heard."""
        return "".join(self.words) if self.heard is None else self.heard


class ChatCodec:
    """Frames in → events out, commands in → frames out; see ``codecs.base.Codec`` and ``chat_frames``."""

    def __init__(
        self, *, spec: SessionSpec, capabilities: Capabilities, endpoint: Endpoint, title: str = "The server"
    ) -> None:
        """``title`` names the server in sentences about its errors."""
        self.capabilities = capabilities
        self._spec = spec
        self._endpoint = endpoint
        self._title = title
        self._model = spec.model
        self._conversation = ChatConversation(
            instructions_with_past(spec, capabilities), spec.history if capabilities.seed_history else ()
        )
        self._replies: deque[_Reply] = deque()
        self._made = 0

    def endpoint(self) -> Endpoint:
        """Where requests go; its headers hold the key."""
        return self._endpoint

    def hello(self) -> Sequence[Frame]:
        """Nothing: the first request says everything."""
        return []

    def encode(self, command: Command) -> Sequence[Frame]:
        """Frames that carry out a command; none for what has no place in writing."""
        talk = self._conversation
        match command:
            case AppendAudio() | CommitAudio() | ClearAudio() | ChangeDetection():
                return []
            case SendText(words):
                talk.add("user", words)
                return [self._request()]
            case SendImage(data, media_type):
                if self.capabilities.takes_picture(data, media_type):
                    talk.show(data, media_type)
                return []
            case TellSystem(words, ask_reply):
                talk.add("user", words)
                return [self._request()] if ask_reply else []
            case TellHistory(role, words):
                talk.add(role if role in ("user", "assistant") else "user", words)
                return []
            case AskReply(instructions):
                return [self._request(instructions)]
            case CancelReply():
                return self._cancel()
            case AnswerTool(call_id, _, output, continue_reply):
                talk.answer(call_id, output)
                return [self._request()] if continue_reply else []
            case TruncateReply(words=words):
                self._was_heard(words)
                return []
            case Reconfigure(instructions):
                talk.instruct(instructions)
                return []
            case _:
                assert_never(command)

    def decode(self, frame: Frame) -> Events:
        """What a frame means; never raises."""
        if isinstance(frame, bytes):
            return self._tidings(chat_frames.read(frame))
        if not self._replies:
            return [Surprise("an event without a request")]
        reply = self._replies[0]
        if reply.failed:
            return ()
        try:
            parts = reply.assembler.feed(frame.encode("utf-8", "replace"))
        except NoChunk:
            return [Surprise("an event that is not JSON")]
        except NekoError as error:
            return self._fail(reply, error)
        return self._take(reply, parts)

    # Requests

    def _request(self, extra: str = "") -> str:
        self._made += 1
        reply = _Reply(f"reply-{self._made}", ReplyAssembler(self._title))
        self._replies.append(reply)
        while len(self._replies) > REPLIES_LIMIT:
            self._replies.popleft()
        tools = self._spec.tools if self.capabilities.tools is ToolForm.NESTED else ()
        body = request_body(
            self._model,
            self._conversation.messages(extra),
            tools=[
                {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
                for tool in tools
            ],
            max_tokens=self._spec.max_output_tokens,
        )
        return to_json(body)

    def _was_heard(self, words: tuple[str, ...]) -> None:
        """A reply was stopped: what was heard of it is what was said."""
        coming = self._replies[0] if self._replies else None
        if words and coming is not None and coming.begun and not coming.failed:
            coming.heard, words = words[-1], words[:-1]
        self._conversation.correct(words)

    def _cancel(self) -> list[Frame]:
        if not self._replies or self._replies[0].cancelled:
            return []
        self._replies[0].cancelled = True
        return [chat_frames.CANCEL]

    # What comes

    def _tidings(self, told: dict[str, Any]) -> Events:
        match told.get("is"):
            case "open":
                return self._opened(told)
            case "ended":
                return self._ended()
            case "cancelled":
                return self._stopped()
            case "refused":
                return self._refused(told)
            case kind if isinstance(kind, str):
                return [Unknown(one_line(kind, 80))]
            case _:
                return [Surprise("a frame of no known kind")]

    def _opened(self, told: Fields) -> Events:
        models = told.get("models")
        names = [name for name in models if isinstance(name, str)] if isinstance(models, list) else []
        self._model = self._model or choose_model(names)
        if not self._model:
            error = InvalidRequest(
                f"{self._title} offers no chat model.", hint="Name one with --model.", code="no_model"
            )
            return [ProviderFault(error, ends_link=True)]
        return [Ready(model=self._model)]

    def _begin(self, reply: _Reply) -> list[ProviderEvent]:
        if reply.begun:
            return []
        reply.begun = True
        return [ReplyBegan(reply.reply_id)]

    def _take(self, reply: _Reply, parts: Sequence[ChatPart]) -> list[ProviderEvent]:
        events = self._begin(reply)
        for part in parts:
            match part:
                case ChatText(words) if not reply.cancelled:
                    reply.words.append(words)
                    events.append(ReplyWords(reply.reply_id, words))
                case ChatUsage(read, written, cached):
                    reply.usage = TokenUsage(
                        input_tokens=read, output_tokens=written, cached_tokens=min(cached, read)
                    )
        return events

    def _pop(self) -> _Reply | None:
        return self._replies.popleft() if self._replies else None

    def _ended(self) -> Events:
        reply = self._pop()
        if reply is None or reply.failed:
            return ()
        if not reply.assembler.finished and not reply.cancelled:
            # Another link asks for the rest.
            cut = LinkError(f"{self._title} broke off in the middle of its reply.", code="cut")
            return [*self._begin(reply), ProviderFault(cut, ends_link=True)]
        try:
            rest = reply.assembler.finish()
        except NekoError as error:
            return self._fail(reply, error)
        events = self._take(reply, rest)
        said = reply.said
        calls = [part for part in rest if isinstance(part, ChatTool)]
        if calls and not reply.cancelled:
            for call in self._conversation.call(said, calls):
                events.append(ToolRequested(reply.reply_id, call.call_id, call.name, call.arguments))
        else:
            self._conversation.add("assistant", said)
        status = ReplyStatus.CANCELLED if reply.cancelled else _status(reply.assembler.finish_reason)
        reason = reply.assembler.finish_reason if status is ReplyStatus.INCOMPLETE else ""
        events.append(ReplyEnded(reply.reply_id, status, reason=one_line(reason, 80), usage=reply.usage))
        return events

    def _stopped(self) -> Events:
        reply = self._pop()
        if reply is None or reply.failed:
            return ()
        self._conversation.add("assistant", reply.said)
        end = ReplyEnded(reply.reply_id, ReplyStatus.CANCELLED, usage=reply.usage)
        return [*self._begin(reply), end]

    def _refused(self, told: Fields) -> Events:
        reply = self._pop()
        status = number(told, "status")
        error = classify.from_handshake(
            int(status) if status is not None else 0,
            body=text(told, "body"),
            retry_after=number(told, "retry_after"),
            who=self._title,
        )
        if error.code in _TOO_LONG:
            self._conversation.shrink()
        return self._fail(reply, error) if reply is not None else [ProviderFault(error)]

    def _fail(self, reply: _Reply, error: NekoError) -> Events:
        """The answer ends here; what still comes of it is passed over."""
        reply.failed = True
        self._conversation.add("assistant", reply.said)
        if error.category in _HOPELESS:
            return [ProviderFault(error, ends_link=True)]
        return [*self._begin(reply), ReplyEnded(reply.reply_id, ReplyStatus.FAILED, error=error)]


def _status(finish_reason: str) -> ReplyStatus:
    whole = finish_reason in ("", "stop", "tool_calls", "function_call", "eos")
    return ReplyStatus.COMPLETE if whole else ReplyStatus.INCOMPLETE
