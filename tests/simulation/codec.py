"""The simulated provider's protocol: sound as bytes, everything else as JSON arrays.

The same tables are read from both ends: ``SimCodec`` is the client's, ``Frames`` the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from neko_cli.core import classify
from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs.base import Detection, Frame, SessionSpec
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
from neko_cli.core.provider_events import (
    GoingAway,
    HandleTold,
    InputCommitted,
    InputTranscript,
    InputTranscriptFailed,
    Interrupted,
    ProviderEvent,
    ProviderFault,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    SpeechBegan,
    SpeechEnded,
    Surprise,
    TokenUsage,
    Unknown,
)

_TITLE = "Simulated"


class Config(msgspec.Struct, frozen=True):
    """What a client asks for when its link begins."""

    model: str = ""
    instructions: str = ""
    want_audio: bool = True
    manual: bool = False
    silence_ms: int = 300
    prefix_ms: int = 0
    interrupt_reply: bool = True
    handle: str = ""


def to_wire(*parts: Any) -> str:
    """One JSON frame."""
    return msgspec.json.encode(parts).decode()


def sound_frame(reply_id: str, pcm: bytes) -> bytes:
    """A piece of a reply's sound; the reply's one item has the reply's name."""
    return b"%b|%b" % (reply_id.encode(), pcm)


class SimCodec:
    """See ``codecs.base.Codec``. ``on_event`` and ``on_command`` watch what passes."""

    def __init__(
        self,
        number: int,
        spec: SessionSpec,
        capabilities: Capabilities,
        on_event: Callable[[int, ProviderEvent], None],
        on_command: Callable[[int, Command], None],
    ) -> None:
        self.number = number
        self.spec = spec
        self.capabilities = capabilities
        self._on_event = on_event
        self._on_command = on_command

    def endpoint(self) -> Endpoint:
        """The address; it names the codec, so that both ends know which link is which."""
        by_address = self.capabilities.resume is Resume.CONVERSATION
        handle = self.spec.resume_handle if by_address else ""
        return Endpoint(url=f"wss://provider.invalid/realtime?n={self.number}&conversation_id={handle}")

    def hello(self) -> Sequence[Frame]:
        spec = self.spec
        instructions = spec.instructions
        if spec.recollection and not self.capabilities.seed_history:
            instructions = f"{instructions}\n\n{spec.recollection}".strip()
        config = Config(
            model=spec.model,
            instructions=instructions,
            want_audio=spec.want_audio,
            manual=spec.detection is Detection.MANUAL,
            silence_ms=spec.silence_ms,
            prefix_ms=spec.prefix_padding_ms,
            interrupt_reply=spec.interrupt_reply,
            handle=spec.resume_handle if self.capabilities.resume is not Resume.NONE else "",
        )
        lines = spec.history if self.capabilities.seed_history else ()
        return [
            to_wire("config", config),
            *(to_wire("history", line.role, line.text) for line in lines),
        ]

    def decode(self, frame: Frame) -> Sequence[ProviderEvent]:
        events = self._decode(frame)
        for event in events:
            self._on_event(self.number, event)
        return events

    def encode(self, command: Command) -> Sequence[Frame]:
        self._on_command(self.number, command)
        can = self.capabilities
        match command:
            case AppendAudio(pcm):
                return [b"A" + pcm]
            case CommitAudio(ask):
                return [to_wire("commit", ask)]
            case ClearAudio():
                return [to_wire("clear")] if can.clear_input else []
            case SendText(text):
                return [to_wire("text", text)]
            case SendImage():
                return [to_wire("image")] if can.images else []
            case TellSystem(text, ask):
                return [to_wire("system" if can.system_items else "user_item", text, ask)]
            case TellHistory(role, text):
                return [to_wire("history", role, text)] if can.seed_history else []
            case AskReply(instructions):
                return [to_wire("ask", instructions)]
            case CancelReply(reply_id):
                return [to_wire("cancel", reply_id)] if can.cancel else []
            case TruncateReply(item_id, heard_ms):
                return [to_wire("truncate", item_id, heard_ms)] if can.truncate else []
            case AnswerTool(call_id, _, _, go_on):
                return [to_wire("tool", call_id, go_on)]
            case Reconfigure(instructions):
                return [to_wire("instructions", instructions)] if can.mid_session_instructions else []
            case ChangeDetection(manual):
                return [to_wire("detection", manual)] if can.server_vad else []
        raise AssertionError(f"a command that nobody has heard of: {command!r}")

    def _decode(self, frame: Frame) -> Sequence[ProviderEvent]:
        if isinstance(frame, bytes):
            reply_id, _, pcm = frame.partition(b"|")
            return [ReplySound(reply_id.decode(), reply_id.decode(), pcm)]
        try:
            kind, *given = msgspec.json.decode(frame)
        except (msgspec.DecodeError, ValueError, TypeError):
            return [Surprise("not JSON")]
        make = _EVENTS.get(kind)
        return [make(*given)] if make is not None else [Unknown(str(kind)[:80])]


def _fault(code: str, message: str, retry_after: float | None, ends_link: bool) -> ProviderFault:
    error = classify.from_error(code, "", message, who=_TITLE, retry_after=retry_after)
    return ProviderFault(error, benign=classify.is_benign(error.code), ends_link=ends_link)


def _ended(reply_id: str, status: str, reason: str, code: str, tokens: int) -> ReplyEnded:
    error = classify.from_error(code, "", "the reply failed", who=_TITLE) if code else None
    usage = TokenUsage(input_tokens=tokens, output_tokens=10)
    return ReplyEnded(reply_id, ReplyStatus(status), reason=reason, error=error, usage=usage)


_EVENTS: dict[str, Callable[..., ProviderEvent]] = {
    "ready": Ready,
    "speech_began": SpeechBegan,
    "speech_ended": SpeechEnded,
    "committed": InputCommitted,
    "transcript": lambda item, text, final: InputTranscript(item, text, whole=True, final=final),
    "not_heard": InputTranscriptFailed,
    "reply_began": ReplyBegan,
    "words": ReplyWords,
    "sound_ended": ReplySoundEnded,
    "reply_ended": _ended,
    "interrupted": Interrupted,
    "handle": HandleTold,
    "going_away": GoingAway,
    "fault": _fault,
}
