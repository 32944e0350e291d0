"""What Gemini's Live API says: each message may hold several things, which are told in a fixed order.

Source: the Live API's reference (``BidiGenerateContentServerMessage`` and its parts), the types of the
google-genai SDK 3.6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neko_cli.core import classify
from neko_cli.core.capabilities import Resume
from neko_cli.core.codecs.gemini_fields import TEXT_LIMIT, is_true, snake, spelled
from neko_cli.core.codecs.gemini_hearing import Hearing
from neko_cli.core.codecs.gemini_replies import ReplyEvents
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping, text
from neko_cli.core.provider_events import (
    GoingAway,
    HandleTold,
    ProviderEvent,
    ProviderFault,
    Ready,
    Surprise,
    ToolsCancelled,
    Unknown,
)
from neko_cli.core.resume import parse_duration
from neko_cli.core.text import one_line

UNKNOWN_LIMIT = 4
"""Unknown things told of one message."""

IDS_LIMIT = 64
"""Cancelled calls taken from one message."""

SOON = 10.0
"""Seconds that are believed when the service goes away and does not say when."""

_STARTS = frozenset({"ACTIVITY_START", "VAD_SIGNAL_TYPE_SOS"})
_ENDS = frozenset({"ACTIVITY_END", "VAD_SIGNAL_TYPE_EOS"})


class ServerMessages:
    """Makes provider events of messages; never raises."""

    def __init__(
        self, replies: ReplyEvents, *, model: str, title: str, resume: Resume, history_follows: bool
    ) -> None:
        """``model`` is told with ``Ready``; ``title`` names the provider in sentences about its errors.

        ``history_follows``: earlier messages are told after the session has begun, so that a handle may
        stand for a session that does not know them, until there is a reply.
        """
        self._replies = replies
        self._hearing: Hearing = replies.hearing
        self._model = model
        self._title = title
        self._resume = resume
        self._history_follows = history_follows
        self._ready = False
        # In this order: counts belong to the reply that ends, and a reply ends after all else.
        self._parts: dict[str, Callable[[Fields], Sequence[ProviderEvent]]] = {
            "setupComplete": self._setup_complete,
            "usageMetadata": replies.usage,
            "voiceActivity": self._voice_activity,
            "voiceActivityDetectionSignal": self._voice_activity,
            "serverContent": replies.content,
            "toolCall": replies.tool_call,
            "toolCallCancellation": self._calls_cancelled,
            "sessionResumptionUpdate": self._resumption,
            "goAway": self._go_away,
            "error": self._error,
        }
        self._names = {**{snake(name): name for name in self._parts}, **{name: name for name in self._parts}}

    def take(self, message: Fields) -> Sequence[ProviderEvent]:
        """What a whole message means."""
        found: dict[str, Fields] = {}
        unknown = []
        for key, value in message.items():
            name = self._names.get(key)
            if name is None and value is not None:
                unknown.append(key)
            elif name is not None and isinstance(value, dict) and (name == key or name not in found):
                found[name] = mapping(message, key)
        if unknown and not self._ready and "code" in message and "message" in message:
            return [self._fault(message)]  # an error without a frame around it
        events: list[ProviderEvent] = []
        for name in found if len(found) < 2 else [name for name in self._parts if name in found]:
            events += self._parts[name](found[name])
        if "serverContent" in found:
            events += self._replies.end_of_turn(found["serverContent"])
        events += [Unknown(one_line(key, 80)) for key in unknown[:UNKNOWN_LIMIT]]
        if not message:
            events.append(Surprise("a message that holds nothing"))
        return events

    def _setup_complete(self, fields: Fields) -> Sequence[ProviderEvent]:
        if self._ready:
            return ()
        self._ready = True
        return [Ready(session_id=identifier(fields, spelled(fields, "sessionId")), model=self._model)]

    def _voice_activity(self, fields: Fields) -> Sequence[ProviderEvent]:
        kind = text(fields, spelled(fields, "voiceActivityType"))
        kind = (kind or text(fields, spelled(fields, "vadSignalType"))).upper()
        if kind in _STARTS:
            self._replies.exchange.speech_told()
            # `audioOffset` may count from the session's beginning, not the connection's: no time is told.
            return self._hearing.began()
        return self._hearing.ended() if kind in _ENDS else ()

    def _calls_cancelled(self, fields: Fields) -> Sequence[ProviderEvent]:
        ids = fields.get("ids")
        wanted = [identifier({"id": call}, "id") for call in ids[:IDS_LIMIT]] if isinstance(ids, list) else []
        cancelled = tuple(call_id for call_id in wanted if call_id)
        for call_id in cancelled:
            self._replies.calls.cancel(call_id)
        return [ToolsCancelled(cancelled)] if cancelled else ()

    def _resumption(self, fields: Fields) -> Sequence[ProviderEvent]:
        if self._resume is Resume.NONE:
            return ()
        handle, exchange = text(fields, spelled(fields, "newHandle")), self._replies.exchange
        if self._history_follows and not (exchange.current or exchange.last):
            return [HandleTold("")]
        good = is_true(fields, "resumable") and len(handle) <= TEXT_LIMIT
        return [HandleTold(handle if good else "")]

    def _go_away(self, fields: Fields) -> Sequence[ProviderEvent]:
        left = parse_duration(fields.get(spelled(fields, "timeLeft")))
        return [GoingAway(SOON if left is None else left)]

    def _error(self, fields: Fields) -> Sequence[ProviderEvent]:
        return [self._fault(fields)]

    def _fault(self, told: Fields) -> ProviderFault:
        status = told.get("status")
        error = classify.from_error(
            status if isinstance(status, str) and status else told.get("code"),
            told.get("code"),
            told.get("message"),
            who=self._title,
        )
        return ProviderFault(error, ends_link=not self._ready)
