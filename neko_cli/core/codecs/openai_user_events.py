"""What a server of OpenAI's kind says about the user's speech: beginnings, ends, commits, words."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from neko_cli.core import classify
from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping, mappings, number, text
from neko_cli.core.codecs.timeline import Timeline
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    InputTranscriptFailed,
    SpeechBegan,
    SpeechEnded,
)
from neko_cli.core.redaction import redact
from neko_cli.core.text import one_line

ITEMS_LIMIT = 64
"""Items of which probabilities are gathered."""

OLD_LIMIT = 1024
"""Items of an earlier link that are recognised; the oldest are forgotten beyond that."""

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class UserEvents:
    """Decodes ``input_audio_buffer.*`` and the transcription of what the user said.

    Items that the server tells again when a conversation goes on over a new link are old: what it says
    about them is dropped.
    """

    def __init__(self, timeline: Timeline) -> None:
        """Nobody has spoken yet; ``timeline`` knows the sound that was sent."""
        self._timeline = timeline
        self._probabilities: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._old: OrderedDict[str, None] = OrderedDict()
        self.handlers: dict[str, Callable[[Fields], Events]] = {
            "input_audio_buffer.speech_started": self._started,
            "input_audio_buffer.speech_stopped": self._stopped,
            "input_audio_buffer.committed": self._committed,
            f"{_TRANSCRIPTION}.delta": self._heard_delta,
            f"{_TRANSCRIPTION}.updated": self._heard_so_far,
            f"{_TRANSCRIPTION}.completed": self._heard,
            f"{_TRANSCRIPTION}.failed": self._not_heard,
        }

    def told_again(self, item_id: str) -> None:
        """An item of an earlier link came once more."""
        if item_id:
            self._old[item_id] = None
            while len(self._old) > OLD_LIMIT:
                self._old.popitem(last=False)

    def _item(self, fields: Fields) -> str | None:
        """The item that an event is about; None when it is an old one."""
        item_id = identifier(fields, "item_id")
        return None if item_id in self._old else item_id

    def _started(self, fields: Fields) -> Events:
        at = self._timeline.recorded(number(fields, "audio_start_ms"))
        return [SpeechBegan(identifier(fields, "item_id"), at)]

    def _stopped(self, fields: Fields) -> Events:
        at = self._timeline.recorded(number(fields, "audio_end_ms"))
        return [SpeechEnded(identifier(fields, "item_id"), at)]

    def _committed(self, fields: Fields) -> Events:
        item_id = self._item(fields)
        return [InputCommitted(item_id)] if item_id is not None else ()

    def _heard_delta(self, fields: Fields) -> Events:
        item_id, delta = self._item(fields), text(fields, "delta")
        if item_id is None:
            return ()
        self._gather(item_id, mappings(fields, "logprobs"))
        return [InputTranscript(item_id, delta, whole=False, final=False)] if delta else ()

    def _heard_so_far(self, fields: Fields) -> Events:
        item_id = self._item(fields)
        if item_id is None:
            return ()
        return [InputTranscript(item_id, text(fields, "transcript"), whole=True, final=False)]

    def _heard(self, fields: Fields) -> Events:
        if text(fields, "status") not in ("", "completed"):
            # xAI and Azure send cumulative states under this name too, and say so.
            return self._heard_so_far(fields)
        item_id = self._item(fields)
        if item_id is None:
            return ()
        words, told = text(fields, "transcript"), mappings(fields, "logprobs")
        gathered = self._probabilities.pop(item_id, (0.0, 0))
        sure = _confidence(*_sum(told)) if told else _confidence(*gathered)
        return [InputTranscript(item_id, words, whole=True, final=True, confidence=sure)]

    def _not_heard(self, fields: Fields) -> Events:
        item_id = self._item(fields)
        if item_id is None:
            return ()
        self._probabilities.pop(item_id, None)
        reason = one_line(redact(text(mapping(fields, "error"), "message")), classify.MAX_DETAIL)
        return [InputTranscriptFailed(item_id, reason)]

    def _gather(self, item_id: str, logprobs: list[Fields]) -> None:
        if not logprobs:
            return
        total, n = self._probabilities.get(item_id, (0.0, 0))
        more, count = _sum(logprobs)
        self._probabilities[item_id] = (total + more, n + count)
        while len(self._probabilities) > ITEMS_LIMIT:
            self._probabilities.popitem(last=False)


def _sum(logprobs: list[Fields]) -> tuple[float, int]:
    values = [value for entry in logprobs if (value := number(entry, "logprob")) is not None]
    # A probability is 1 at most; and sums of what a server makes up must stay finite.
    return sum(min(0.0, max(value, -1e6)) for value in values), len(values)


def _confidence(total: float, n: int) -> float | None:
    """The geometric mean of the tokens' probabilities, 0 … 1; None without them."""
    return math.exp(total / n) if n else None
