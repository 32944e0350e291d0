"""OpenAI's Live protocol (``gpt-live``): full duplex, one endless track of sound each way.

Source: OpenAI's Live API reference and its guides “Managing GPT-Live sessions” and “Delegation and tools
in GPT-Live” (November 2026). The wire tells of no turns: ``openai_live_turns`` makes them.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import assert_never

import msgspec

from neko_cli.core import classify
from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs import openai_live_frames as frames
from neko_cli.core.codecs.base import Detection, Frame, SessionSpec
from neko_cli.core.codecs.decoder import Decoder, Events, Handlers
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping, number, text
from neko_cli.core.codecs.openai_dialect import LiveDialect
from neko_cli.core.codecs.openai_live_backend import Backend
from neko_cli.core.codecs.openai_live_turns import LiveTurns
from neko_cli.core.codecs.openai_session_events import ENDS_LINK
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
from neko_cli.core.errors import (
    Category,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    SessionExpired,
)
from neko_cli.core.pcm import silence
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import (
    HandleTold,
    ProviderFault,
    Ready,
    SessionClosed,
    Surprise,
)
from neko_cli.core.text import one_line

SOUND = "session.output_audio.delta"
"""The type of the most frequent frame."""

_NEVER_THE_FORK = (Category.RATE_LIMIT, Category.QUOTA)

_TOO_LATE = frozenset({"context_injection_incomplete"})
"""Errors that only say that a command came to nothing, because the session's time stood still."""

_ANSWER_NOW = "The user is waiting. Answer now what was said last."
_TYPED = "The user typed this, instead of saying it:\n"

_NOTHING_NEW = frozenset(
    {
        "decision.event",
        "decision.item.created",
        "decision.item.deleted",
        "info",
        "session.commentary.appended",
        "session.input_audio.append",
        "session.input_audio.muted",
        "session.input_audio.unmuted",
        "session.instructions.appended",
        "session.output_audio.fixture.played",
        "session.output_audio.fixture.playing",
        "session.thinking.appended",
        "session.updated",
        "session.usage.updated",
        "transport.answered",
        "transport.dtmf.received",
        "transport.dtmf.send",
        "transport.dtmf.sent",
        "transport.failed",
        "transport.ringing",
    }
)
"""Known events that concern nobody here."""


