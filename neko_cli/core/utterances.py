"""What the user said, as far as the provider tells of it: beginnings, ends, commits and words.

Some providers tell of an utterance from its first sound (``SpeechBegan`` … ``InputCommitted``); of
others a reply that nobody asked for, and words, are all that is ever heard of one, in either order.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from typing import Protocol

import msgspec

from neko_cli.core.commands import CommitAudio
from neko_cli.core.events import Notice, NoticeKind, Severity, SpeechStarted, SpeechStopped, UserText
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    InputTranscriptFailed,
    SpeechBegan,
    SpeechEnded,
)
from neko_cli.core.reply_slot import ReplySlot
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.turns import TurnHost, Turns
from neko_cli.core.uplink import Uplink

ITEMS_LIMIT = 64
"""Utterances whose words may still come; older ones are forgotten."""

IMPLICIT = "implicit "
"""Begins our names of utterances that a provider tells nothing of."""

NEVER = -math.inf

WORDS_WITHIN = 5.0
"""Seconds after which the words of an utterance that was taken are not waited for any more."""

LATE_WITHIN = 120.0
"""Seconds for which words may be late over a link that is replaced: it is kept for them for a moment."""

UserEvent = SpeechBegan | SpeechEnded | InputCommitted | InputTranscript | InputTranscriptFailed


class UtterancesHost(TurnHost, Protocol):
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
    def uplink(self) -> Uplink:
        """The user's voice."""
        ...


class _Utterance(msgspec.Struct):
    turn: int
    order: float
    name: str
    """By which the uplink knows it."""
    text: str = ""
    ended_ms: float | None = None
    committed_at: float = NEVER
    final: bool = False
    ours: bool = False
    """Whether we ended it."""

    @property
    def committed(self) -> bool:
        """Whether the provider has taken it."""
        return self.committed_at > NEVER


