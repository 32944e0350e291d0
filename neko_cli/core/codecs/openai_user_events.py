"""What a server of OpenAI's kind says about the user's speech: beginnings, ends, commits, words."""

from __future__ import annotations

import math
from collections.abc import Callable

from neko_cli.core import classify
from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping, mappings, number, text
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    InputTranscriptFailed,
    SpeechBegan,
    SpeechEnded,
)
from neko_cli.core.redaction import redact
from neko_cli.core.text import one_line

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class UserEvents:
    """Decodes ``input_audio_buffer.*`` and the transcription of what the user said."""

    def __init__(self) -> None:
        """Nobody has spoken yet."""
        self.handlers: dict[str, Callable[[Fields], Events]] = {
            "input_audio_buffer.speech_started": self._started,
            "input_audio_buffer.speech_stopped": self._stopped,
            "input_audio_buffer.committed": self._committed,
            f"{_TRANSCRIPTION}.delta": self._heard_delta,
            f"{_TRANSCRIPTION}.updated": self._heard_so_far,
            f"{_TRANSCRIPTION}.completed": self._heard,
            f"{_TRANSCRIPTION}.failed": self._not_heard,
        }

    def _started(self, fields: Fields) -> Events:
        return [SpeechBegan(identifier(fields, "item_id"), number(fields, "audio_start_ms"))]

    def _stopped(self, fields: Fields) -> Events:
        return [SpeechEnded(identifier(fields, "item_id"), number(fields, "audio_end_ms"))]

    def _committed(self, fields: Fields) -> Events:
        return [InputCommitted(identifier(fields, "item_id"))]

    def _heard_delta(self, fields: Fields) -> Events:
        delta = text(fields, "delta")
        item_id = identifier(fields, "item_id")
        return [InputTranscript(item_id, delta, whole=False, final=False)] if delta else ()

    def _heard_so_far(self, fields: Fields) -> Events:
        words = text(fields, "transcript")
        return [InputTranscript(identifier(fields, "item_id"), words, whole=True, final=False)]

    def _heard(self, fields: Fields) -> Events:
        return [
            InputTranscript(
                identifier(fields, "item_id"),
                text(fields, "transcript"),
                whole=True,
                final=True,
                confidence=_confidence(mappings(fields, "logprobs")),
            )
        ]

    def _not_heard(self, fields: Fields) -> Events:
        reason = one_line(redact(text(mapping(fields, "error"), "message")), classify.MAX_DETAIL)
        return [InputTranscriptFailed(identifier(fields, "item_id"), reason)]


def _confidence(logprobs: list[Fields]) -> float | None:
    """The geometric mean of the tokens' probabilities, 0 … 1; None without them."""
    values = [value for entry in logprobs if (value := number(entry, "logprob")) is not None]
    # Capped before exp, where a nonsensical positive value would overflow.
    return math.exp(min(0.0, sum(values) / len(values))) if values else None
