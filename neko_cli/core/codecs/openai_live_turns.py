"""Turns out of OpenAI's Live timeline, which tells of none: no clock but the session's own sound.

The provider sends one endless track of sound, silent between replies, and transcripts in fragments
for both sides. A reply begins with its first audible sound or word, and is over once it has been quiet
for a while. What the user says while the character speaks is held until it is clear what it was: when
the character falls silent, it was an interruption; when it goes on, a word thrown in.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from neko_cli.core.codecs.openai_live_timeline import SentSound, Utterance, is_voiced, joined
from neko_cli.core.pcm import BYTES_PER_SAMPLE, duration_ms
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    ProviderEvent,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    SpeechBegan,
    SpeechEnded,
    TokenUsage,
    ToolRequested,
)

Events = list[ProviderEvent]

QUIET_MS = 800.0
"""Quiet after which a reply is over."""

CANCELLED_QUIET_MS = 300.0
"""The same for a reply that nobody wants: what comes after it is another one."""

YIELD_MS = 400.0
"""Quiet after which a character that was spoken to over its words has given way."""

NEAR_MS = 1_000.0
"""How long before the character fell silent somebody must have spoken to be the reason for it."""

THROWN_IN_MS = 1_500.0
"""A word said over the character's, after which it went on for so long, was thrown in."""

OVERLAP_MS = 6_000.0
"""Longest that words said over the character's are held."""

PAUSE_MS = 500.0
"""Silence that is played as a pause of a reply; what is longer is its end, or it waits for something."""

SEPARATION_MS = 500.0
"""Fragments that are closer belong to one utterance."""

FINAL_MS = 1_500.0
"""After so long no more fragments of an utterance are expected: closing punctuation comes late."""


class _Reply(msgspec.Struct):
    """A reply on its way; ``voiced_ms`` is where it was heard last on the track."""

    reply_id: str
    voiced_ms: float
    last: str = ""
    cancelled: bool = False


