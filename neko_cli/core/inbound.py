"""What each provider event means for the session: the turn machine, the transcript, the sound."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from typing import Protocol

import msgspec

from neko_cli.core.commands import AnswerTool
from neko_cli.core.companions.emotion import EmotionMark, EmotionTags
from neko_cli.core.errors import Category, NekoError
from neko_cli.core.events import (
    Emotion,
    Failure,
    Notice,
    NoticeKind,
    ReplyAudio,
    ReplyText,
    Severity,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    ToolResult,
    Usage,
    UserText,
)
from neko_cli.core.pcm import duration_ms
from neko_cli.core.playout import Playout
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import (
    GoingAway,
    HandleTold,
    InputCommitted,
    InputTranscript,
    InputTranscriptFailed,
    Interrupted,
    ProviderEvent,
    ProviderFault,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    SpeechBegan,
    SpeechEnded,
    ToolRequested,
)
from neko_cli.core.reply_slot import ReplySlot, SlotState
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.turns import TurnHost, Turns
from neko_cli.core.uplink import Uplink

ITEMS_LIMIT = 64
"""User utterances whose transcript may still come; older ones are forgotten."""

IMPLICIT = "implicit "
"""Begins our names of utterances that a provider tells nothing of."""

ALREADY_ACTIVE = "conversation_already_has_active_response"


class InboundHost(TurnHost, Protocol):
    """What this part needs from the session."""

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    @property
    def uplink(self) -> Uplink:
        """The user's voice."""
        ...

    def handle_new_message(self) -> None:
        """A reply begins."""
        ...

    def used_tokens(self, tokens: int) -> None:
        """So large was the context of the last reply."""
        ...

    def handle_told(self, handle: str) -> None:
        """The provider says by what the session can be resumed."""
        ...

    def going_away(self, seconds: float) -> None:
        """The provider will close the link in so many seconds."""
        ...

    def rate_limited(self, error: NekoError) -> bool:
        """The provider takes no more for now; returns whether what was asked is asked again."""
        ...


NEVER = -math.inf

WORDS_WITHIN = 5.0
"""Seconds after which the words of an utterance that was taken are not waited for any more."""


class _Utterance(msgspec.Struct):
    turn: int
    order: float = 0.0
    text: str = ""
    ended_ms: float | None = None
    committed_at: float = NEVER
    final: bool = False
    name: str = ""

    @property
    def committed(self) -> bool:
        """Whether the provider has taken it."""
        return self.committed_at > NEVER


