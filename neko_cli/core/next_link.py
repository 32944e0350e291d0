"""How the next link is to be made, and what the loss of one means for it."""

from __future__ import annotations

import hashlib

import msgspec

from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.energy import EnergyBook, costs_energy
from neko_cli.core.errors import NekoError, SessionExpired
from neko_cli.core.events import NoticeKind, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.keeper import AfterLoss
from neko_cli.core.links import LinkRun, Opening
from neko_cli.core.modes import Mode
from neko_cli.core.ports import Clock
from neko_cli.core.profile import Profile
from neko_cli.core.resume import HandleBook, Tags, is_rejection
from neko_cli.core.seeding import missed, opening_for
from neko_cli.core.state import TurnState
from neko_cli.core.voicing import has_own_voice

FRESH = 10.0
"""Seconds within which an error of a resumed link is put down to its handle."""

NORMAL_CLOSE = "1000"
"""Close code of a connection that ended on purpose (RFC 6455 §7.4.1)."""


class NextLink:
    """Knows the mode, the energy and the handles, and with them how to go on."""

    def __init__(self, host: SessionHost, clock: Clock, first_title: str) -> None:
        """``first_title`` names the provider that the session begins with, in sentences."""
        self._host = host
        self._clock = clock
        self._first = (host.profile.provider.name, first_title)
        self.energy = EnergyBook(host.profile)
        self.handles = HandleBook()
        self.mode = Mode.TEXT
        self.short = False
        """Whether the next link is told only the summary and the last turns."""

    @property
    def title(self) -> str:
        """The provider's name in sentences."""
        name = self._host.profile.provider.name
        if name == self._first[0] or name not in PROVIDERS:
            return self._first[1]
        return PROVIDERS[name].title

    @property
    def model(self) -> str:
        """What energy leaves; empty takes the profile's."""
        return self.energy.model(self.mode)

    @property
    def handle(self) -> str:
        """By what the provider's session can be resumed now; empty when it cannot."""
        if not self.handles.has(self.mode):
            return ""  # asked several times a second, and the tags of a profile take their time
        return self.handles.usable(self._tags(), self._clock.time())

    @property
    def left_out(self) -> int | None:
        """The first turn whose text the next link is asked again, so that it is not told as well."""
        return min((text.turn for text in self._host.slot.texts), default=None)

    def _tags(self) -> Tags:
        """What a handle must belong to, to be of use now."""
        profile = self._host.profile
        return Tags(
            profile.provider.name, self.model or profile.provider.model, profile_tag(profile), self.mode
        )

    def opening(self, *, handle: bool = True, standby: bool = False, short: bool = False) -> Opening:
        """How the next link is to be made; a ``standby`` is told of a turn only when it is over.

        With ``short`` it is told only the summary and the last turns.
        """
        host, turns = self._host, self._host.turns
        left_out = self.left_out
        if standby and turns.state is not TurnState.IDLE:
            left_out = turns.turn.number
        return opening_for(
            host.profile,
            host.memory,
            title=self.title,
            mode=self.mode,
            model=self.model,
            want_audio=host.voicing.model_speaks,
            push_to_talk=host.push_to_talk,
            handle=self.handle if handle and not standby else "",
            known=host.relay.known,
            left_out=left_out,
            cut=host.relay.cut_words,
            cut_turn=turns.turn.number,
            playing=turns.turn.reply if turns.state is TurnState.DRAINING else "",
            short=short or self.short,
            news=host.news.for_next_link,
            tools=host.tools.specs,
        )

    def fits(self, made: Opening) -> bool:
        """Whether a link that was opened so is configured as the next one should be."""
        host = self._host
        return (
            made.profile == host.profile
            and made.mode == self.mode
            and made.spec.model == (self.model or host.profile.provider.model)
            and made.push_to_talk == host.push_to_talk
            and made.news == host.news.for_next_link
            and made.spec.tools == host.tools.specs
        )

    def knows_all(self, run: LinkRun) -> bool:
        """Whether a link was told all that was said, or can still be told.

        A session that goes on by a handle remembers by itself.
        """
        made, left_out = run.opening, self.left_out
        can_catch_up = run.link.codec.capabilities.seed_history or bool(made.handle)
        return can_catch_up or not missed(self._host.memory, made, left_out=left_out)

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

    def link_alive(self) -> None:
        """The age of a handle counts from the end of its link."""
        self.handles.link_alive(self.mode, self._clock.time())

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
            self._host.turns.turn.was_lost = False  # that link was never asked in earnest
            self._host.herald.notice(
                "The provider does not go on with its own session; a fresh one is told what I remember.",
                NoticeKind.SESSION,
            )
            return AfterLoss.AT_ONCE, error
        # Only in a session that had a link; who starts one with a bad profile is told so.
        made = opening if lived == 0.0 and self._host.relay.previous > 0 else None
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
            self._host.herald.notice(
                "The provider closed the connection; it comes back when you speak or type.",
                NoticeKind.SESSION,
                Severity.INFO,
            )
            return AfterLoss.PARK, error
        return AfterLoss.RETRY, error

    def _tired(self, error: NekoError) -> tuple[AfterLoss, NekoError]:
        before = self.model
        now = self._clock.time()
        change = self.energy.rate_limited(self.mode, now, error.retry_after)
        self._host.herald.energy(change)
        if change is not None and not change.handle_valid:
            self.handles.clear(self.mode)
            self.short = True  # summary and last turns: going on with everything would cost as before
        refusal = self.energy.refusal(self.mode, now)
        if refusal is not None:
            refusal.hint = f"{refusal.hint} {error.message}".strip()
            return AfterLoss.GIVE_UP, refusal
        return (AfterLoss.AT_ONCE if self.model != before else AfterLoss.RETRY), error

    def _is_between_turns(self) -> bool:
        state = self._host.turns.state
        quiet = state in (TurnState.IDLE, TurnState.DRAINING) and self._host.slot.is_calm
        # Somebody may speak whom the provider's detector has not heard yet.
        return quiet and not self._host.hears_speech


def profile_tag(profile: Profile) -> str:
    """What of a profile a provider's session was configured with; another tag, another session."""
    marks = (profile.emotion.tags, profile.emotion.labels)  # who judges other words is no provider's business
    user, own_voice = profile.user.name, has_own_voice(profile)
    parts = (profile.character, profile.provider, profile.voice, marks, user, own_voice)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def same_session(one: Profile, other: Profile) -> bool:
    """Whether two profiles lead to the same provider's session: what the one may, the other may too."""
    return profile_tag(one) == profile_tag(other) and one.turns == other.turns and one.energy == other.energy
