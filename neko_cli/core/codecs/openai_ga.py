"""The OpenAI GA Realtime protocol: OpenAI, and by dialect Azure, xAI and the embedded engine.

Sources: OpenAI's Realtime API reference (server and client events), the types of the official SDK;
xAI's “Speech to Speech” guide (session resumption, cumulative transcripts).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from neko_cli.core import classify
from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs import openai_frames as frames
from neko_cli.core.codecs.base import Detection, Frame, HistoryLine, SessionSpec
from neko_cli.core.codecs.json_fields import Fields, count, identifier, mapping, mappings, number, parse, text
from neko_cli.core.codecs.openai_dialect import Dialect
from neko_cli.core.codecs.openai_reply_events import SOUND, ReplyEvents
from neko_cli.core.codecs.openai_user_events import UserEvents
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
from neko_cli.core.errors import Category, InvalidRequest
from neko_cli.core.pcm import duration_ms
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import (
    HandleTold,
    LimitsTold,
    ProviderEvent,
    ProviderFault,
    Ready,
    Surprise,
    Unknown,
)
from neko_cli.core.text import one_line

Events = Sequence[ProviderEvent]

_SOUND_BYTES = SOUND.encode()
_HEAD = 512
"""Characters of a frame in which its type is looked for before the frame is parsed."""

_ENDS_LINK = (Category.CREDENTIALS, Category.QUOTA, Category.EXPIRED)

_NOTHING_NEW = frozenset(
    {
        "conversation.item.deleted",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.retrieved",
        "conversation.item.truncated",
        "input_audio_buffer.cleared",
        "input_audio_buffer.dtmf_event_received",
        "input_audio_buffer.timeout_triggered",
        "mcp_list_tools.completed",
        "mcp_list_tools.failed",
        "mcp_list_tools.in_progress",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
        "output_audio_buffer.stopped",
        "ping",
        "response.content_part.added",
        "response.function_call_arguments.delta",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
    }
)
"""Known events whose news is told by another one, or concerns nobody here."""


class _SoundDelta(msgspec.Struct):
    """The most frequent frame, decoded base64 included."""

    type: str
    delta: bytes
    response_id: str = ""
    item_id: str = ""
    content_index: int = 0


_SOUND_DECODER = msgspec.json.Decoder(_SoundDelta)


class OpenAIGACodec:
    """Frames in → events out, commands in → frames out; see ``codecs.base.Codec``.

    It knows which replies it has seen begin: a reply begins and ends once, and events of a reply that
    ended or was cancelled by us are dropped, except its end.
    """

    def __init__(
        self,
        *,
        spec: SessionSpec,
        capabilities: Capabilities,
        dialect: Dialect,
        endpoint: Endpoint,
        title: str = "The provider",
    ) -> None:
        """``title`` names the provider in sentences about its errors."""
        self.capabilities = capabilities
        self._spec = spec
        self._dialect = dialect
        self._endpoint = endpoint
        self._title = title
        if spec.recollection and not capabilities.seed_history:
            both = f"{spec.instructions}\n\n{spec.recollection}".strip()
            self._spec = msgspec.structs.replace(spec, instructions=both)
        self._instructions = self._spec.instructions
        self._replies = ReplyEvents(title)
        self._user = UserEvents()
        self._created = Ready(model=spec.model)
        self._talked = False
        self._ready = False
        self._conversation_id = ""
        self._again = False
        self._handlers: dict[str, Callable[[Fields], Events]] = {
            "session.created": self._session,
            "session.updated": self._session,
            "conversation.created": self._conversation,
            "error": self._error,
            "conversation.item.created": self._item_told,
            "conversation.item.added": self._item_told,
            "rate_limits.updated": self._limits,
            **self._user.handlers,
            **self._replies.handlers,
        }
        self._of_turns = frozenset((*self._user.handlers, *self._replies.handlers))

    def endpoint(self) -> Endpoint:
        """Where to connect; its headers hold the key."""
        return self._endpoint

    def hello(self) -> Sequence[Frame]:
        """The configuration, then the history."""
        lines = self._spec.history if self.capabilities.seed_history else ()
        return [
            frames.session_update(self._spec, self.capabilities, self._dialect),
            *frames.history(lines, others=self._system),
        ]

    def encode(self, command: Command) -> Sequence[Frame]:
        """Frames that carry out a command; none where the server cannot."""
        can = self.capabilities
        match command:
            case AppendAudio(pcm):
                return frames.append(pcm)
            case CommitAudio():
                asks = [] if self._dialect.commit_answers else [frames.RESPONSE_CREATE]
                return [frames.COMMIT, *asks]
            case ClearAudio():
                return [frames.CLEAR] if can.clear_input else []
            case SendText(words):
                return [frames.message("user", words), frames.RESPONSE_CREATE]
            case SendImage(data, media_type):
                return [frames.image(data, media_type)] if can.images and data else []
            case TellSystem(words, ask_reply):
                return [frames.message(self._system, words), *([frames.RESPONSE_CREATE] if ask_reply else [])]
            case TellHistory(role, words):
                return self._tell_history(role, words)
            case AskReply(instructions):
                # Instructions of one reply replace the session's, and the character is in those.
                both = f"{self._instructions}\n\n{instructions}".strip() if instructions else ""
                return [frames.response_create(both)]
            case CancelReply(reply_id):
                self._replies.ledger.cancel(reply_id)
                return [frames.response_cancel(reply_id)] if can.cancel else []
            case TruncateReply(item_id, heard_ms):
                return self._truncate(item_id, heard_ms)
            case AnswerTool(call_id, _, output, continue_reply):
                answer = frames.tool_output(call_id, output)
                return [answer, *([frames.RESPONSE_CREATE] if continue_reply else [])]
            case Reconfigure(instructions):
                if not can.mid_session_instructions:
                    return []
                self._instructions = instructions
                return [frames.instructions_update(instructions, self._dialect)]
            case ChangeDetection(manual):
                return [self._change_detection(manual)] if can.server_vad else []
            case _:
                assert_never(command)

    @property
    def _system(self) -> str:
        """The role of what the program itself says."""
        return "system" if self.capabilities.system_items else "user"

    def _tell_history(self, role: str, words: str) -> list[str]:
        if not self.capabilities.seed_history:
            return []
        return frames.history([HistoryLine(role, words)], others=self._system)

    def decode(self, frame: Frame) -> Events:
        """What a frame means; never raises."""
        if self._is_sound(frame):
            try:
                delta = _SOUND_DECODER.decode(frame)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                pass  # decoded again below, with more patience
            else:
                if delta.type == SOUND:
                    return self._replies.sound(
                        delta.response_id, delta.item_id, delta.content_index, delta.delta
                    )
        try:
            fields = parse(frame)
        except (ValueError, RecursionError):
            return [Surprise("a frame that is not JSON")]
        if not isinstance(fields, dict):
            return [Surprise("a frame that is not an object")]
        kind = text(fields, "type")
        handler = self._handlers.get(kind)
        if handler is not None:
            # What a resumed session says of its past, while it is being set up, is no news.
            past = self._resumes and not self._ready and kind in self._of_turns
            return () if past else handler(fields)
        if kind in _NOTHING_NEW:
            return ()
        return [Unknown(one_line(kind, 80))] if kind else [Surprise("a frame without a type")]

    def _is_sound(self, frame: Frame) -> bool:
        if isinstance(frame, str):
            return SOUND in frame[:_HEAD]
        return _SOUND_BYTES in frame[:_HEAD]

    def _change_detection(self, manual: bool) -> Frame:
        usual = self._spec.detection if self._spec.detection is not Detection.MANUAL else Detection.SERVER
        wanted = msgspec.structs.replace(self._spec, detection=Detection.MANUAL if manual else usual)
        return frames.detection_update(wanted, self.capabilities, self._dialect)

    def _truncate(self, item_id: str, heard_ms: int) -> list[Frame]:
        if not self.capabilities.truncate or not item_id:
            return []
        sound = self._replies.ledger.sound_of(item_id)
        heard = max(0, heard_ms)
        if sound is None:
            return [frames.truncate(item_id, 0, heard)]
        # More than there is would be refused as invalid_value.
        there = int(duration_ms(sound.n_bytes, self.capabilities.output_rate))
        return [frames.truncate(item_id, sound.content_index, min(heard, there))]

    # The session

    def _session(self, fields: Fields) -> Events:
        session = mapping(fields, "session")
        self._talked = True
        known = self._created
        self._created = Ready(
            session_id=identifier(session, "id") or known.session_id,
            model=identifier(session, "model") or known.model,
            expires_at=number(session, "expires_at") or known.expires_at,
        )
        if self._ready or text(fields, "type") != self._dialect.ready_on:
            return ()
        if self._forgotten:
            return [ProviderFault(self._not_resumed(), ends_link=True)]
        self._ready = True
        return [self._created]

    def _conversation(self, fields: Fields) -> Events:
        handle = identifier(mapping(fields, "conversation"), "id")
        if self.capabilities.resume is Resume.NONE or not handle:
            return ()
        self._conversation_id = handle
        return [HandleTold(handle)]

    def _item_told(self, fields: Fields) -> Events:
        """An item of the conversation; before a resumed session is configured, one of the link before."""
        if self._resumes and not self._ready:
            self._user.told_again(identifier(mapping(fields, "item"), "id") or identifier(fields, "item_id"))
            self._again = True
        return ()

    @property
    def _resumes(self) -> bool:
        return bool(self._spec.resume_handle) and self.capabilities.resume is not Resume.NONE

    @property
    def _forgotten(self) -> bool:
        """Whether the server began another conversation in place of the one that was to go on."""
        other = self._conversation_id not in ("", self._spec.resume_handle)
        return self._resumes and other and not self._again

    def _not_resumed(self) -> InvalidRequest:
        return InvalidRequest(f"{self._title} does not know the conversation any more.", code="not_resumed")

    def _error(self, fields: Fields) -> Events:
        told = mapping(fields, "error")
        error = classify.from_error(told.get("code"), told.get("type"), told.get("message"), who=self._title)
        benign = classify.is_benign(error.code)
        # A server that has not greeted us, or refuses the configuration, leads nowhere.
        hopeless = not self._talked or (not self._ready and told.get("event_id") == frames.SETUP_EVENT)
        ends = not benign and (hopeless or error.category in _ENDS_LINK)
        return [ProviderFault(error, benign=benign, ends_link=ends)]

    def _limits(self, fields: Fields) -> Events:
        return [
            LimitsTold(
                name=identifier(limit, "name"),
                limit=count(limit, "limit"),
                remaining=count(limit, "remaining"),
                reset_seconds=max(0.0, number(limit, "reset_seconds") or 0.0),
            )
            for limit in mappings(fields, "rate_limits")[:16]
        ]
