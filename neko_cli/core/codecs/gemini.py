"""Google's Live API (BidiGenerateContent): AI Studio with a key, Vertex with an access token.

Source: the Live API's WebSocket reference and guides (ai.google.dev), Google Cloud's guide to live
sessions, the google-genai SDK 3.6.1.

A connection is configured once, by its first message. The service answers what is said by itself, tells
no beginnings and ends of utterances, and gives replies no ids: see ``gemini_turns``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs import gemini_frames as frames
from neko_cli.core.codecs.base import Detection, Frame, HistoryLine, SessionSpec
from neko_cli.core.codecs.decoder import read_object
from neko_cli.core.codecs.gemini_dialect import (
    NOWHERE,
    GeminiDialect,
    Traits,
    model_path,
    traits_of,
    vertex_place,
)
from neko_cli.core.codecs.gemini_events import ServerMessages
from neko_cli.core.codecs.gemini_replies import ReplyEvents
from neko_cli.core.codecs.gemini_turns import Exchange
from neko_cli.core.codecs.provider import Provider
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
from neko_cli.core.pcm import bytes_for
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import ProviderEvent, Surprise

GO_ON = "Please go on."
"""What is said for the user where a reply is asked for without anything to answer: an empty turn, or a
mere sign, is answered by nothing at all (seen with gemini-3.1 and 3.8)."""

_HEAD = 256
"""Characters of a frame in which sound is looked for before the frame is parsed."""


class _Blob(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    data: bytes
    mime_type: str = ""


class _Part(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    inline_data: _Blob


class _Turn(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[_Part]
    role: str = ""


class _Content(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    model_turn: _Turn


class _SoundMessage(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The most frequent frame, when it holds nothing but sound; base64 is decoded with it."""

    server_content: _Content


_SOUND_DECODER = msgspec.json.Decoder(_SoundMessage)


