"""What a change of links means for the session: what is carried over, handed over and told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from neko_cli.core import link_log
from neko_cli.core.board import Board
from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.commands import AskReply, CommitAudio, SendText, TellHistory
from neko_cli.core.context import continue_instructions
from neko_cli.core.energy import Change, EnergyBook, costs_energy
from neko_cli.core.errors import NekoError, SessionExpired
from neko_cli.core.events import AnyEvent, Connected, Energy, Failure, Notice, NoticeKind, Severity
from neko_cli.core.handover import Carried, carry_over
from neko_cli.core.inbound import Inbound
from neko_cli.core.keeper import AfterLoss
from neko_cli.core.links import LinkRun, Links, Opening
from neko_cli.core.memory import ASSISTANT, Memory
from neko_cli.core.modes import Mode
from neko_cli.core.playout import Playout
from neko_cli.core.ports import Clock
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import ProviderEvent
from neko_cli.core.reply_slot import ReplySlot
from neko_cli.core.resume import HandleBook, Tags, is_rejection
from neko_cli.core.seeding import missed, opening_for
from neko_cli.core.state import TurnState
from neko_cli.core.turns import Turns
from neko_cli.core.uplink import Attached, Uplink
from neko_cli.core.utterances import Utterances

FRESH = 10.0
"""Seconds within which an error of a resumed link is put down to its handle."""

NORMAL_CLOSE = "1000"
"""Close code of a connection that ended on purpose (RFC 6455 §7.4.1)."""


class TellsNews(Protocol):
    """What agents found, as far as it concerns the next link."""

    @property
    def for_next_link(self) -> str:
        """What it is to be told in its instructions."""
        ...

    def handed(self, run: LinkRun) -> None:
        """A link is live."""
        ...


class RelayHost(Protocol):
    """What the relay needs from the session."""

    board: Board
    inbound: Inbound
    links: Links
    playout: Playout
    slot: ReplySlot
    turns: Turns
    uplink: Uplink
    utterances: Utterances

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    @property
    def memory(self) -> Memory:
        """What was said in this mode."""
        ...

    @property
    def news(self) -> TellsNews:
        """What agents found."""
        ...

    @property
    def hears_unannounced(self) -> bool:
        """Whether somebody speaks, as far as we hear, over a link whose provider would not say so."""
        ...

    @property
    def spoke_unheard(self) -> bool:
        """Whether somebody seems to have spoken since the provider last took an utterance."""
        ...

    @property
    def hears_speech(self) -> bool:
        """Whether somebody seems to speak, whatever the provider has heard of it."""
        ...

    @property
    def push_to_talk(self) -> bool:
        """Whether a key ends utterances."""
        ...

    @property
    def want_audio(self) -> bool:
        """Whether replies are asked for as voice."""
        ...

    def now(self) -> float:
        """Seconds since the session was made."""
        ...

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers."""
        ...

    def provider_event(self, event: ProviderEvent) -> None:
        """The live link's provider says something."""
        ...

    def profile_refused(self, made: Opening, error: NekoError) -> bool:
        """No link can be made with a profile; returns whether the next one is made with another."""
        ...


class Handed(msgspec.Struct, frozen=True):
    """A hand-over that took place; ``started`` on the session's clock, in seconds."""

    run: LinkRun
    attached: Attached
    started: float
    lost: NekoError | None


