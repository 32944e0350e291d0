"""What a server of OpenAI's kind says about its replies: words, sound, tools, end.

The names of some events differ between the GA protocol and the one before it (beta), which others
have taken over; everything else is the same.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from typing import NamedTuple

from neko_cli.core import classify
from neko_cli.core.codecs import openai_frames as frames
from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import ID_LIMIT, Fields, count, identifier, mapping, mappings, text
from neko_cli.core.codecs.openai_replies import Replies
from neko_cli.core.pcm import BYTES_PER_SAMPLE, duration_ms
from neko_cli.core.provider_events import (
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
from neko_cli.core.text import one_line


class Names(NamedTuple):
    """How the events of a reply's output are called."""

    sound: str = "response.output_audio.delta"
    """The type of the most frequent frame."""
    sound_done: str = "response.output_audio.done"
    caption: str = "response.output_audio_transcript.delta"
    caption_done: str = "response.output_audio_transcript.done"
    words: str = "response.output_text.delta"
    words_done: str = "response.output_text.done"


GA_NAMES = Names()
BETA_NAMES = Names(*(name.replace("output_", "") for name in GA_NAMES))


_CAPTION, _TEXT = "caption", "text"


class ReplyEvents:
    """Decodes ``response.*`` events; ``ledger`` knows which replies have begun and ended."""

    def __init__(self, title: str, names: Names = GA_NAMES, *, also: Names | None = None) -> None:
        """``title`` names the provider in sentences about failed replies.

        ``also``: other names by which the same events may come.
        """
        self.ledger = Replies()
        self.names = names
        self._title = title
        self._ignored = ""
        """The kind of words that only repeat the others; empty where whatever comes first is told."""
        self._odd = b""
        self._odd_item = ""
        self.handlers: dict[str, Callable[[Fields], Events]] = {
            "response.created": self._created,
            "response.output_item.added": self._item_added,
            "response.output_item.done": self._item_done,
            names.caption: lambda fields: self._by(_CAPTION, fields, done=False),
            names.caption_done: lambda fields: self._by(_CAPTION, fields, done=True),
            names.words: lambda fields: self._by(_TEXT, fields, done=False),
            names.words_done: lambda fields: self._by(_TEXT, fields, done=True),
            "response.content_part.done": self._part_done,
            names.sound: self._sound_slowly,
            names.sound_done: self._sound_done,
            "response.function_call_arguments.done": self._arguments_done,
            "response.done": self._done,
        }
        if also is not None:
            usual = dict(zip(also, names, strict=True))
            self.handlers.update({other: self.handlers[name] for other, name in usual.items()})

    def begin(self, reply_id: str) -> list[ProviderEvent]:
        """The beginning of a reply, unless it has begun before."""
        return [ReplyBegan(reply_id)] if self.ledger.begin(reply_id) else []

    def _created(self, fields: Fields) -> Events:
        return self.begin(self.ledger.resolve(identifier(mapping(fields, "response"), "id")))

    def sound(self, reply_id: str, item_id: str, content_index: int, pcm: bytes) -> Events:
        """A piece of a reply's sound."""
        reply_id = self.ledger.resolve(reply_id[:ID_LIMIT])
        item_id = item_id[:ID_LIMIT]
        events = self.begin(reply_id)
        if self.ledger.wanted(reply_id) is None:
            return events
        if self._odd_item != item_id:
            self._odd, self._odd_item = b"", item_id
        pcm = self._odd + pcm if self._odd else pcm
        # A sample cut in two by a server's chunk border waits for its other half.
        even = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
        self._odd = pcm[even:]
        if even:
            self.ledger.count_sound(item_id, content_index, even)
            events.append(ReplySound(reply_id, item_id, pcm if not self._odd else pcm[:even]))
        return events

    def truncate(self, item_id: str, heard_ms: int, rate: int) -> str:
        """The frame that cuts a stored reply at what was heard; ``rate`` is that of its sound, in Hz."""
        sound = self.ledger.sound_of(item_id)
        heard = max(0, heard_ms)
        if sound is None:
            return frames.truncate(item_id, 0, heard)
        # More than there is would be refused as invalid_value.
        there = int(duration_ms(sound.n_bytes, rate))
        return frames.truncate(item_id, sound.content_index, min(heard, there))

    def _sound_slowly(self, fields: Fields) -> Events:
        """A sound delta that is not quite as documented."""
        try:
            pcm = b64decode(text(fields, "delta"))
        except (binascii.Error, ValueError):
            return [Surprise("sound that is not base64")]
        ids = identifier(fields, "response_id"), identifier(fields, "item_id")
        return self.sound(*ids, count(fields, "content_index"), pcm)

    def _sound_done(self, fields: Fields) -> Events:
        reply_id = self.ledger.resolve(identifier(fields, "response_id"))
        return [ReplySoundEnded(reply_id)] if self.ledger.wanted(reply_id) is not None else ()

    def _by(self, channel: str, fields: Fields, *, done: bool) -> Events:
        """Words by one kind of events; those of the other kind are the same words again."""
        reply_id = self.ledger.resolve(identifier(fields, "response_id"))
        reply = self.ledger.wanted(reply_id)
        if channel == self._ignored or (reply is not None and reply.channel not in ("", channel)):
            return self.begin(reply_id)
        events = self._words_done(fields) if done else self._say(fields, "delta")
        reply = self.ledger.wanted(reply_id)
        if reply is not None and reply.worded:
            reply.channel = channel
        return events

    def _words_done(self, fields: Fields) -> Events:
        """The whole text of a part; news only where no delta came before it."""
        reply = self.ledger.wanted(self.ledger.resolve(identifier(fields, "response_id")))
        if reply is not None and _part(fields) in reply.worded:
            return ()
        return self._say(fields, "transcript" if "transcript" in fields else "text")

    def _part_done(self, fields: Fields) -> Events:
        """The whole part, words included, where nothing told them before."""
        part = mapping(fields, "part")
        told = {key: part[key] for key in ("transcript", "text") if key in part}
        return self._by(_CAPTION if "transcript" in told else _TEXT, {**fields, **told}, done=True)

    def _say(self, fields: Fields, name: str) -> Events:
        reply_id = self.ledger.resolve(identifier(fields, "response_id"))
        words = text(fields, name)
        if not words:
            return ()
        events = self.begin(reply_id)
        reply = self.ledger.wanted(reply_id)
        if reply is not None:
            reply.tell(_part(fields))
            events.append(ReplyWords(reply_id, words))
        return events

    def _item_added(self, fields: Fields) -> Events:
        item = mapping(fields, "item")
        if text(item, "type") == "function_call":
            self.ledger.name_tool(identifier(item, "id"), identifier(item, "name"))
        return self.begin(self.ledger.resolve(identifier(fields, "response_id")))

    def _item_done(self, fields: Fields) -> Events:
        item = mapping(fields, "item")
        if text(item, "type") != "function_call" or text(item, "status") == "incomplete":
            return ()
        reply_id = self.ledger.resolve(identifier(fields, "response_id"))
        return self._call(reply_id, item, identifier(item, "name"))

    def _arguments_done(self, fields: Fields) -> Events:
        reply_id = self.ledger.resolve(identifier(fields, "response_id"))
        name = identifier(fields, "name") or self.ledger.tool_name(identifier(fields, "item_id"))
        # Without a name the finished item, which comes next, tells it.
        return self._call(reply_id, fields, name) if name else ()

    def _call(self, reply_id: str, fields: Fields, name: str) -> Events:
        call_id = identifier(fields, "call_id")
        events = self.begin(reply_id)
        # Also that of a reply which we cancelled is in the conversation, and waits for its answer.
        is_open = self.ledger.wanted(reply_id) is not None or self.ledger.is_cancelled(reply_id)
        if is_open and call_id and self.ledger.call(call_id):
            arguments = text(fields, "arguments").strip() or "{}"
            events.append(ToolRequested(reply_id, call_id, name, arguments))
        return events

    def _done(self, fields: Fields) -> Events:
        response = mapping(fields, "response")
        reply_id = self.ledger.resolve(identifier(response, "id"))
        events = self.begin(reply_id)
        for item in mappings(response, "output")[:64]:
            if text(item, "type") == "function_call" and text(item, "status") == "completed":
                events.extend(self._call(reply_id, item, identifier(item, "name")))
        if not self.ledger.end(reply_id):
            return ()
        details = mapping(response, "status_details")
        reason = one_line(text(details, "reason"), 80)
        status = _status(text(response, "status"), reason)
        error = None
        if status is ReplyStatus.FAILED:
            told = mapping(details, "error")
            error = classify.from_error(
                told.get("code"), told.get("type"), told.get("message"), who=self._title
            )
        # xAI counts beside the response, and leaves an empty record in it.
        usage = usage_of(mapping(response, "usage") or mapping(fields, "usage"))
        events.append(ReplyEnded(reply_id, status, reason=reason, error=error, usage=usage))
        return events


def _part(fields: Fields) -> str:
    return f"{identifier(fields, 'item_id')}/{count(fields, 'content_index')}"


def _status(status: str, reason: str) -> ReplyStatus:
    match status:
        case "completed" | "":
            return ReplyStatus.COMPLETE
        case "cancelled":
            return ReplyStatus.INTERRUPTED if reason == "turn_detected" else ReplyStatus.CANCELLED
        case "failed":
            return ReplyStatus.FAILED
        case _:
            return ReplyStatus.INCOMPLETE


def usage_of(usage: Fields) -> TokenUsage | None:
    """The tokens that were used; None where nothing was counted."""
    # Some write the plural; some count nothing yet, and say so by zeros.
    taken = mapping(usage, "input_token_details") or mapping(usage, "input_tokens_details")
    made = mapping(usage, "output_token_details") or mapping(usage, "output_tokens_details")
    told = TokenUsage(
        input_tokens=count(usage, "input_tokens"),
        output_tokens=count(usage, "output_tokens"),
        input_audio_tokens=count(taken, "audio_tokens"),
        output_audio_tokens=count(made, "audio_tokens"),
        cached_tokens=count(taken, "cached_tokens"),
    )
    return told if told != TokenUsage() else None
