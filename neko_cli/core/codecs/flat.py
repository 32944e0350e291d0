"""The flat protocols: Qwen-Omni, StepFun, GLM, N.E.K.O.'s own and Azure's preview, by dialect.

One engine for servers that took over OpenAI's beta protocol, each with its own differences, which are
data (``flat_dialect``). Sources: see ``flat_frames``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from neko_cli.core import pcm
from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs import flat_errors
from neko_cli.core.codecs import flat_frames as frames
from neko_cli.core.codecs import openai_frames as usual
from neko_cli.core.codecs.base import Frame, SessionSpec
from neko_cli.core.codecs.decoder import Decoder, Events
from neko_cli.core.codecs.flat_dialect import FlatDialect
from neko_cli.core.codecs.flat_pictures import Pictures
from neko_cli.core.codecs.flat_reply_events import FlatReplyEvents
from neko_cli.core.codecs.flat_session import FlatSession
from neko_cli.core.codecs.flat_user_events import FlatUserEvents
from neko_cli.core.codecs.json_fields import Fields
from neko_cli.core.codecs.openai_session_events import SessionEvents
from neko_cli.core.codecs.timeline import TAIL_MS, Timeline
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
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import SessionClosed
from neko_cli.core.text import paragraphs, to_json

LEAD_IN_MS = 100.0
"""Silence before a picture that would otherwise be the first of its turn."""

_NOTHING_NEW = frozenset(
    {
        "conversation.item.created",
        "conversation.item.deleted",
        "conversation.item.truncated",
        "heartbeat",
        "response.content_part.added",
        "response.content_part.done",
        "response.function_call.simple_browser",
        "response.function_call.simple_browser.result",
        "response.function_call_arguments.delta",
        "response.thinking.delta",
        "response.thinking.done",
    }
)
"""Known events whose news is told by another one, or concerns nobody here."""


class FlatCodec:
    """Frames in → events out, commands in → frames out; see ``codecs.base.Codec``."""

    def __init__(
        self,
        *,
        spec: SessionSpec,
        capabilities: Capabilities,
        dialect: FlatDialect,
        endpoint: Endpoint,
        title: str = "The provider",
    ) -> None:
        """``title`` names the provider in sentences about its errors."""
        self.capabilities = capabilities
        self._spec = spec
        self._dialect = dialect
        self._endpoint = endpoint
        self._session = FlatSession(spec, capabilities, dialect)
        self._timeline = Timeline(capabilities.input_rate)
        self._pictures = Pictures(capabilities, dialect)
        self._due: list[Frame] = []
        voiced = usual.wants_audio(spec, capabilities)
        self._replies = FlatReplyEvents(title, dialect, voiced=voiced, want_sound=voiced and spec.want_audio)
        users = FlatUserEvents(self._timeline, so_far=dialect.heard_so_far, silence_ms=spec.silence_ms)
        session = SessionEvents(
            title=title,
            model=spec.model,
            ready_on=dialect.ready_on,
            setup_event=usual.SETUP_EVENT,
            resumes=capabilities.resume is not Resume.NONE,
            read_error=flat_errors.read_error,
            benign_codes=flat_errors.BENIGN_CODES,
            fatal_types=dialect.fatal_types,
        )
        self._heard = users.handlers
        self._decoder = Decoder(
            {
                **session.handlers,
                **self._heard,
                **self._replies.handlers,
                "input_audio_buffer.speech_started": self._speech_started,
                "input_audio_buffer.committed": self._committed,
                "input_audio_buffer.cleared": self._cleared,
                "session.finished": lambda fields: (SessionClosed(),),
            },
            nothing_new=_NOTHING_NEW,
            sound=self._replies.names.sound,
            on_sound=self._replies.sound,
        )

    def endpoint(self) -> Endpoint:
        """Where to connect; its headers hold the key."""
        return self._endpoint

    def hello(self) -> Sequence[Frame]:
        """The configuration, then what was said before, where that is told as messages."""
        return self._session.opening()

    def decode(self, frame: Frame) -> Events:
        """What a frame means; never raises."""
        return self._decoder.decode(frame)

    def encode(self, command: Command) -> Sequence[Frame]:
        """Frames that carry out a command, after those that an event has made due."""
        due, self._due = self._due, []
        # What is due is a cancel as well.
        return [*([] if isinstance(command, CancelReply) else due), *self._encode(command)]

    def _encode(self, command: Command) -> Sequence[Frame]:
        can = self.capabilities
        match command:
            case AppendAudio(sound):
                return self._append(sound)
            case CommitAudio(ask_reply):
                return self._commit(ask_reply=ask_reply)
            case ClearAudio():
                self._pictures.emptied()
                return [usual.CLEAR] if can.clear_input else []
            case SendText(words):
                return [frames.message("user", words), *self._ask()]
            case SendImage(data, media_type):
                return self._show(data, media_type)
            case TellSystem(words, ask_reply):
                return [self._tell(words), *(self._ask() if ask_reply else [])]
            case TellHistory(role, words):
                return self._session.tell(role, words)
            case AskReply(instructions):
                return self._ask_with(instructions)
            case CancelReply(reply_id):
                self._replies.ledger.cancel(reply_id)
                return [self._cancel(reply_id)] if can.cancel else []
            case TruncateReply(item_id, heard_ms):
                if not can.truncate or not item_id:
                    return []
                return [self._replies.truncate(item_id, heard_ms, can.output_rate)]
            case AnswerTool(call_id, _, output, continue_reply):
                answer = frames.tool_output(self._replies.wire_call_id(call_id), output)
                return [answer, *(self._ask() if continue_reply else [])]
            case Reconfigure(instructions):
                return self._session.reconfigure(instructions) if can.mid_session_instructions else []
            case ChangeDetection(manual):
                return self._session.detect(manual=manual) if can.server_vad else []
            case _:
                assert_never(command)

    # Sound and pictures

    def _append(self, sound: bytes) -> list[Frame]:
        if not sound:
            return []
        self._timeline.sent(len(sound))
        self._pictures.sounded()
        return [*usual.append(sound), *self._pictures.due()]

    def _pad(self, ms: float) -> list[Frame]:
        """Silence of ours, which the server hears and nobody recorded."""
        silence = pcm.silence(ms, self.capabilities.input_rate)
        self._timeline.padded(len(silence))
        self._pictures.sounded()
        return list(usual.append(silence))

    def _commit(self, *, ask_reply: bool) -> list[Frame]:
        if self._session.manual or self._dialect.commit_in_vad:
            asked = [*self._pictures.due(), usual.COMMIT, *([usual.RESPONSE_CREATE] if ask_reply else [])]
            self._pictures.emptied()
            return asked
        # What its detector hears, the server answers by itself.
        return self._pad(self._spec.silence_ms + TAIL_MS)

    def _show(self, data: bytes, media_type: str) -> list[Frame]:
        if not self._pictures.takes(data, media_type):
            return []
        lead_in = self._pad(LEAD_IN_MS) if self._pictures.lacks_sound else []
        return [*self._session.with_pictures(), *lead_in, self._pictures.show(data)]

    # Replies

    def _ask(self) -> list[Frame]:
        return self._asked(usual.RESPONSE_CREATE)

    def _ask_with(self, instructions: str) -> list[Frame]:
        if not instructions:
            return self._ask()
        if not self._dialect.reply_instructions:
            return [self._tell(instructions), *self._ask()]
        # Instructions of one reply replace the session's, and the character is in those.
        both = paragraphs(self._session.instructions, instructions)
        return self._asked(usual.response_create(both))

    def _asked(self, create: Frame) -> list[Frame]:
        due = self._pictures.due()
        self._pictures.asked()
        return [*due, create]

    def _tell(self, words: str) -> Frame:
        return frames.message("system" if self.capabilities.system_items else "user", words)

    def _cancel(self, reply_id: str) -> Frame:
        return usual.response_cancel(reply_id if self._dialect.cancel_by_id else "")

    # What the server says

    def _speech_started(self, fields: Fields) -> Events:
        events = self._heard["input_audio_buffer.speech_started"](fields)
        if self._session.manual or not self._spec.interrupt_reply or not self._replies.ledger.current:
            return events
        if not self._dialect.interrupts:
            # The next frame that goes out, in a call within moments, carries it along.
            self._due = [self._cancel("")]
            self._replies.ledger.cancel("")
        if not self._dialect.silent_cancel:
            return events
        return [*events, *self._replies.interrupted()]

    def _committed(self, fields: Fields) -> Events:
        self._pictures.emptied()
        return self._heard["input_audio_buffer.committed"](fields)

    def _cleared(self, fields: Fields) -> Events:
        self._pictures.emptied()
        return ()


class FinishingCodec(FlatCodec):
    """For a server that is told of the end (``codecs.base.TakesLeave``)."""

    def goodbye(self) -> Sequence[Frame]:
        """The event that ends the session."""
        return [to_json({"type": self._dialect.finish})]