class LiveTurns:
    """Takes what the timeline brings and tells turns; every method returns provider events."""

    def __init__(self, rate: int, silence_ms: float, *, manual: bool = False) -> None:
        """``rate`` in Hz; after ``silence_ms`` without words the user's turn is over.

        ``manual`` says that a key ends the user's turns, so that their beginnings and ends are no news.
        """
        self.manual = manual
        self.released = False
        """Whether the key that ends the user's turn was let go."""
        self._rate = rate
        self._silence_ms = silence_ms
        self._odd = b""
        self._track_ms = 0.0
        self._told_ms = 0.0
        self._made = 0
        self._reply: _Reply | None = None
        self._heard: Utterance | None = None  # being said
        self._taken: Utterance | None = None  # answered, and more words may come
        self._over: Utterance | None = None  # said while the character speaks
        self._usage: TokenUsage | None = None
        self._ours = SentSound(rate)

    # -- what we send -----------------------------------------------------------------------

    def sent(self, n_bytes: int, *, filling: bool = False) -> None:
        """So much sound went to the provider; ``filling`` is silence that no microphone sent."""
        self.released = self.released and filling
        self._ours.add(n_bytes, filling=filling)

    def cancel(self) -> None:
        """Nobody wants the present reply any more; what still comes of it is dropped."""
        if self._reply is not None:
            self._reply.cancelled = True

    @property
    def last_said(self) -> str:
        """What the user said last, as far as it is known."""
        last = self._heard or self._taken
        return last.text.strip() if last is not None else ""

    # -- what comes -------------------------------------------------------------------------

    def sound(self, pcm: bytes) -> Events:
        """The next piece of the track."""
        data = self._odd + pcm
        even = len(data) - len(data) % BYTES_PER_SAMPLE
        self._odd, data = data[even:], data[:even]
        if not data:
            return []
        self._track_ms += duration_ms(even, self._rate)
        events: Events = []
        if is_voiced(data):
            self._begin(events).voiced_ms = self._track_ms
        reply = self._reply
        if reply is not None and not reply.cancelled and self._track_ms - reply.voiced_ms <= PAUSE_MS:
            events.append(ReplySound(reply.reply_id, reply.reply_id, data))
        return events + self._look()

    def said(self, delta: str) -> Events:
        """Words of the character."""
        if not delta:
            return []
        if self._reply is None and not _has_words(delta):
            return []  # the tail of a reply that is over
        events: Events = []
        reply = self._begin(events)
        reply.voiced_ms = max(reply.voiced_ms, self._track_ms)
        piece, reply.last = joined(reply.last, delta), delta
        if not reply.cancelled:
            events.append(ReplyWords(reply.reply_id, piece))
        return events

    def heard(self, delta: str, start_ms: float, end_ms: float) -> Events:
        """Words of the user."""
        if not delta:
            return []
        self._told_ms = max(self._told_ms, end_ms)
        events: Events = []
        if self._over is not None and (self._reply is None or self._reply.cancelled):
            self._weigh(events, self._over)
        taken, reply = self._taken, self._reply
        near = taken is not None and start_ms <= taken.end_ms + SEPARATION_MS
        if taken is not None and near and (reply is not None or not _has_words(delta)):
            # What is being answered, not quite written down.
            return events + self._more(taken, delta, end_ms)
        if self._heard is None and not _has_words(delta):
            return events
        if reply is not None and not reply.cancelled:
            return events + self._hold(delta, start_ms, end_ms)
        if self._heard is None:
            self._heard = self._new(start_ms, end_ms)
            self._open(events)
        return events + self._more(self._heard, delta, end_ms)

    def tools(self, calls: Sequence[tuple[str, str, str]]) -> Events:
        """The model that thinks asks for tools: (call id, name, arguments). The reply ends with that."""
        events: Events = []
        if self._over is not None:
            self._throw_in(events, self._over)
        if self._reply is not None and self._reply.cancelled:
            self._end(events, ReplyStatus.CANCELLED)
        reply = self._begin(events)
        events += [ToolRequested(reply.reply_id, *call) for call in calls]
        self._end(events, ReplyStatus.COMPLETE)
        return events

    def used(self, usage: TokenUsage | None) -> None:
        """Tokens that the model that thinks has used, if counted; told with the next reply that ends."""
        if usage is not None:
            known = msgspec.structs.asdict(self._usage or TokenUsage())
            more = msgspec.structs.asdict(usage)
            self._usage = TokenUsage(**{name: known[name] + more[name] for name in known})

    def close(self) -> Events:
        """The session is over: whatever is open ends here."""
        events: Events = []
        if self._over is not None:
            self._throw_in(events, self._over)
        self._finish_words(events)
        self._commit(events)
        self._finish_words(events)
        if self._reply is not None:
            self._end(events, ReplyStatus.INCOMPLETE)
        return events

    # -- own work ---------------------------------------------------------------------------

    @property
    def _now_ms(self) -> float:
        return max(self._track_ms, self._told_ms)

    def _look(self) -> Events:
        """What time has brought about."""
        events: Events = []
        if self._over is not None:
            self._weigh(events, self._over)
        reply = self._reply
        if reply is not None and self._over is None:
            limit = CANCELLED_QUIET_MS if reply.cancelled else QUIET_MS
            if self._track_ms - reply.voiced_ms >= limit:
                self._end(events, ReplyStatus.CANCELLED if reply.cancelled else ReplyStatus.COMPLETE)
        heard, taken = self._heard, self._taken
        over = self.released or not self.manual
        if heard is not None and over and self._now_ms - heard.end_ms >= self._silence_ms:
            self._commit(events)
        if taken is not None and self._now_ms - taken.end_ms >= FINAL_MS:
            self._finish_words(events)
        return events

    def _weigh(self, events: Events, over: Utterance) -> None:
        """What was said over the character's words: did it give way?"""
        reply = self._reply
        if reply is None or reply.cancelled:
            self._over = None
            self._interrupt(events, over)
            return
        quiet = self._track_ms - reply.voiced_ms
        if quiet >= YIELD_MS and over.end_ms >= reply.voiced_ms - NEAR_MS:
            self._over = None
            self._end(events, ReplyStatus.INTERRUPTED)
            self._interrupt(events, over)
        elif (
            quiet >= QUIET_MS
            or self._now_ms - over.end_ms >= THROWN_IN_MS
            or self._now_ms - over.start_ms >= OVERLAP_MS
        ):
            self._throw_in(events, over)

    def _interrupt(self, events: Events, over: Utterance) -> None:
        self._commit(events)
        self._finish_words(events)
        self._heard = over
        self._open(events)
        events.append(InputTranscript(over.item_id, over.text, whole=True, final=False))

    def _throw_in(self, events: Events, over: Utterance) -> None:
        self._over = None
        events.append(InputTranscript(over.item_id, over.text.strip(), whole=True, final=True))

    def _hold(self, delta: str, start_ms: float, end_ms: float) -> Events:
        if self._over is None:
            self._over = self._new(start_ms, end_ms)
        self._over.add(delta, end_ms)
        return []

    def _new(self, start_ms: float, end_ms: float) -> Utterance:
        self._made += 1
        return Utterance(f"user-{self._made}", start_ms, max(start_ms, end_ms))

    def _more(self, utterance: Utterance, delta: str, end_ms: float) -> Events:
        piece = utterance.add(delta, end_ms)
        return [InputTranscript(utterance.item_id, piece, whole=False, final=False)] if piece else []

    def _open(self, events: Events) -> None:
        if self._heard is not None and not self.manual:
            events.append(SpeechBegan(self._heard.item_id, self._ours.microphone_ms(self._heard.start_ms)))

    def _commit(self, events: Events) -> None:
        """What the user said is being answered, or over."""
        heard, self._heard = self._heard, None
        if heard is None:
            return
        self._finish_words(events)
        if not self.manual:
            events.append(SpeechEnded(heard.item_id, self._ours.microphone_ms(heard.end_ms)))
        events.append(InputCommitted(heard.item_id))
        self._taken = heard

    def _finish_words(self, events: Events) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            events.append(InputTranscript(taken.item_id, taken.text.strip(), whole=True, final=True))

    def _begin(self, events: Events) -> _Reply:
        """The present reply; a new one answers what was being said."""
        if self._reply is None:
            self._commit(events)
            self._made += 1
            self._reply = _Reply(f"reply-{self._made}", self._track_ms)
            events.append(ReplyBegan(self._reply.reply_id))
        return self._reply

    def _end(self, events: Events, status: ReplyStatus) -> None:
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if status is ReplyStatus.COMPLETE:
            events.append(ReplySoundEnded(reply.reply_id))
        usage, self._usage = self._usage, None
        events.append(ReplyEnded(reply.reply_id, status, usage=usage))


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)
