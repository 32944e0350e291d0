"""What a change of links means for the session: what is carried over, handed over and told."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from neko_cli.core import link_log
from neko_cli.core.commands import AskReply, TellHistory
from neko_cli.core.context import continue_instructions
from neko_cli.core.errors import NekoError
from neko_cli.core.handover import carry_over
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun
from neko_cli.core.memory import ASSISTANT, USER
from neko_cli.core.provider_events import ReplyStatus
from neko_cli.core.seeding import missed
from neko_cli.core.state import LinkState, TurnState
from neko_cli.core.uplink import SILENT_MS, UNSURE_MS, Attached


class Handed(msgspec.Struct, frozen=True):
    """A hand-over that took place; ``started`` on the session's clock, in seconds."""

    run: LinkRun
    attached: Attached
    started: float
    lost: NekoError | None


class Relay:
    """Carries a conversation from one link to the next."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self.closes_first = False
        """Whether the link that goes is closed before there is another: it has no time for last words."""
        self.words_may_come = False
        """Whether the link before may still send words of what was said over it."""
        self._cut_turn: int | None = None  # whose reply was cut, and is asked for again
        self._unsent_ms = 0.0
        self._held_at = 0.0
        self._from = 0
        self._untold: int | None = None  # a turn whose reply the live link is told when it was heard
        self.known: tuple[int, int] | None = None
        """How far memory (its serial) and turns had come when the last link went."""
        self.going_at: float | None = None
        """When the provider said it would close the live link, on the session's clock."""
        self.tokens = 0
        self.turns_before = 0
        """Number of the last turn before the live link."""
        self.handed_at = 0.0
        """When the live link took over, on the session's clock."""
        self.rechecked_at: float | None = None
        """Since when an utterance that was sent again waits for a detector to hear it."""
        self.on_handed: Callable[[Handed], None] = lambda handed: None

    @property
    def previous(self) -> int:
        """Generation of the link before the present one; 0 when there was none."""
        return self._from

    @property
    def cut_words(self) -> str:
        """What a cut reply had said, where the next link is asked to go on with it."""
        return "" if self._speaks_again else self._said

    @property
    def has_news(self) -> bool:
        """Whether agents found what only a fresh session can be told."""
        return bool(self._host.news.for_next_link)

    # -- from link to link ------------------------------------------------------------------

    def carry_over(self) -> None:
        """The link is gone or is about to: decide what becomes of the turn, hold what it needs."""
        host = self._host
        run = host.links.last
        self._held_at = host.now()
        self._from = run.link.generation if run is not None else 0
        self.known = (host.memory.serial, host.turns.turn.number)
        self._unsent_ms = run.link.waiting_ms if run is not None else 0.0
        host.next_link.link_alive()
        host.inbound.flush_words()
        asked = host.slot.suspend()
        if host.turns.state is TurnState.SPEAKING and not host.turns.turn.sound_complete:
            host.turns.keep_voiced()
        ours = host.push_to_talk or host.uplink.ended_by_us(host.turns.turn.number)
        planned = host.board.link is LinkState.SWAPPING
        standing = host.turns.standing(asked, ended_by_us=ours, planned=planned, waits=host.tools.holds_turn)
        if host.utterances.words_due_of(host.turns.turn.number):
            standing = msgspec.structs.replace(standing, transcript="")
        carried = carry_over(standing)
        link_log.say(link_log.carried_over(self._from, host.turns, carried, host.uplink, self._unsent_ms))
        host.inbound.leave_link()
        well = _may_say_more(run) and not self.closes_first
        self.closes_first = False
        due = host.utterances.leave_link(again=carried.again or not well)
        self.words_may_come = due and _may_say_more(run)
        if carried.ask is not None:
            host.slot.carry(carried.ask)
        if carried.cut:
            host.turns.turn.asked_again = True
            host.turns.turn.was_lost = host.turns.turn.was_lost or not planned
        host.uplink.detach()
        if carried.ended is not None:
            host.turns.turn.ended = carried.ended
            host.voicing.words_end()
            if carried.ended.status is ReplyStatus.COMPLETE:
                host.uplink.settle_turns(host.turns.turn.number)
        if carried.given is not None:
            host.turns.feed(carried.given)
        self._cut_turn = host.turns.turn.number if host.turns.turn.asked_again else None

    @property
    def _said(self) -> str:
        """What a reply had said that was cut and is still wanted; empty when none was."""
        turns = self._host.turns
        is_open = turns.state in (TurnState.HEARING, TurnState.THINKING, TurnState.SPEAKING)
        return turns.turn.reply if is_open and turns.turn.number == self._cut_turn else ""

    @property
    def _speaks_again(self) -> bool:
        """Whether the next link hears the turn's utterance again, and answers it by itself."""
        host = self._host
        turns = host.turns
        return turns.state is TurnState.HEARING or (
            turns.state in (TurnState.THINKING, TurnState.SPEAKING)
            and host.uplink.ended_by_us(turns.turn.number)
        )

    def hand_over(self, run: LinkRun, lost: NekoError | None) -> None:
        """A link is live: tell it what it missed, give it the held sound, ask what waits."""
        host = self._host
        link, capabilities = run.link, run.link.codec.capabilities
        host.voicing.link_up(run)
        host.turns.configure(
            can_truncate=capabilities.truncate,
            keeps_words=capabilities.keeps_words,
            speaks=run.opening.spec.want_audio and capabilities.audio_output,
        )
        host.inbound.output_rate = capabilities.output_rate
        host.playout.jitter.forget()
        host.utterances.captions = capabilities.captions
        self.going_at = None
        self.tokens = 0
        host.next_link.short = False
        self.turns_before = host.turns.turn.number
        self.handed_at = host.now()
        if capabilities.seed_history:
            self._catch_up(run)
        else:
            unknown = missed(host.memory, run.opening, left_out=host.next_link.left_out)
            host.slot.not_told([line.text for line in unknown if line.role == USER])
        host.slot.input_asks = capabilities.input_asks
        host.slot.commit_asks = capabilities.commit_asks
        host.slot.takes_history = capabilities.seed_history
        host.uplink.stretches.silence_ms = host.profile.turns.silence_ms
        if self._said and self._speaks_again and capabilities.cancel:
            # The provider answers the utterance by itself, and would do so from the beginning.
            host.slot.instead(AskReply(continue_instructions(self._said)))
        host.pictures.link_up()  # they were shown before what is asked now
        host.news.handed(run)
        host.slot.resume()
        # A session that goes on refuses old sound (Gemini: close 1007); it has heard what was silence.
        quiet = 0.0 if run.opening.handle else SILENT_MS if lost is None else UNSURE_MS
        attached = host.uplink.attach(
            link,
            again=True,
            awaited=host.utterances.awaited,
            unsent_ms=self._unsent_ms,
            silence_ms=None if host.push_to_talk or host.turns.state is TurnState.HEARING else quiet,
        )
        unknown = missed(host.memory, run.opening, left_out=host.next_link.left_out)
        link_log.say(link_log.handed_over(run, attached, len(unknown)))
        if host.turns.state is TurnState.HEARING and not host.push_to_talk:
            self.rechecked_at = host.now()
        self.known = None
        self._cut_turn = None
        self._unsent_ms = 0.0
        # What is still being played is remembered, and told, only when it was heard.
        self._untold = host.turns.turn.number if host.turns.state is TurnState.DRAINING else None
        self.on_handed(Handed(run, attached, self._held_at, lost))
        while run.early and host.links.live is run:
            host.provider_event(run.early.popleft())

    def woken(self) -> None:
        """Somebody is back: the gap of the next hand-over counts from here."""
        self._held_at = self._host.now()

    def abandon(self) -> None:
        """There is no next link: nothing is carried to it."""
        self._cut_turn = None
        self._unsent_ms = 0.0
        self._from = 0
        self.rechecked_at = None

    def turn_ended(self, turn: int, text: str) -> None:
        """A turn is over; a reply of the link before becomes known to the live one."""
        if turn == self._untold:
            self._untold = None
            self.tell_late(ASSISTANT, text)

    def tell_late(self, role: str, text: str) -> None:
        """What was said over the link before, and was not known when the live one took over."""
        live = self._host.links.live
        if text and live is not None and live.link.codec.capabilities.seed_history:
            live.link.send(TellHistory(role, text))

    def _catch_up(self, run: LinkRun) -> None:
        left_out = self._host.next_link.left_out
        for line in missed(self._host.memory, run.opening, left_out=left_out):
            run.link.send(TellHistory(line.role, line.text))
        if self._said and run.opening.cut != self._said and not self._speaks_again:
            run.link.send(TellHistory(ASSISTANT, self._said))

    def going_away(self, seconds: float) -> None:
        """The provider will close the live link in so many seconds."""
        self.going_at = self._host.now() + max(0.0, seconds)


def _may_say_more(run: LinkRun | None) -> bool:
    """Whether a link that goes is well, so that its provider's last words can be waited for."""
    return run is not None and run.error is None and not run.closing
