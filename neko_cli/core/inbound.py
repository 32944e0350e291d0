"""What each provider event means for the session: the turn machine, the transcript, the sound."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import msgspec

from neko_cli.core.commands import AnswerTool
from neko_cli.core.companions.emotion import EmotionMark, EmotionTags
from neko_cli.core.errors import NekoError
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
from neko_cli.core.memory import Memory
from neko_cli.core.pcm import duration_ms
from neko_cli.core.playout import Playout
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import (
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

ITEMS_LIMIT = 64
"""User utterances whose transcript may still come; older ones are forgotten."""

ALREADY_ACTIVE = "conversation_already_has_active_response"


class InboundHost(TurnHost, Protocol):
    """What this part needs from the session."""

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    def handle_new_message(self) -> None:
        """A reply begins."""
        ...


class _Utterance(msgspec.Struct):
    turn: int
    text: str = ""


class Inbound:
    """Takes provider events one at a time; returns at once."""

    def __init__(
        self, host: InboundHost, turns: Turns, slot: ReplySlot, playout: Playout, memory: Memory
    ) -> None:
        self._host = host
        self._turns = turns
        self._slot = slot
        self._playout = playout
        self._memory = memory
        self._utterances: OrderedDict[str, _Utterance] = OrderedDict()
        self._answers: list[AnswerTool] = []
        self._tags = self._parser()
        self.output_rate = 24_000

    def begin_reply(self) -> None:
        """A reply begins: its words, tags, tool calls and sound start afresh."""
        self._answers.clear()
        self._tags = self._parser()
        self._playout.begin()

    def take(self, event: ProviderEvent) -> None:
        """Handle one event."""
        match event:
            case ReplySound():
                self._sound(event)
            case ReplyWords():
                self._words(event)
            case SpeechBegan():
                self._speech_began(event.item_id)
            case SpeechEnded():
                self._speech_ended(event.item_id)
            case InputCommitted():
                self._utterance(event.item_id)
            case InputTranscript():
                self._transcript(event)
            case InputTranscriptFailed():
                self._notice("Your speech could not be turned into text.")
            case ReplyBegan():
                if self._slot.began(event.reply_id):
                    self._turns.feed(TurnInput.REPLY_BEGAN)
                    self._host.handle_new_message()
            case ReplySoundEnded():
                if self._slot.wants(event.reply_id):
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
            case _:
                pass  # limits, handles and notice of leaving are for the swap (issue 3)

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

    def _speech_ended(self, item_id: str) -> None:
        record = self._utterances.get(item_id)
        if record is not None and record.turn > self._turns.turn.number:
            self._host.publish(SpeechStopped(at=self._host.now(), turn=record.turn))
        else:
            self._turns.feed(TurnInput.SPEECH_STOPPED)

    def _utterance(self, item_id: str, turn: int | None = None) -> _Utterance:
        """The record of a user's utterance; a new one belongs to the current turn."""
        found = self._utterances.get(item_id)
        if found is None:
            found = _Utterance(self._turns.turn.number if turn is None else turn)
            self._utterances[item_id] = found
            while len(self._utterances) > ITEMS_LIMIT:
                self._utterances.popitem(last=False)
        return found

    def _transcript(self, event: InputTranscript) -> None:
        record = self._utterance(event.item_id)
        record.text = event.text if event.whole else record.text + event.text
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
            self._memory.add("user", text, record.turn)

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