class Inbound:
    """Takes provider events one at a time; returns at once."""

    def __init__(self, host: InboundHost, turns: Turns, slot: ReplySlot, playout: Playout) -> None:
        self._host = host
        self._turns = turns
        self._slot = slot
        self._playout = playout
        self._utterances: OrderedDict[str, _Utterance] = OrderedDict()
        self._late: OrderedDict[str, _Utterance] = OrderedDict()  # whose words the last link may send
        self._answers: list[AnswerTool] = []
        self._tags = self._parser()
        self._went_on = False
        self.tells_utterances = False
        """Whether this link's provider says when the user speaks."""
        self.committed_at = NEVER
        """When the provider last showed that it took an utterance, on the session's clock."""
        self._heard_first = False  # final words came before the reply to them
        self._count = 0
        self._implicit = 0
        self._unnamed: deque[_Utterance] = deque(maxlen=ITEMS_LIMIT)
        self.output_rate = 24_000
        self.captions = True
        """Whether the provider tells the user's words."""

    @property
    def words_due(self) -> bool:
        """Whether words of an utterance may still come that was committed."""
        if not self.captions:
            return False
        since = self._host.now() - WORDS_WITHIN
        return any(
            u.committed_at > since and not u.final for u in (*self._utterances.values(), *self._unnamed)
        )

    def begin_reply(self) -> None:
        """A reply, or the rest of one that was cut, begins: tags and tool calls start afresh."""
        self._answers.clear()
        self._tags = self._parser()
        if self._playout.received_ms > 0:
            self._playout.go_on()
        else:
            self._playout.begin()
        self._went_on = bool(self._turns.turn.marks)

    def flush_words(self) -> None:
        """Show what was held back of the reply as the possible beginning of a tag."""
        rest = self._tags.flush()
        if self._turns.state is TurnState.SPEAKING:
            self._tell(rest)

    def leave_link(self, *, words_may_come: bool) -> None:
        """The link is not live any more: its ids mean nothing, but for words that it may still send."""
        self._late = OrderedDict(
            (item, u)
            for item, u in self._utterances.items()
            if words_may_come and u.committed and not u.final
        )
        self._utterances.clear()
        self._answers.clear()
        self._unnamed.clear()
        self._heard_first = False
        self.tells_utterances = False

    def late_words(self, event: InputTranscript) -> bool:
        """Words from the link before; returns whether more of them are due."""
        record = self._late.get(event.item_id)
        if record is not None:
            self._take_words(record, event)
            if record.final:
                del self._late[event.item_id]
        return bool(self._late)

    def take(self, event: ProviderEvent) -> None:
        """Handle one event."""
        match event:
            case ReplySound():
                self._sound(event)
            case ReplyWords():
                self._words(event)
            case SpeechBegan():
                self.tells_utterances = True
                self._host.uplink.speech_began(event.at_ms)
                self._speech_began(event.item_id)
            case SpeechEnded():
                self._speech_ended(event)
            case InputCommitted():
                self.tells_utterances = True
                self._slot.utterance_taken()
                self._commit(event.item_id)
            case InputTranscript():
                self._transcript(event)
            case InputTranscriptFailed():
                self._utterance(event.item_id).final = True
                self._notice("Your speech could not be turned into text.")
            case ReplyBegan():
                self._reply_began(event.reply_id)
            case ReplySoundEnded():
                if self._slot.wants(event.reply_id):
                    self._turns.turn.sound_complete = True
                    self._playout.finish()
            case ReplyEnded():
                self._ended(event)
            case Interrupted():
                self._turns.turn.ended = ReplyEnded(event.reply_id, ReplyStatus.INTERRUPTED)
                self._turns.feed(TurnInput.REPLY_CUT)
            case ToolRequested():
                self._tool(event)
            case ProviderFault():
                self._fault(event)
            case HandleTold():
                self._host.handle_told(event.handle)
            case GoingAway():
                self._host.going_away(event.seconds)
            case _:
                pass  # limits are told again as errors when they are reached

    def _parser(self) -> EmotionTags:
        table = self._host.profile.emotion
        return EmotionTags(table.labels, table.tags)

    def _may_interrupt(self) -> bool:
        return self._host.profile.turns.interrupt or self._turns.state in (
            TurnState.IDLE,
            TurnState.HEARING,
        )

    def _speech_began(self, item_id: str) -> None:
        if self._may_interrupt():
            self._turns.feed(TurnInput.SPEECH_STARTED)
            self._utterance(item_id)
        else:
            self._utterance(item_id, self._turns.turn.number + 1)
            self._host.publish(SpeechStarted(at=self._host.now(), turn=self._turns.turn.number + 1))

    def _speech_ended(self, event: SpeechEnded) -> None:
        record = self._utterances.get(event.item_id)
        if record is not None:
            record.ended_ms = event.at_ms
        if record is not None and record.turn > self._turns.turn.number:
            self._host.publish(SpeechStopped(at=self._host.now(), turn=record.turn))
        else:
            self._turns.feed(TurnInput.SPEECH_STOPPED)

    def _commit(self, item_id: str) -> None:
        record = self._utterance(item_id)
        if not record.committed:
            record.committed_at = self.committed_at = self._host.now()
            self._host.uplink.commit(item_id, record.ended_ms)

    def _reply_began(self, reply_id: str) -> None:
        spoken = self._slot.answers_speech
        unasked = spoken and self._turns.state in (TurnState.IDLE, TurnState.DRAINING)
        wanted = self._slot.began(reply_id)
        if wanted:
            self._turns.feed(TurnInput.REPLY_BEGAN)
        if spoken and not self.tells_utterances:
            self._commit_unnamed_speech()
        if wanted:
            self._turns.turn.spoken = self._turns.turn.spoken or unasked
            self._host.handle_new_message()

    # Some providers tell nothing of utterances: a reply that nobody asked for, or final words, are
    # all that is heard of one, in either order.

    def _commit_unnamed_speech(self) -> None:
        if self._heard_first:
            self._heard_first = False
            return
        self._implicit += 1
        name = f"{IMPLICIT}{self._implicit}"
        turn = self._turns.turn.number
        self._unnamed.append(_Utterance(turn, committed_at=self._host.now(), name=name))
        self.committed_at = self._host.now()
        self._host.uplink.commit(name, None, silence_ms=self._host.profile.turns.silence_ms)

    def _commit_words(self, item_id: str) -> None:
        """Final words of an utterance that was never told to be committed."""
        self._utterance(item_id).committed_at = self._host.now()
        if self._unnamed:
            self._host.uplink.settle(self._unnamed.popleft().name)
            return
        silence = 0.0 if self.tells_utterances else self._host.profile.turns.silence_ms
        self.committed_at = self._host.now()
        self._host.uplink.commit(item_id, None, silence_ms=silence)
        self._heard_first = not self.tells_utterances

    def _announce(self, item_id: str) -> None:
        """The first words of an utterance of which nothing was told before: which turn is it?"""
        turn = self._turns.turn
        known = bool(turn.typed or turn.transcript or not turn.spoken)
        if self._turns.state is TurnState.IDLE and known:
            self._turns.feed(TurnInput.SPEECH_STARTED)
            self._utterance(item_id)
        elif self._turns.state in (TurnState.IDLE, TurnState.HEARING) or not known:
            self._utterance(item_id)
        else:
            self._utterance(item_id, turn.number + 1)

    def _utterance(self, item_id: str, turn: int | None = None) -> _Utterance:
        """The record of a user's utterance; a new one belongs to the current turn."""
        found = self._utterances.get(item_id)
        if found is None:
            self._count += 1
            order = self._host.memory.serial + min(0.9, self._count * 1e-6)
            found = _Utterance(self._turns.turn.number if turn is None else turn, order)
            self._utterances[item_id] = found
            while len(self._utterances) > ITEMS_LIMIT:
                self._utterances.popitem(last=False)
        return found

    def _transcript(self, event: InputTranscript) -> None:
        if event.item_id not in self._utterances and not self.tells_utterances:
            self._announce(event.item_id)
        record = self._utterance(event.item_id)
        if record.final:
            return  # told twice
        if event.final and not record.committed:
            self._commit_words(event.item_id)
        self._take_words(record, event)
        if event.final:
            self._host.uplink.settle(event.item_id)
            if not self.tells_utterances and record.turn == self._turns.turn.number:
                self._turns.feed(TurnInput.SPEECH_STOPPED)
            if record.turn == self._turns.turn.number:
                self._turns.turn.transcript = f"{self._turns.turn.transcript} {record.text.strip()}".strip()

    def _take_words(self, record: _Utterance, event: InputTranscript) -> None:
        record.text = event.text if event.whole else record.text + event.text
        record.final = event.final
        text = record.text.strip()
        self._host.publish(
            UserText(
                at=self._host.now(),
                turn=record.turn,
                text=text,
                final=event.final,
                spoken=True,
                confidence=event.confidence,
            )
        )
        if event.final:
            self._host.memory.add("user", text, record.turn, order=record.order)

    def _words(self, event: ReplyWords) -> None:
        if self._slot.wants(event.reply_id):
            self._turns.feed(TurnInput.REPLY_OUTPUT)
            self._tell(self._tags.feed(event.delta))

    def _tell(self, parts: list[str | EmotionMark]) -> None:
        turn = self._turns.turn.number
        for part in parts:
            if isinstance(part, EmotionMark):
                self._host.publish(Emotion(at=self._host.now(), turn=turn, label=part.label))
            elif part:
                if self._went_on:
                    part = spaced(self._turns.turn.reply, part)
                    self._went_on = False
                self._turns.words(part)
                self._host.publish(ReplyText(at=self._host.now(), turn=turn, delta=part))

    def _sound(self, event: ReplySound) -> None:
        if not event.pcm or not self._slot.wants(event.reply_id):
            return
        self._turns.feed(TurnInput.REPLY_OUTPUT)
        self._turns.sound(event.pcm, self.output_rate, event.item_id)
        self._host.publish(
            ReplyAudio(
                at=self._host.now(),
                turn=self._turns.turn.number,
                ms=duration_ms(len(event.pcm), self.output_rate),
                rate=self.output_rate,
                pcm=event.pcm,
            )
        )

    def _ended(self, event: ReplyEnded) -> None:
        if self._slot.wants(event.reply_id):
            self._tell(self._tags.flush())
            self._playout.finish()
            self._turns.turn.ended = event
            self._usage(event)
            if event.error is not None and event.error.category is Category.RATE_LIMIT:
                self._turns.turn.ended = None
                if self._host.rate_limited(event.error):
                    return  # the turn goes on over another link
                self._turns.turn.ended = event
            whole = event.status in (ReplyStatus.COMPLETE, ReplyStatus.INCOMPLETE)
            goes_on = whole and self._answer_tools()
            if not goes_on or self._turns.state is not TurnState.THINKING:
                self._turns.feed(TurnInput.REPLY_ENDED if whole else TurnInput.REPLY_CUT)
        self._slot.ended(event.reply_id)

    def _answer_tools(self) -> bool:
        """Answer all tool calls of a reply that ended; one reply follows. False when there was none."""
        if not self._answers:
            return False
        *others, last = self._answers
        self._answers = []
        for answer in others:
            self._host.send(msgspec.structs.replace(answer, continue_reply=False))
        self._slot.ask(last)
        return True

    def _usage(self, event: ReplyEnded) -> None:
        if event.usage is not None:
            counts = msgspec.structs.asdict(event.usage)
            self._host.used_tokens(event.usage.input_tokens + event.usage.output_tokens)
            self._host.publish(Usage(at=self._host.now(), turn=self._turns.turn.number, **counts))

    def _tool(self, event: ToolRequested) -> None:
        """No tool is configured in this session: say so to the model, so that it can go on."""
        if not self._slot.wants(event.reply_id):
            return
        turn = self._turns.turn.number
        output = '{"error": "no such tool"}'
        self._host.publish(
            ToolCall(
                at=self._host.now(),
                turn=turn,
                call_id=event.call_id,
                name=event.name,
                arguments=event.arguments,
            )
        )
        self._host.publish(
            ToolResult(at=self._host.now(), turn=turn, call_id=event.call_id, ok=False, output=output)
        )
        self._answers.append(AnswerTool(event.call_id, event.name, output))

    def _fault(self, event: ProviderFault) -> None:
        if event.error.code == ALREADY_ACTIVE:
            self._slot.refused()
        elif event.error.category is Category.RATE_LIMIT and self._host.rate_limited(event.error):
            return
        elif not event.benign:
            self.tell_failure(event.error)
            if self._turns.state is TurnState.THINKING and self._slot.state is SlotState.ASKED:
                self._slot.reset()
                self._turns.feed(TurnInput.NO_ANSWER)

    def tell_failure(self, error: NekoError, *, fatal: bool = False) -> None:
        """Tell the readers of an error."""
        self._host.publish(Failure.of(error, at=self._host.now(), fatal=fatal))

    def _notice(self, text: str) -> None:
        self._host.publish(
            Notice(
                at=self._host.now(),
                kind=NoticeKind.RECOGNITION,
                severity=Severity.WARNING,
                text=text,
            )
        )


def spaced(before: str, after: str) -> str:
    """The second part of a text that was cut, with a blank before it where words would run together."""
    latin = before[-1:].isascii() and after[:1].isascii()
    runs_on = latin and not before[-1:].isspace() and after[:1].isalnum()
    return f" {after}" if runs_on else after
