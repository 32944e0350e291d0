"""What links, and who keeps one up, ask of the session: answered by the part that knows."""

from __future__ import annotations

from neko_cli.core.commands import AskReply
from neko_cli.core.errors import NekoError
from neko_cli.core.host import SessionHost
from neko_cli.core.keeper import AfterLoss
from neko_cli.core.links import LinkRun, Opening
from neko_cli.core.memory import FALLBACK_TURNS
from neko_cli.core.provider_events import InputTranscript, ProviderEvent
from neko_cli.core.state import LinkState, TurnInput, TurnState


class LinkDesk:
    """Passes on what happens to links, and gets ready what the next one is to be told."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._summed_up = -1  # how far memory had come when it was last summed up for a link

    # -- what the links ask for -------------------------------------------------------------

    def link_opened(self) -> None:
        """The socket of the next link is open."""
        self._host.keeper.link_opened()

    def provider_event(self, event: ProviderEvent) -> None:
        """The live link's provider says something."""
        self._host.provider_event(event)

    def link_lost(self, run: LinkRun, error: NekoError) -> None:
        """The live link is gone."""
        self._host.keeper.lost(run, error)

    def standby_lost(self, run: LinkRun, error: NekoError) -> None:
        """A link that was not live is gone."""
        self._host.swapper.standby_lost(run)

    def late_words(self, event: InputTranscript) -> bool:
        """Words from the link that was live before; returns whether more of them are due."""
        due = self._host.utterances.late_words(event)
        if event.final:
            self._host.relay.tell_late("user", event.text)
        return due

    def room(self) -> None:
        """The link takes sound again."""
        self._host.uplink.pump()

    # -- what the keeper asks for -----------------------------------------------------------

    async def prepare(self) -> None:
        """Find the tools; sum up what a link will not be told word by word, once for all attempts."""
        host = self._host
        await host.tools.prepare()
        if host.next_link.short and self._summed_up != host.memory.serial:
            self._summed_up = host.memory.serial
            wait = host.profile.memory.summary_wait
            await host.summaries.refresh(keep_turns=FALLBACK_TURNS, wait=wait)

    def opening(self) -> Opening:
        """How the next link is to be made."""
        return self._host.next_link.opening()

    def knows_all(self, run: LinkRun) -> bool:
        """Whether a link that was made was told all that was said, or can still be told."""
        return self._host.next_link.knows_all(run)

    def after_loss(
        self, opening: Opening | None, error: NekoError, *, lived: float = 0.0
    ) -> tuple[AfterLoss, NekoError]:
        """What a loss means."""
        return self._host.next_link.after_loss(opening, error, lived=lived)

    def standby(self) -> LinkRun | None:
        """A link that is ready to take over."""
        return self._host.swapper.take_standby()

    def carry_over(self) -> None:
        """The link goes."""
        self._host.relay.carry_over()
        self._host.uplink.idle = self._host.board.link is LinkState.PARKED

    def hand_over(self, run: LinkRun, lost: NekoError | None) -> None:
        """A link is live: what was held goes to it; at the very first, the character greets."""
        host = self._host
        host.uplink.idle = False
        greeting = host.profile.character.greeting
        nothing_said = not len(host.memory) and not host.uplink.waiting_ms
        if host.ports.greet and greeting and host.is_at_rest and nothing_said:
            host.turns.feed(TurnInput.REPLY_ASKED)
            host.slot.carry(AskReply(greeting))
        host.relay.hand_over(run, lost)

    def tell_connected(self, run: LinkRun) -> None:
        """A link is live."""
        self._host.herald.connected(run)

    def woken(self) -> None:
        """A parked session is wanted again."""
        self._host.relay.woken()

    def tell_outage(self, error: NekoError, retry_in: float) -> None:
        """The link was lost."""
        self._host.herald.outage(error, retry_in)

    def tell_back(self) -> None:
        """The outage is over."""
        self._host.herald.back()

    def tell_failure(self, error: NekoError) -> None:
        """The link is down for good."""
        self._host.swapper.drop_standby()
        self._host.inbound.tell_failure(error, fatal=True)

    def abort_turn(self) -> None:
        """The link is down for good: the turn fails, unless its reply came whole and is being played."""
        host = self._host
        host.slot.reset()
        host.relay.abandon()
        host.news.abandon()
        host.utterances.leave_link(again=True)
        host.uplink.detach()
        host.uplink.discard()
        if host.turns.state is not TurnState.DRAINING or host.board.link is not LinkState.FAILED:
            host.turns.feed(TurnInput.LINK_LOST)