class GeminiCodec:
    """Frames in → events out, commands in → frames out; see ``codecs.base.Codec``.

    Earlier messages may be sent only once the service has taken the configuration, so they go out before
    the first command, not with ``hello``.
    """

    def __init__(
        self,
        *,
        spec: SessionSpec,
        capabilities: Capabilities,
        dialect: GeminiDialect,
        traits: Traits,
        endpoint: Endpoint,
        model: str,
        title: str = "The provider",
    ) -> None:
        """``model`` is its whole name; ``title`` names the provider in sentences about its errors."""
        self.capabilities = capabilities
        self._spec = spec
        self._dialect = dialect
        self._traits = traits
        self._endpoint = endpoint
        self._model = model
        self._manual = spec.detection is Detection.MANUAL
        self._history = frames.seedable(spec, capabilities)
        self._speaking = False  # an activity of ours is open
        self._pictured = False  # a picture was sent since the last turn
        silence = bytes_for(spec.silence_ms, capabilities.input_rate)
        self._exchange = Exchange(
            detector_bytes=None if self._manual else silence, interrupts=spec.interrupt_reply
        )
        speaks = frames.speaks(spec, capabilities)
        self._replies = ReplyEvents(
            self._exchange,
            captions=spec.want_captions and capabilities.captions,
            speaks=speaks,
            keep_sound=speaks and spec.want_audio,
            asynchronous_calls=traits.asynchronous,
        )
        self._messages = ServerMessages(
            self._replies,
            model=spec.model,
            title=title,
            resume=capabilities.resume,
            history_follows=bool(self._history),
        )

    def endpoint(self) -> Endpoint:
        """Where to connect; its headers hold the key."""
        return self._endpoint

    def hello(self) -> Sequence[Frame]:
        """The configuration; everything else waits until the service has taken it."""
        return [
            frames.setup(
                self._spec,
                self.capabilities,
                self._dialect,
                self._traits,
                model=self._model,
                history_follows=bool(self._history),
            )
        ]

    def encode(self, command: Command) -> Sequence[Frame]:
        """Frames that carry out a command, behind the earlier messages that are still to be told."""
        history, self._history = self._history, ()
        # A session that waits for its history goes on when that is complete; nothing answers it.
        told = [frames.client_content(history, complete=self._dialect.initial_history)] if history else []
        return [*told, *self._encode(command)]

    def decode(self, frame: Frame) -> Sequence[ProviderEvent]:
        """What a frame means; never raises. Text and binary frames hold the same JSON."""
        if self._is_sound(frame):
            try:
                message = _SOUND_DECODER.decode(frame)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                pass  # decoded again below, with more patience
            else:
                events: list[ProviderEvent] = []
                for part in message.server_content.model_turn.parts:
                    if part.inline_data.mime_type[:6] in ("audio/", ""):
                        events += self._replies.sound(part.inline_data.data)
                return events
        fields = read_object(frame)
        if isinstance(fields, Surprise):
            return [fields]
        return self._messages.take(fields)

    def _is_sound(self, frame: Frame) -> bool:
        if isinstance(frame, str):
            return "inlineData" in frame[:_HEAD]
        return b"inlineData" in frame[:_HEAD]

    def _encode(self, command: Command) -> Sequence[Frame]:
        can = self.capabilities
        match command:
            case AppendAudio(pcm):
                return self._append(pcm)
            case CommitAudio():
                return self._commit()
            case SendText(words):
                return self._ask(words)
            case SendImage(data, media_type):
                shown = frames.picture(data, media_type) if can.takes_picture(data, media_type) else []
                self._pictured = self._pictured or bool(shown)
                return shown
            case TellSystem(words, ask_reply):
                return self._ask(words) if ask_reply else self._tell(HistoryLine("user", words))
            case TellHistory(role, words):
                return self._tell(HistoryLine(role, words)) if can.seed_history else []
            case AskReply(instructions):
                return self._ask(instructions or GO_ON)
            case CancelReply(reply_id):
                self._exchange.cancel(reply_id)
                return []
            case AnswerTool(call_id, name, output, continue_reply):
                return self._answer(call_id, name, output, continue_reply=continue_reply)
            case ClearAudio() | TruncateReply() | Reconfigure() | ChangeDetection():
                return []  # nothing of the kind can be said, and the configuration is for good
            case _:
                assert_never(command)

    def _append(self, pcm: bytes) -> list[str]:
        made = frames.audio(pcm, self.capabilities.input_rate)
        self._exchange.sound_sent(len(pcm))
        if made and self._manual and not self._speaking:
            self._speaking = True
            self._exchange.speaks_over()
            made.insert(0, frames.ACTIVITY_START)
        return made

    def _commit(self) -> list[str]:
        """The utterance is over: we say so, or let the service's detector find out."""
        self._exchange.speech_told()
        self._pictured = False
        if self._manual:
            spoke, self._speaking = self._speaking, False
            return [frames.ACTIVITY_END] if spoke else []
        if self._dialect.stream_end:
            return [frames.AUDIO_STREAM_END]
        return frames.silence(self._spec.silence_ms, self.capabilities.input_rate)

    def _ask(self, words: str) -> list[str]:
        """A turn in writing. Behind a picture it is realtime input too, so that it comes behind it."""
        self._exchange.asked()
        pictured, self._pictured = self._pictured, False
        if self._traits.client_content and not pictured:
            return [frames.client_content([HistoryLine("user", words)], complete=True)]
        return frames.realtime_text(words, in_activity=self._manual and not self._speaking)

    def _tell(self, line: HistoryLine) -> list[str]:
        if not self._traits.client_content or not line.text:
            return []
        return [frames.client_content([line], complete=False)]

    def _answer(self, call_id: str, name: str, output: str, *, continue_reply: bool) -> list[str]:
        wire_id = self._replies.calls.answer(call_id)
        if wire_id is None:
            return []  # the service has cancelled the call, and knows it no more
        # A model that waits goes on when it has its answers; one that did not wait can be kept from it.
        silent = self._traits.asynchronous and not continue_reply
        if continue_reply or not (silent or self._replies.calls.are_open):
            self._exchange.answered()
        return [frames.tool_response(wire_id, name, output, silent=silent)]


def make_gemini(
    provider: Provider, dialect: GeminiDialect, spec: SessionSpec, endpoint: Endpoint
) -> GeminiCodec:
    """A codec for a row of the registry; raises ConfigError where an address names no place."""
    place = NOWHERE
    if dialect.by_place:
        url, place = vertex_place(endpoint.url, provider.path)
        endpoint = msgspec.structs.replace(endpoint, url=url)
    traits = traits_of(spec.model)
    capabilities = msgspec.structs.replace(
        provider.capabilities,
        seed_history=traits.client_content,
        tools_continue=not traits.asynchronous,
    )
    return GeminiCodec(
        spec=spec,
        capabilities=capabilities,
        dialect=dialect,
        traits=traits,
        endpoint=endpoint,
        model=model_path(spec.model, dialect, place),
        title=provider.title,
    )
