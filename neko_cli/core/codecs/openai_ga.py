"""The OpenAI GA Realtime protocol: OpenAI, and by dialect Azure, xAI and the embedded engine.

Sources: OpenAI's Realtime API reference (server and client events), the types of the official SDK;
xAI's “Speech to Speech” guide (session resumption, cumulative transcripts).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec

from neko_cli.core import pcm
from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs import openai_frames as frames
from neko_cli.core.codecs.base import Detection, Frame, HistoryLine, SessionSpec, instructions_with_past
from neko_cli.core.codecs.decoder import Decoder, Events
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping
from neko_cli.core.codecs.openai_dialect import Dialect
from neko_cli.core.codecs.openai_reply_events import BETA_NAMES, ReplyEvents
from neko_cli.core.codecs.openai_session_events import SessionEvents
from neko_cli.core.codecs.openai_user_events import UserEvents
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
from neko_cli.core.text import paragraphs

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
        self._dialect = dialect
        self._endpoint = endpoint
        self._instructions = instructions_with_past(spec, capabilities)
        self._spec = msgspec.structs.replace(spec, instructions=self._instructions)
        self._manual = spec.detection is Detection.MANUAL or not capabilities.server_vad
        self._timeline = Timeline(capabilities.input_rate)
        self._replies = ReplyEvents(title, also=BETA_NAMES if dialect.beta_names else None)
        self._user = UserEvents(self._timeline)
        self._session = SessionEvents(
            title=title,
            model=spec.model,
            ready_on=dialect.ready_on,
            setup_event=frames.SETUP_EVENT,
            resumes=capabilities.resume is not Resume.NONE,
            handle=spec.resume_handle,
        )
        turns = {**self._user.handlers, **self._replies.handlers}
        if self._session.tells_past:
            turns = {kind: self._unless_past(handler) for kind, handler in turns.items()}
        items = dict.fromkeys(("conversation.item.created", "conversation.item.added"), self._item_told)
        self._decoder = Decoder(
            {**self._session.handlers, **items, **turns},
            nothing_new=_NOTHING_NEW,
            sound=self._replies.names.sound,
            on_sound=self._replies.sound,
        )

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
            case AppendAudio(sound):
                self._timeline.sent(len(sound))
                return frames.append(sound)
            case CommitAudio(ask_reply):
                return self._commit(ask_reply=ask_reply)
            case ClearAudio():
                return [frames.CLEAR] if can.clear_input else []
            case SendText(words):
                return [frames.message("user", words), frames.RESPONSE_CREATE]
            case SendImage(data, media_type):
                return [frames.image(data, media_type)] if can.takes_picture(data, media_type) else []
            case TellSystem(words, ask_reply):
                return [frames.message(self._system, words), *([frames.RESPONSE_CREATE] if ask_reply else [])]
            case TellHistory(role, words):
                return self._tell_history(role, words)
            case AskReply(instructions):
                # Instructions of one reply replace the session's, and the character is in those.
                both = paragraphs(self._instructions, instructions) if instructions else ""
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

    def decode(self, frame: Frame) -> Events:
        """What a frame means; never raises."""
        return self._decoder.decode(frame)

    @property
    def _system(self) -> str:
        """The role of what the program itself says."""
        return "system" if self.capabilities.system_items else "user"

    def _tell_history(self, role: str, words: str) -> list[str]:
        if not self.capabilities.seed_history:
            return []
        return frames.history([HistoryLine(role, words)], others=self._system)

    def _item_told(self, fields: Fields) -> Events:
        """An item of the conversation; before a resumed session is configured, one of the link before."""
        if self._session.tells_past:
            self._session.past_told()
            self._user.told_again(identifier(mapping(fields, "item"), "id") or identifier(fields, "item_id"))
        return ()

    def _unless_past(self, handler: Callable[[Fields], Events]) -> Callable[[Fields], Events]:
        """What a resumed session says of its past, while it is being set up, is no news."""
        return lambda fields: () if self._session.tells_past else handler(fields)

    def _commit(self, *, ask_reply: bool) -> list[str]:
        if self._manual or self._dialect.commit_in_vad:
            asks = ask_reply and not self.capabilities.commit_asks
            return [frames.COMMIT, *([frames.RESPONSE_CREATE] if asks else [])]
        # What its detector hears, the server answers by itself.
        silence = pcm.silence(self._spec.silence_ms + TAIL_MS, self.capabilities.input_rate)
        self._timeline.padded(len(silence))
        return frames.append(silence)

    def _change_detection(self, manual: bool) -> Frame:
        self._manual = manual
        usual = self._spec.detection if self._spec.detection is not Detection.MANUAL else Detection.SERVER
        wanted = msgspec.structs.replace(self._spec, detection=Detection.MANUAL if manual else usual)
        return frames.detection_update(wanted, self.capabilities, self._dialect)

    def _truncate(self, item_id: str, heard_ms: int) -> list[Frame]:
        if not self.capabilities.truncate or not item_id:
            return []
        return [self._replies.truncate(item_id, heard_ms, self.capabilities.output_rate)]