class OpenAILiveCodec:
    """Frames in → events out, commands in → frames out; see ``codecs.base.Codec``.

    It also ``KeepsTime`` (the session's time is the sound that it is sent) and ``TakesLeave`` (what is
    stored can be forked once the session was closed in order).
    """

    def __init__(
        self,
        *,
        spec: SessionSpec,
        capabilities: Capabilities,
        dialect: LiveDialect,
        endpoint: Endpoint,
        title: str = "The provider",
    ) -> None:
        """``title`` names the provider in sentences about its errors."""
        if not spec.store:
            capabilities = msgspec.structs.replace(capabilities, resume=Resume.NONE)
        self.capabilities = capabilities
        self._spec = spec
        self._dialect = dialect
        self._endpoint = endpoint
        self._title = title
        manual = spec.detection is Detection.MANUAL
        self._turns = LiveTurns(capabilities.output_rate, spec.silence_ms, manual=manual)
        self._backend = Backend(self._turns, title)
        self._has_backend = bool(dialect.backend or spec.model.partition("+")[2])
        self._ready = False
        self._leaving = False
        handlers: Handlers = {
            "session.started": self._started,
            "session.closed": self._closed,
            "session.input_transcript.delta": self._heard,
            "session.output_transcript.delta": self._said,
            SOUND: self._sound_slowly,
            "session.delegation.created": self._backend.delegated,
            "response.event": self._backend.event,
            "error": self._error,
        }
        self._decoder = Decoder(handlers, nothing_new=_NOTHING_NEW, sound=SOUND, on_sound=self._track)

    def endpoint(self) -> Endpoint:
        """Where to connect; its headers hold the key."""
        return self._endpoint

    def hello(self) -> Sequence[Frame]:
        """The configuration, with what was said before; or the beginning of a fork."""
        make = frames.fork_start if self._spec.resume_handle else frames.session_start
        return [make(self._spec, self.capabilities, self._dialect)]

    def goodbye(self) -> Sequence[Frame]:
        """Ask for the session's end; the provider answers once it has kept what it keeps."""
        self._leaving = True
        return [frames.CLOSE]

    def silence(self, ms: float) -> Sequence[Frame]:
        """Sound for a time in which nothing comes from the microphone."""
        nothing = silence(ms, self.capabilities.input_rate)
        self._turns.sent(len(nothing), filling=True)
        return frames.append(nothing)

    def encode(self, command: Command) -> Sequence[Frame]:
        """Frames that carry out a command; none where the provider cannot."""
        match command:
            case AppendAudio(pcm):
                self._turns.sent(len(pcm))
                return frames.append(pcm)
            case CommitAudio():
                self._turns.released = True
                return []
            case ClearAudio() | TruncateReply():
                return []
            case SendText(words):
                return self._typed(words)
            case SendImage(data, media_type):
                taken = self._has_backend and self.capabilities.takes_picture(data, media_type)
                return [frames.backend_image(data, media_type)] if taken else []
            case TellSystem(words, ask_reply):
                return frames.say(words) if ask_reply else frames.think(words)
            case TellHistory(role, words):
                who = {"user": "The user said: ", "assistant": "You said: "}.get(role, "")
                return frames.think(f"{who}{words}") if words else []
            case AskReply(instructions):
                return frames.instruct(instructions or _ANSWER_NOW)
            case CancelReply():
                self._turns.cancel()
                return []
            case AnswerTool(call_id, _, output, continue_reply):
                return self._answer(call_id, output, continue_reply=continue_reply)
            case Reconfigure(instructions):
                return frames.instruct(instructions)
            case ChangeDetection(manual):
                self._turns.manual = manual
                return []
            case _:
                assert_never(command)

    def decode(self, frame: Frame) -> Events:
        """What a frame means; never raises."""
        return self._decoder.decode(frame)

    # What we say

    def _typed(self, words: str) -> list[Frame]:
        """A typed turn: it is thought about, and the voice knows what it was."""
        known = frames.think(f"{_TYPED}{words}")
        if self._has_backend:
            return [*known, frames.backend_text(words), frames.RESPONSE_CREATE]
        return [*known, *frames.instruct(_ANSWER_NOW)]

    def _answer(self, call_id: str, output: str, *, continue_reply: bool) -> list[Frame]:
        if self._backend.is_ours(call_id):
            return [*frames.say(output, call_id)] if continue_reply else [*frames.think(output)]
        return [frames.tool_output(call_id, output), *([frames.RESPONSE_CREATE] if continue_reply else [])]

    # What comes

    def _started(self, fields: Fields) -> Events:
        session = mapping(fields, "session")
        if self._ready:
            return ()
        self._ready = True
        session_id = identifier(session, "id")
        ready = Ready(
            session_id=session_id,
            model=identifier(session, "model") or self._spec.model.partition("+")[0],
            expires_at=number(session, "expires_at"),
        )
        stored = self._spec.store and session_id and session.get("store") is not False
        return [ready, HandleTold(session_id)] if stored else [ready]

    def _track(self, _reply: str, _item: str, _index: int, pcm: bytes) -> Events:
        """The next piece of the track, which tells of no replies or items."""
        return self._turns.sound(pcm)

    def _sound_slowly(self, fields: Fields) -> Events:
        """A sound delta that is not quite as documented."""
        try:
            return self._turns.sound(b64decode(text(fields, "delta")))
        except (binascii.Error, ValueError):
            return [Surprise("sound that is not base64")]

    def _heard(self, fields: Fields) -> Events:
        start, end = number(fields, "start_ms") or 0.0, number(fields, "end_ms") or 0.0
        return self._turns.heard(text(fields, "delta"), max(0.0, start), max(0.0, end))

    def _said(self, fields: Fields) -> Events:
        return self._turns.said(text(fields, "delta"))

    def _closed(self, fields: Fields) -> Events:
        reason = one_line(text(fields, "reason"), 80)
        rest = self._turns.close()
        if self._leaving:
            return [*rest, SessionClosed(reason)]
        return [*rest, ProviderFault(self._why_closed(reason), ends_link=True)]

    def _why_closed(self, reason: str) -> NekoError:
        match reason:
            case "expired":
                return SessionExpired(f"{self._title} ended the session at its time limit.", code=reason)
            case "content":
                return InvalidRequest(f"{self._title} ended the session for what was said.", code=reason)
            case "remote_hangup" | "close_requested":
                # As a WebSocket that is closed on purpose (RFC 6455 §7.4.1).
                return LinkError(f"{self._title} hung up.", code="1000")
            case _:
                return LinkError(f"The connection to {self._title} was lost.", code=reason)

    def _error(self, fields: Fields) -> Events:
        told = mapping(fields, "error")
        error = classify.from_error(told.get("code"), told.get("type"), told.get("message"), who=self._title)
        if error.code == "forbidden":
            error = CredentialsError(
                error.message, hint="Does the account have access, and does the voice exist?", code=error.code
            )
        if error.code == "session_storage_failed":
            return [HandleTold(""), ProviderFault(error, benign=True)]
        if self._ready:
            benign = error.code in _TOO_LATE or classify.is_benign(error.code)
            return [ProviderFault(error, benign=benign, ends_link=error.category in ENDS_LINK)]
        if self._spec.resume_handle and error.category not in _NEVER_THE_FORK:
            # Whatever the reason, a fresh session is next.
            error = InvalidRequest(error.message, hint=error.hint, code=error.code or "not_forked")
        return [ProviderFault(error, ends_link=True)]
