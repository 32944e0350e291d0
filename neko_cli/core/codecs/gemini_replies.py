"""What Gemini's Live API says about its replies: words, sound, calls, interruptions, ends, counts.

Source: the Live API's reference (``BidiGenerateContentServerContent``, ``…ToolCall``,
``UsageMetadata``), the types of the google-genai SDK 3.6.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from neko_cli.core.codecs.gemini_fields import decode_bytes, is_true, spelled
from neko_cli.core.codecs.gemini_hearing import Hearing
from neko_cli.core.codecs.gemini_turns import Calls, Exchange
from neko_cli.core.codecs.json_fields import Fields, count, identifier, mapping, mappings, text
from neko_cli.core.pcm import BYTES_PER_SAMPLE
from neko_cli.core.provider_events import (
    Interrupted,
    ProviderEvent,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    Surprise,
    TokenUsage,
    ToolRequested,
)
from neko_cli.core.text import one_line, to_json

PARTS_LIMIT = 256
"""Parts read of one message, and calls."""

UNSPOKEN_LIMIT = 20_000
"""Characters of a spoken reply's text parts that are kept, in case it is not spoken after all."""

_GOES_ON = "IN_PROGRESS"
_ENDED_WELL = frozenset({"", "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})


class ReplyEvents:
    """Decodes ``serverContent``, ``toolCall`` and ``usageMetadata``."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        captions: bool,
        speaks: bool,
        keep_sound: bool,
        asynchronous_calls: bool,
    ) -> None:
        """``captions``: the user's words were asked for.

        ``speaks``: replies come as voice, and text parts are not what is said. ``keep_sound``: the voice
        is wanted, not its caption alone. ``asynchronous_calls``: the model talks on meanwhile.
        """
        self.exchange = exchange
        self.hearing = Hearing(captions=captions)
        self.calls = Calls()
        self._speaks = speaks
        self._keep_sound = keep_sound
        self._asynchronous_calls = asynchronous_calls
        self._odd = b""
        self._said = False
        self._unspoken = ""
        self._usage: TokenUsage | None = None

    def content(self, content: Fields) -> Sequence[ProviderEvent]:
        """All of ``serverContent`` but the end of the turn."""
        if len(content) == 1 and "outputTranscription" in content:
            return self._caption(content)  # words come often, and mostly alone
        events: list[ProviderEvent] = []
        interrupted = is_true(content, "interrupted")
        if interrupted:
            events += self._interrupted()
        events += self._heard(content)
        if not interrupted:  # what a cut reply still says in the same message is not news
            events += self._caption(content)
            events += self._model_turn(mapping(content, spelled(content, "modelTurn")))
        if is_true(content, "generationComplete") and self._wanted and self._keep_sound:
            events.append(ReplySoundEnded(self.exchange.current))
        return events

    def sound(self, pcm: bytes) -> Sequence[ProviderEvent]:
        """A piece of a reply's sound."""
        events, reply_id = self._output()
        if not self._keep_sound or self.exchange.cancelled:
            return events
        pcm = self._odd + pcm if self._odd else pcm
        # A sample cut in two by a message's border waits for its other half.
        even = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
        self._odd = pcm[even:]
        if even:
            self._said = True
            events.append(ReplySound(reply_id, reply_id, pcm if not self._odd else pcm[:even]))
        return events

    def tool_call(self, fields: Fields) -> Sequence[ProviderEvent]:
        """Calls; unless the model talks on meanwhile, the reply is over with them.

        The service waits for the answers, and answers are sent when a reply is over.
        """
        found = []
        for call in mappings(fields, spelled(fields, "functionCalls"))[:PARTS_LIMIT]:
            name = identifier(call, "name")
            if name and (call_id := self.calls.new(identifier(call, "id"))):
                found.append((call_id, name, to_json(dict(mapping(call, "args")))))
        if not found:
            return ()
        events: list[ProviderEvent] = []
        talking = self.exchange.current
        reply_id = talking or self.exchange.begin()
        if not talking:
            events += self._begins(reply_id)
        events += [ToolRequested(reply_id, *call) for call in found]
        if not talking or not self._asynchronous_calls:
            events += self._unspoken_words()
            self.exchange.called()
            events.append(ReplyEnded(reply_id, ReplyStatus.COMPLETE))
        return events

    def usage(self, fields: Fields) -> Sequence[ProviderEvent]:
        """Token counts, which are told again and again; they belong to the reply that ends next."""
        told = TokenUsage(
            input_tokens=_count(fields, "promptTokenCount") + _count(fields, "toolUsePromptTokenCount"),
            output_tokens=(
                (_count(fields, "responseTokenCount") or _count(fields, "candidatesTokenCount"))
                + _count(fields, "thoughtsTokenCount")
            ),
            input_audio_tokens=_audio(fields, "promptTokensDetails"),
            output_audio_tokens=(
                _audio(fields, "responseTokensDetails") or _audio(fields, "candidatesTokensDetails")
            ),
            cached_tokens=_count(fields, "cachedContentTokenCount"),
        )
        before = self._usage or TokenUsage()
        most = {name: max(getattr(before, name), getattr(told, name)) for name in told.__struct_fields__}
        self._usage = TokenUsage(**most)
        return ()

    def end_of_turn(self, content: Fields) -> Sequence[ProviderEvent]:
        """``turnComplete``, unless the service says that it goes on by itself."""
        if not is_true(content, "turnComplete"):
            return ()
        status = text(content, spelled(content, "interactionStatus")).upper()
        if status == _GOES_ON and not (self.exchange.current and self.calls.are_open):
            return ()
        reply_id = self.exchange.current
        events: list[ProviderEvent] = []
        cancelled = self.exchange.cancelled
        if reply_id:
            events += [] if cancelled else self._unspoken_words()
            events += self.hearing.turn_ends(keep=not self.exchange.interrupts)
        if not self.exchange.completed():
            return events
        if not reply_id:
            reply_id = self.exchange.last
            events += self._begins(reply_id)
        reason = text(content, spelled(content, "turnCompleteReason")).upper()
        status_told = ReplyStatus.COMPLETE if reason in _ENDED_WELL else ReplyStatus.INCOMPLETE
        if cancelled:
            status_told = ReplyStatus.CANCELLED
        told = "" if reason in _ENDED_WELL else one_line(reason.lower(), 80)
        usage, self._usage = self._usage, None
        events.append(ReplyEnded(reply_id, status_told, reason=told, usage=usage))
        return events

    # -- own work ---------------------------------------------------------------------------

    @property
    def _wanted(self) -> bool:
        return bool(self.exchange.current) and not self.exchange.cancelled

    def _interrupted(self) -> list[ProviderEvent]:
        reply_id, cancelled = self.exchange.current, self.exchange.cancelled
        if not self.exchange.interrupted():
            return []
        events = self.hearing.cut(in_reply=bool(reply_id))
        status = ReplyStatus.CANCELLED if cancelled else ReplyStatus.INTERRUPTED
        return [*events, Interrupted(reply_id), ReplyEnded(reply_id, status, reason="interrupted")]

    def _heard(self, content: Fields) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        told = mapping(content, spelled(content, "inputTranscription"))
        if told:
            words, exchange = text(told, "text"), self.exchange
            events += self.hearing.words(
                words,
                finished=is_true(told, "finished"),
                in_reply=bool(exchange.current),
                anew=exchange.may_begin,
            )
            if words.strip():
                exchange.speech_told()
        guess = mapping(content, spelled(content, "interimInputTranscription"))
        if guess and not told:
            events += self.hearing.guess(text(guess, "text"))
        return events

    def _caption(self, content: Fields) -> Sequence[ProviderEvent]:
        return self._words(text(mapping(content, spelled(content, "outputTranscription")), "text"))

    def _model_turn(self, turn: Fields) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        for part in mappings(turn, "parts")[:PARTS_LIMIT]:
            if is_true(part, "thought"):
                continue
            words = text(part, "text")
            if words and self._speaks:
                began, _ = self._output()
                events += began
                self._unspoken = (self._unspoken + words)[:UNSPOKEN_LIMIT]
            elif words:
                events += self._words(words)
            blob = mapping(part, spelled(part, "inlineData"))
            if blob:
                events += self._blob(blob)
        return events

    def _blob(self, blob: Fields) -> Sequence[ProviderEvent]:
        kind = text(blob, spelled(blob, "mimeType"))
        if kind and not kind.startswith("audio/"):
            return ()
        pcm = decode_bytes(text(blob, "data"))
        return [Surprise("sound that is not base64")] if pcm is None else self.sound(pcm)

    def _words(self, words: str) -> Sequence[ProviderEvent]:
        if not words:
            return ()
        events, reply_id = self._output()
        if not self.exchange.cancelled:
            self._said = True
            events.append(ReplyWords(reply_id, words))
        return events

    def _output(self) -> tuple[list[ProviderEvent], str]:
        """The reply that output belongs to, and its beginning where it begins with it."""
        reply_id, begins = self.exchange.output()
        return (self._begins(reply_id) if begins else []), reply_id

    def _begins(self, reply_id: str) -> list[ProviderEvent]:
        self._odd, self._said, self._unspoken = b"", False, ""
        return [*self.hearing.reply_begins(spoken=self.exchange.spoken), ReplyBegan(reply_id)]

    def _unspoken_words(self) -> list[ProviderEvent]:
        """A reply that was to be spoken and came as text alone."""
        words, self._unspoken = self._unspoken, ""
        if not words or self._said or not self.exchange.current:
            return []
        return [ReplyWords(self.exchange.current, words)]


def _count(fields: Fields, name: str) -> int:
    return count(fields, spelled(fields, name))


def _audio(fields: Fields, name: str) -> int:
    """Tokens of sound, of counts by kind."""
    details = mappings(fields, spelled(fields, name))[:16]
    return sum(_count(entry, "tokenCount") for entry in details if text(entry, "modality").upper() == "AUDIO")