class Utterances:
    """The user's utterances on the live link; all methods return at once."""

    def __init__(self, host: UtterancesHost, turns: Turns, slot: ReplySlot) -> None:
        self._host = host
        self._turns = turns
        self._slot = slot
        self._items: OrderedDict[str, _Utterance] = OrderedDict()
        self._late: OrderedDict[str, _Utterance] = OrderedDict()  # whose words the last link may send
        self._late_unnamed: deque[_Utterance] = deque()
        self._came = asyncio.Event()  # words came
        self._unnamed: deque[_Utterance] = deque(maxlen=ITEMS_LIMIT)  # ended by us, or answered: no words yet
        self._worded = 0  # utterances whose words came before a reply to them
        self._count = 0
        self.awaited: frozenset[str] = frozenset()
        """Utterances whose words the link before may still tell, by the names that the uplink knows."""
        self.captions = True
        """Whether the provider tells the user's words."""
        self.are_told = False
        """Whether this link's provider says when the user speaks."""
        self.committed_at = NEVER
        """When the provider last showed that it took an utterance, on the session's clock."""

    @property
    def words_due(self) -> bool:
        """Whether words may still come of an utterance that was taken a moment ago."""
        return bool(self._due)

    def words_due_of(self, turn: int) -> bool:
        """Whether words may still come of what was said in that turn."""
        return any(found.turn == turn for found in self._due)

    def take(self, event: UserEvent) -> None:
        """The provider tells something of what the user says."""
        match event:
            case SpeechBegan():
                self.are_told = True
                self._host.uplink.speech_began(event.at_ms)
                self._began(event.item_id)
            case SpeechEnded():
                self._ended(event)
            case InputCommitted():
                self.are_told = True
                self._taken(event.item_id)
            case InputTranscript():
                self._words(event)
            case InputTranscriptFailed():
                # Its sound is all there is of it: the next link may hear it, until it is answered.
                self._utterance(event.item_id).final = True
                self._notice("Your speech could not be turned into text.")

    def sent(self, turn: int) -> None:
        """All sound of an utterance is on its way that a key, or a closed microphone, ended in that turn."""
        found = self._new(turn)
        found.ours = True
        self._unnamed.append(found)
        if self._slot.input_asks and self._turns.state is TurnState.SPEAKING:
            self._turns.keep_voiced()  # the provider drops the rest of the reply that it makes
        if turn == self._turns.turn.number and self._turns.state in (TurnState.THINKING, TurnState.SPEAKING):
            self._slot.ask(CommitAudio())
        else:
            self._slot.commit()

    def refused(self) -> None:
        """The provider had nothing to commit when we ended an utterance: nothing of it comes back."""
        ours = next((one for one in self._unnamed if one.ours and not one.committed), None)
        if ours is not None:
            self._unnamed.remove(ours)
            self._commit(ours)
            self._host.uplink.settle(ours.name)

    def reply_began(self) -> None:
        """A reply begins that nobody asked for: it is about something that was said."""
        if self.are_told:
            return
        if self._worded:
            self._worded -= 1
            return
        known = (*self._items.values(), *self._unnamed)  # words come in order: those that have some are older
        found = next((one for one in known if not one.committed), None)
        if found is None and self._host.push_to_talk:
            return  # one more reply to what was answered before
        if found is None:
            found = self._new(self._turns.turn.number)
            self._unnamed.append(found)
        self._commit(found, silence_ms=self._host.profile.turns.silence_ms)

    def leave_link(self, *, again: bool) -> bool:
        """The link is not live any more: its ids mean nothing, but for words that it may still send.

        They are waited for where the sound is not sent to the next link, which of those not settled
        ``again`` says. Returns whether any are due.
        """
        settled = self._host.uplink.is_settled
        late = {
            id(found)
            for found in (*self._items.values(), *self._unnamed)
            if self.captions
            and (
                self._is_due(found, LATE_WITHIN)
                if settled(found.name)  # answered: it is not said again in any case
                else not again and self._is_due(found)
            )
        }
        named = {item: found for item, found in self._items.items() if id(found) in late}
        unnamed = [found for found in self._unnamed if id(found) in late]
        self.awaited = frozenset(found.name for found in (*named.values(), *unnamed))
        # An earlier link may still be open for its own last words.
        earlier = {item: found for item, found in self._late.items() if self._is_due(found, LATE_WITHIN)}
        self._late = OrderedDict({**earlier, **named})
        self._late_unnamed = deque(unnamed)
        self._items.clear()
        self._unnamed.clear()
        self._worded = 0
        self.are_told = False
        return bool(late)

    def late_words(self, event: InputTranscript) -> bool:
        """Words from the link before; returns whether more of them are due."""
        record = self._late.get(event.item_id)
        if record is None and self._late_unnamed:
            record = self._late[event.item_id] = self._late_unnamed.popleft()
        if record is not None:
            self._tell_words(record, event)
            if record.final:
                del self._late[event.item_id]
        return bool(self._late or self._late_unnamed)

    async def said_all(self) -> None:
        """Wait until no words are due any more."""
        while self.words_due:
            self._came.clear()
            await self._came.wait()

    # -- own work ---------------------------------------------------------------------------

    @property
    def _due(self) -> list[_Utterance]:
        """Those of which words may still come."""
        known = (*self._items.values(), *self._unnamed) if self.captions else ()
        return [found for found in known if self._is_due(found)]

    def _is_due(self, found: _Utterance, within: float = WORDS_WITHIN) -> bool:
        return found.committed_at > self._host.now() - within and not found.final

    def _taken(self, item_id: str) -> None:
        """The provider has committed an utterance; one that we ended has no name until then."""
        known = self._items.get(item_id)
        ours = next((one for one in self._unnamed if one.ours), None)
        if ours is not None and (known is None or known.turn == ours.turn):
            self._unnamed.remove(ours)
            known = known or ours
            self._items[item_id] = known
        elif known is None or not known.committed:
            self._slot.utterance_taken()
        self._commit(known or self._utterance(item_id))

    def _began(self, item_id: str) -> None:
        turns = self._turns
        may_interrupt = self._host.profile.turns.interrupt or turns.state in (
            TurnState.IDLE,
            TurnState.HEARING,
        )
        if may_interrupt:
            turns.feed(TurnInput.SPEECH_STARTED)
            self._utterance(item_id)
        else:
            self._utterance(item_id, turns.turn.number + 1)
            self._host.publish(SpeechStarted(at=self._host.now(), turn=turns.turn.number + 1))

    def _ended(self, event: SpeechEnded) -> None:
        record = self._items.get(event.item_id)
        if record is not None:
            record.ended_ms = event.at_ms
        if record is not None and record.turn > self._turns.turn.number:
            self._host.publish(SpeechStopped(at=self._host.now(), turn=record.turn))
        else:
            self._turns.feed(TurnInput.SPEECH_STOPPED)

    def _commit(self, record: _Utterance, *, silence_ms: float = 0.0) -> None:
        if not record.committed:
            record.committed_at = self.committed_at = self._host.now()
            self._host.uplink.commit(record.name, record.turn, record.ended_ms, silence_ms=silence_ms)

    def _words(self, event: InputTranscript) -> None:
        if event.item_id not in self._items and not self.are_told:
            self._announce(event.item_id)
        record = self._utterance(event.item_id)
        if record.final:
            return  # told twice
        if event.final and not record.committed:
            silence = 0.0 if self.are_told else self._host.profile.turns.silence_ms
            self._commit(record, silence_ms=silence)
            if not self.are_told and not record.ours:
                self._worded += 1
        self._tell_words(record, event)
        if not event.final:
            return
        if record.text.strip():
            self._host.uplink.settle(record.name)
        turn = self._turns.turn
        if record.turn == turn.number:
            if not self.are_told and not self._host.push_to_talk:
                self._turns.feed(TurnInput.SPEECH_STOPPED)
            turn.transcript = f"{turn.transcript} {record.text.strip()}".strip()

    def _announce(self, item_id: str) -> None:
        """The first words of an utterance of which nothing was told before: which turn is it?"""
        turn = self._turns.turn
        if self._unnamed:
            self._items[item_id] = self._unnamed.popleft()
            return
        known = bool(turn.typed or turn.transcript or not turn.spoken)
        if self._turns.state is TurnState.IDLE and known:
            self._turns.feed(TurnInput.SPEECH_STARTED)
            self._utterance(item_id)
        elif self._turns.state in (TurnState.IDLE, TurnState.HEARING) or not known:
            self._utterance(item_id)
        else:
            self._utterance(item_id, turn.number + 1)

    def _tell_words(self, record: _Utterance, event: InputTranscript) -> None:
        record.text = event.text if event.whole else record.text + event.text
        record.final = event.final
        self._came.set()
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

    def _utterance(self, item_id: str, turn: int | None = None) -> _Utterance:
        """The record of an utterance; a new one belongs to the current turn."""
        found = self._items.get(item_id)
        if found is None:
            found = self._new(self._turns.turn.number if turn is None else turn, item_id)
            self._items[item_id] = found
            while len(self._items) > ITEMS_LIMIT:
                self._items.popitem(last=False)
        return found

    def _new(self, turn: int, item_id: str = "") -> _Utterance:
        self._count += 1
        order = self._host.memory.serial + min(0.9, self._count * 1e-6)
        return _Utterance(turn, order, item_id or f"{IMPLICIT}{self._count}")

    def _notice(self, text: str) -> None:
        self._host.publish(
            Notice(
                at=self._host.now(),
                kind=NoticeKind.RECOGNITION,
                severity=Severity.WARNING,
                text=text,
            )
        )