class Relay:
    """Carries a conversation from one link to the next."""

    def __init__(self, host: RelayHost, clock: Clock, first_title: str) -> None:
        """``first_title`` names the provider that the session begins with, in sentences."""
        self._host = host
        self._clock = clock
        self._first = (host.profile.provider.name, first_title)
        self._carried = Carried()
        self._carried_idle = True
        self.words_may_come = False
        """Whether the link before may still send words of what was said over it."""
        self._said = ""
        self._unsent_ms = 0.0
        self._held_at = 0.0
        self._from = 0
        self._untold: int | None = None  # a turn whose reply the live link is told when it was heard
        self._known: tuple[int, int] | None = None  # how far memory and turns had come when the link went
        self.energy = EnergyBook(host.profile)
        self.handles = HandleBook()
        self.mode = Mode.TEXT
        self.short = False
        """Whether the next link is told only the summary and the last turns."""
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
    def title(self) -> str:
        """The provider's name in sentences."""
        name = self._host.profile.provider.name
        if name == self._first[0] or name not in PROVIDERS:
            return self._first[1]
        return PROVIDERS[name].title

    @property
    def previous(self) -> int:
        """Generation of the link before the present one; 0 when there was none."""
        return self._from

    @property
    def has_news(self) -> bool:
        """Whether agents found what only a fresh session can be told."""
        return bool(self._host.news.for_next_link)

    def tags(self) -> Tags:
        """What a handle must belong to, to be of use now."""
        profile = self._host.profile
        model = self.energy.model(self.mode) or profile.provider.model
        return Tags(profile.provider.name, model, profile_tag(profile), self.mode)

    # -- the next link ----------------------------------------------------------------------

    def opening(self, *, handle: bool = True, spare: bool = False) -> Opening:
        """How the next link is to be made; a ``spare`` one is told of a turn only when it is over."""
        host = self._host
        resumes = handle and not spare
        wanted = self.handles.usable(self.tags(), self._clock.time()) if resumes else ""
        left_out = self._left_out()
        if spare and host.turns.state is not TurnState.IDLE:
            left_out = host.turns.turn.number
        return opening_for(
            host.profile,
            host.memory,
            title=self.title,
            mode=self.mode,
            model=self.energy.model(self.mode),
            want_audio=host.want_audio,
            push_to_talk=host.push_to_talk,
            handle=wanted,
            known=self._known,
            left_out=left_out,
            cut="" if self._speaks_again else self._said,
            cut_turn=host.turns.turn.number,
            short=self.short,
            news=host.news.for_next_link,
        )

    def fits(self, made: Opening) -> bool:
        """Whether a link that was opened so is configured as the next one should be."""
        host = self._host
        return (
            made.profile == host.profile
            and made.mode == self.mode
            and made.spec.model == (self.energy.model(self.mode) or host.profile.provider.model)
            and made.push_to_talk == host.push_to_talk
            and made.news == host.news.for_next_link
        )

    def after_loss(
        self, opening: Opening | None, error: NekoError, *, lived: float = 0.0
    ) -> tuple[AfterLoss, NekoError]:
        """What a loss means, and the error to tell for it.

        Order: a handle that was refused, then a profile that no link had yet, then energy, then what is
        permanent, then how it ended.
        """
        handle = opening.handle if opening is not None and lived < FRESH else ""
        if is_rejection(error, handle):
            # What such a link told meanwhile leads to the same end.
            self.handles.clear(self.mode)
            self._notice(
                "The provider does not go on with its own session; a fresh one is told what I remember.",
                NoticeKind.SESSION,
            )
            return AfterLoss.AT_ONCE, error
        # Only in a session that had a link; who starts one with a bad profile is told so.
        made = opening if lived == 0.0 and self._from > 0 else None
        hopeless = error.permanent or costs_energy(error)
        if made is not None and hopeless and self._host.profile_refused(made, error):
            return AfterLoss.AT_ONCE, error
        if costs_energy(error):
            return self._tired(error)
        if error.permanent:
            return AfterLoss.GIVE_UP, error
        if isinstance(error, SessionExpired):
            # One that ends as soon as it has begun would be opened again and again.
            return (AfterLoss.AT_ONCE if lived >= FRESH else AfterLoss.RETRY), error
        if error.code == NORMAL_CLOSE and lived > 0.0 and self._is_between_turns():
            self._notice(
                "The provider closed the connection; it comes back when you speak or type.",
                NoticeKind.SESSION,
                Severity.INFO,
            )
            return AfterLoss.PARK, error
        return AfterLoss.RETRY, error

    def _tired(self, error: NekoError) -> tuple[AfterLoss, NekoError]:
        before = self.energy.model(self.mode)
        now = self._clock.time()
        change = self.energy.rate_limited(self.mode, now, error.retry_after)
        self.tell_energy(change)
        if change is not None and not change.handle_valid:
            self.handles.clear(self.mode)
            self.short = True  # summary and last turns: going on with everything would cost as before
        refusal = self.energy.refusal(self.mode, now)
        if refusal is not None:
            refusal.hint = f"{refusal.hint} {error.message}".strip()
            return AfterLoss.GIVE_UP, refusal
        return (AfterLoss.AT_ONCE if self.energy.model(self.mode) != before else AfterLoss.RETRY), error

    def _is_between_turns(self) -> bool:
        state = self._host.turns.state
        quiet = state in (TurnState.IDLE, TurnState.DRAINING) and self._host.slot.is_calm
        # Somebody may speak whom the provider's detector has not heard yet.
        return quiet and not self._host.hears_speech

    # -- from link to link ------------------------------------------------------------------

    def carry_over(self) -> None:
        """The link is gone or is about to: decide what becomes of the turn, hold what it needs."""
        host = self._host
        run = host.links.last
        self._held_at = host.now()
        self._from = run.link.generation if run is not None else 0
        self._known = (host.memory.serial, host.turns.turn.number)
        self._unsent_ms = run.link.waiting_ms if run is not None else 0.0
        self.handles.link_alive(self.mode, self._clock.time())
        words_due = host.utterances.words_due
        self._carried_idle = host.turns.state in (TurnState.IDLE, TurnState.DRAINING) and not words_due
        host.inbound.flush_words()
        asked = host.slot.suspend()
        if host.turns.state is TurnState.SPEAKING and not host.turns.turn.sound_complete:
            host.turns.keep_voiced()
        # An utterance may be complete, and its end not be asked for yet, because sound before it waits.
        ending = CommitAudio() if host.uplink.is_ending else None
        standing = host.turns.standing(asked or ending, manual=host.push_to_talk)
        if words_due:
            standing = msgspec.structs.replace(standing, transcript="")
        carried = self._carried = carry_over(standing)
        link_log.say(link_log.carried_over(self._from, host.turns, carried, host.uplink, self._unsent_ms))
        self.words_may_come = words_due and not carried.again
        host.inbound.leave_link()
        host.utterances.leave_link(words_may_come=self.words_may_come)
        if carried.ask is not None:
            host.slot.carry(carried.ask)
        if carried.cut:
            host.turns.turn.asked_again = True
        host.uplink.detach()
        if carried.ended is not None:
            host.turns.turn.ended = carried.ended
            host.playout.finish()
        if carried.given is not None:
            host.turns.feed(carried.given)
        is_open = host.turns.state in (TurnState.HEARING, TurnState.THINKING, TurnState.SPEAKING)
        self._said = host.turns.turn.reply if host.turns.turn.asked_again and is_open else ""

    @property
    def _speaks_again(self) -> bool:
        """Whether the next link hears the turn's utterance again, and answers it by itself."""
        host = self._host
        return host.turns.state is TurnState.HEARING or isinstance(host.slot.first, CommitAudio)

    def hand_over(self, run: LinkRun, lost: NekoError | None) -> None:
        """A link is live: tell it what it missed, give it the held sound, ask what waits."""
        host = self._host
        link, capabilities = run.link, run.link.codec.capabilities
        host.turns.configure(
            can_truncate=capabilities.truncate, speaks=host.want_audio and capabilities.audio_output
        )
        host.inbound.output_rate = capabilities.output_rate
        host.utterances.captions = capabilities.captions
        self.going_at = None
        self.tokens = 0
        self.short = False
        self.turns_before = host.turns.turn.number
        self.handed_at = host.now()
        if capabilities.seed_history:
            self._catch_up(run)
        # A session that goes on refuses old sound (Gemini: close 1007); it has heard what was silence.
        silent = self._carried_idle and not host.hears_unannounced
        attached = host.uplink.attach(
            link,
            again=self._carried.again,
            unsent_ms=self._unsent_ms,
            skip_sent=silent and bool(run.opening.handle) and not host.spoke_unheard,
            silent=silent and lost is None and not host.push_to_talk,
        )
        unknown = missed(host.memory, run.opening, left_out=self._left_out())
        link_log.say(link_log.handed_over(run, attached, len(unknown)))
        if self._said and self._speaks_again and capabilities.cancel:
            # The provider answers the utterance by itself, and would do so from the beginning.
            host.slot.instead(AskReply(continue_instructions(self._said)))
        if host.turns.state is TurnState.HEARING and not host.push_to_talk:
            self.rechecked_at = host.now()
        self._carried = Carried()
        self._known = None
        self._said = ""
        self._unsent_ms = 0.0
        # What is still being played is remembered, and told, only when it was heard.
        self._untold = host.turns.turn.number if host.turns.state is TurnState.DRAINING else None
        host.news.handed(run)
        if isinstance(host.slot.first, CommitAudio):
            host.uplink.finish(host.slot.resume)
        else:
            host.slot.resume()
        self.on_handed(Handed(run, attached, self._held_at, lost))
        while run.early and host.links.live is run:
            host.provider_event(run.early.popleft())

    def woken(self) -> None:
        """Somebody is back: the gap of the next hand-over counts from here."""
        self._held_at = self._host.now()

    def abandon(self) -> None:
        """There is no next link: nothing is carried to it."""
        self._carried = Carried()
        self._said = ""
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
        for line in missed(self._host.memory, run.opening, left_out=self._left_out()):
            run.link.send(TellHistory(line.role, line.text))
        if self._said and run.opening.cut != self._said and not self._speaks_again:
            run.link.send(TellHistory(ASSISTANT, self._said))

    def _left_out(self) -> int | None:
        """The turn whose text the next link is asked again, so that it is not told as well."""
        return self._host.turns.turn.number if isinstance(self._host.slot.first, SendText) else None

    # -- what the provider tells ------------------------------------------------------------

    def handle_told(self, handle: str) -> None:
        """The provider says by what the session can be resumed; empty when it cannot just now."""
        run = self._host.links.live
        if run is None:
            return
        # It belongs to what the link was opened with, which may not be what is wanted next.
        made, profile = run.opening, run.opening.profile
        tags = Tags(profile.provider.name, made.spec.model, profile_tag(profile), made.mode)
        ttl = run.link.codec.capabilities.resume_ttl
        self.handles.told(handle, tags, now=self._clock.time(), ttl=ttl)

    def going_away(self, seconds: float) -> None:
        """The provider will close the live link in so many seconds."""
        self.going_at = self._host.now() + max(0.0, seconds)

    # -- what readers are told --------------------------------------------------------------

    def tell_connected(self, run: LinkRun) -> None:
        """A link is live."""
        host = self._host
        expires = run.expires_at - self._clock.time() if run.expires_at else 0.0
        host.board.connected = Connected(
            at=host.now(),
            provider=run.opening.title,
            model=run.link.ready.model if run.link.ready is not None else "",
            expires_in=round(expires, 1) if expires > 0.0 else None,
        )
        host.publish(host.board.connected)

    def tell_outage(self, error: NekoError, retry_in: float) -> None:
        """The link was lost; one line, however many attempts it takes."""
        told = Failure.of(error, at=self._host.now())
        self._host.publish(msgspec.structs.replace(told, retry_in=round(retry_in, 1)))

    def tell_back(self) -> None:
        """The outage is over."""
        self._notice("The connection is back.", NoticeKind.SESSION, Severity.SUCCESS)

    def tell_energy(self, change: Change | None) -> None:
        """A level changed: the event, and what the character says to it."""
        if change is None:
            return
        link_log.say(link_log.energy(change))
        host = self._host
        host.board.energy = self.energy.level(self.mode)
        host.publish(
            Energy(
                at=host.now(),
                mode=change.mode,
                level=change.level,
                max=change.max,
                model=change.model,
                reason=change.reason,
            )
        )
        if text := self.energy.prompt(change.mode):
            self._notice(text, NoticeKind.ENERGY)

    def _notice(self, text: str, kind: NoticeKind, severity: Severity = Severity.WARNING) -> None:
        self._host.publish(Notice(at=self._host.now(), kind=kind, severity=severity, text=text))


def profile_tag(profile: Profile) -> str:
    """What of a profile a provider's session was configured with; another tag, another session."""
    parts = (profile.character, profile.provider, profile.voice, profile.emotion, profile.user)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def same_session(one: Profile, other: Profile) -> bool:
    """Whether two profiles lead to the same provider's session: what the one may, the other may too."""
    return profile_tag(one) == profile_tag(other) and one.turns == other.turns and one.energy == other.energy
