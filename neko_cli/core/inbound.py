"""What each provider event means for the session: the turn machine, the transcript, the sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from neko_cli.core.companions.emotion import EmotionMark, EmotionTags
from neko_cli.core.errors import Category, NekoError
from neko_cli.core.events import (
    Emotion,
    Failure,
    ReplyAudio,
    ReplyText,
    Usage,
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
    ToolsCancelled,
)
from neko_cli.core.reply_slot import ReplySlot, SlotState
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.turns import TurnHost, Turns
from neko_cli.core.utterances import Utterances

if TYPE_CHECKING:
    from neko_cli.core.moods import Moods
    from neko_cli.core.tool_desk import ToolDesk
    from neko_cli.core.voicing import Voicing

NOTHING_TO_COMMIT = "input_audio_buffer_commit_empty"
ALREADY_ACTIVE = "conversation_already_has_active_response"


class InboundHost(TurnHost, Protocol):
    """What this part needs from the session."""

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    @property
    def push_to_talk(self) -> bool:
        """Whether a key ends utterances."""
        ...

    @property
    def moods(self) -> Moods:
        """Who judges words without tags."""
        ...

    @property
    def voicing(self) -> Voicing:
        """Who reads replies aloud that come without a voice."""
        ...

    @property
    def tools(self) -> ToolDesk:
        """Who carries out the model's calls."""
        ...

    def handle_new_message(self) -> None:
        """A reply begins."""
        ...

    def answered(self) -> None:
        """All of the reply to the present turn has come."""
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


class Inbound:
    """Takes provider events one at a time; returns at once."""

    def __init__(
        self, host: InboundHost, turns: Turns, slot: ReplySlot, playout: Playout, utterances: Utterances
    ) -> None:
        self._host = host
        self._turns = turns
        self._slot = slot
        self._playout = playout
        self._utterances = utterances
        self._tags = self._parser()
        self._went_on = False
        self.output_rate = 24_000

    def begin_reply(self) -> None:
        """A reply, or the rest of one, begins: tags start afresh."""
        self._tags = self._parser()
        self._host.moods.begin()
        self._turns.turn.sound_complete = False
        if self._playout.received_ms > 0:
            self._playout.go_on()
        else:
            self._playout.begin()
        self._went_on = bool(self._turns.turn.marks)
        self._turns.turn.begin_part()

    def flush_words(self) -> None:
        """Show what was held back of the reply as the possible beginning of a tag."""
        rest = self._tags.flush()
        if self._turns.state is TurnState.SPEAKING:
            self._tell(rest)

    def leave_link(self) -> None:
        """The link is not live any more: nothing that it asked for is answered."""
        self._host.tools.leave_link()

    def take(self, event: ProviderEvent) -> None:
        """Handle one event."""
        match event:
            case ReplySound():
                self._sound(event)
            case ReplyWords():
                self._words(event)
            case SpeechBegan() | SpeechEnded() | InputCommitted():
                self._utterances.take(event)
            case InputTranscript() | InputTranscriptFailed():
                self._utterances.take(event)
            case ReplyBegan():
                self._reply_began(event.reply_id)
            case ReplySoundEnded():
                if self._slot.wants(event.reply_id) and not self._host.voicing.reads:
                    self._turns.turn.sound_complete = True
                    self._playout.finish()
            case ReplyEnded():
                self._ended(event)
            case Interrupted():
                self._interrupted(event.reply_id)
            case ToolRequested():
                if self._slot.wants(event.reply_id):
                    self._host.tools.requested(event)
                else:
                    self._host.tools.too_late(event)
            case ToolsCancelled():
                self._host.tools.not_wanted(event.call_ids)
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

    def _reply_began(self, reply_id: str) -> None:
        spoken = self._slot.answers_speech
        unasked = spoken and self._turns.state in (TurnState.IDLE, TurnState.DRAINING)
        holds_key = self._host.push_to_talk and self._turns.state is TurnState.HEARING
        wanted = self._slot.began(reply_id, welcome=not holds_key)
        if wanted:
            self._turns.feed(TurnInput.REPLY_BEGAN)
        if spoken:
            self._utterances.reply_began()
        if wanted:
            self._turns.turn.spoken = self._turns.turn.spoken or unasked
            self._host.handle_new_message()

    def _words(self, event: ReplyWords) -> None:
        if self._slot.wants(event.reply_id):
            self._turns.feed(TurnInput.REPLY_OUTPUT)
            self._tell(self._tags.feed(event.delta))

    def _tell(self, parts: list[str | EmotionMark]) -> None:
        turn = self._turns.turn.number
        for part in parts:
            if isinstance(part, EmotionMark):
                self._host.moods.tagged(part.label)
                self._host.publish(Emotion(at=self._host.now(), turn=turn, label=part.label))
            elif part:
                if self._went_on:
                    part = spaced(self._turns.turn.reply, part)
                    self._went_on = False
                self._host.voicing.words(part)
                self._turns.words(part)
                self._host.publish(ReplyText(at=self._host.now(), turn=turn, delta=part))
                self._host.moods.words(part)

    def _sound(self, event: ReplySound) -> None:
        if not event.pcm or not self._slot.wants(event.reply_id):
            return
        self._turns.feed(TurnInput.REPLY_OUTPUT)
        if self._host.voicing.reads:
            return  # some providers speak in any case
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
        cut = event.status in (ReplyStatus.INTERRUPTED, ReplyStatus.CANCELLED)
        silent = cut and self._turns.state is TurnState.THINKING
        if silent and self._slot.was_taken_over(event.reply_id):
            self._usage(event)
            return
        if self._slot.wants(event.reply_id):
            self._tell(self._tags.flush())
            self._host.moods.end()
            self._host.voicing.words_end()
            self._turns.turn.ended = event
            self._usage(event)
            if event.error is not None and event.error.category is Category.RATE_LIMIT:
                self._turns.turn.ended = None
                if self._host.rate_limited(event.error):
                    return  # the turn goes on over another link
                self._turns.turn.ended = event
            whole = event.status in (ReplyStatus.COMPLETE, ReplyStatus.INCOMPLETE)
            if self._host.tools.reply_ended(whole=whole):
                self._turns.feed(TurnInput.TOOLS_CALLED)
            else:
                if whole:
                    self._host.answered()
                self._turns.feed(TurnInput.REPLY_ENDED if whole else TurnInput.REPLY_CUT)
        self._slot.ended(event.reply_id)

    def _interrupted(self, reply_id: str) -> None:
        ended = self._turns.turn.ended
        played = self._turns.state is TurnState.DRAINING and ended is not None and ended.reply_id == reply_id
        if reply_id and not played and not self._slot.wants(reply_id):
            return
        if self._turns.state is TurnState.THINKING and self._slot.was_taken_over(reply_id):
            return
        self._turns.turn.ended = ReplyEnded(reply_id, ReplyStatus.INTERRUPTED)
        self._slot.abandon()
        self._turns.feed(TurnInput.REPLY_CUT)

    def _usage(self, event: ReplyEnded) -> None:
        if event.usage is not None:
            counts = msgspec.structs.asdict(event.usage)
            self._host.used_tokens(event.usage.input_tokens + event.usage.output_tokens)
            self._host.publish(Usage(at=self._host.now(), turn=self._turns.turn.number, **counts))

    def _fault(self, event: ProviderFault) -> None:
        if event.error.code == ALREADY_ACTIVE:
            self._slot.refused()
        elif event.error.code == NOTHING_TO_COMMIT:
            self._utterances.refused()
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


def spaced(before: str, after: str) -> str:
    """The second part of a text that was cut, with a blank before it where words would run together."""
    latin = before[-1:].isascii() and after[:1].isascii()
    runs_on = latin and not before[-1:].isspace() and after[:1].isalnum()
    return f" {after}" if runs_on else after
