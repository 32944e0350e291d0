"""Results of agents on their way to the character: told at a quiet moment, kept until they were."""

from __future__ import annotations

from neko_cli.core.commands import AskReply, TellSystem
from neko_cli.core.companions.callbacks import AgentResult, tell_text
from neko_cli.core.events import Outcome
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.swap_plan import SwapReason

REST = 30.0
"""Seconds until results are told again that a provider failed to tell."""


class News:
    """Tells results by a system message, or where a provider takes none, by a fresh session."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._telling: list[AgentResult] = []
        self._turn: int | None = None
        self._needs_swap = False
        self._not_before = 0.0

    @property
    def for_next_link(self) -> str:
        """What the next link is to be told in its instructions; empty when nothing waits for one."""
        being_told = self._turn is not None and bool(self._host.turns.turn.reply)
        waits = bool(self._telling) and self._needs_swap and not being_told
        return tell_text(self._telling) if waits else ""

    def tell(self) -> bool:
        """Have what waits told, when nobody is talking; False when it must wait, or nothing waits."""
        host, live = self._host, self._host.links.live
        quiet = host.is_at_rest and not host.hears_speech
        if live is None or not host.keeper.is_up or not quiet or self._turn is not None:
            return False
        results = host.callbacks.take()
        if not results:
            return False
        self._telling += results
        self._needs_swap = not live.link.codec.capabilities.system_items
        if self._needs_swap:
            host.swapper.wish(SwapReason.AGENT)
        else:
            self._begin_turn()
            host.slot.ask(TellSystem(tell_text(self._telling), ask_reply=True))
        return True

    def hurry(self) -> None:
        """Somebody wants to hear it: a telling that failed is tried again at once."""
        self._not_before = 0.0

    def look(self) -> None:
        """Called from time to time."""
        if len(self._host.callbacks) and self._host.now() >= self._not_before:
            self.tell()

    def handed(self, run: LinkRun) -> None:
        """A link is live; one that was told the news in its instructions is asked to tell them."""
        idle = self._host.turns.state is TurnState.IDLE and not self._host.hears_speech
        if run.opening.news and run.opening.news == self.for_next_link and idle and self._turn is None:
            self._begin_turn()
            self._host.slot.carry(AskReply())
            self._host.swapper.forget(SwapReason.AGENT)  # else they would have another link made

    def turn_ended(self, turn: int, outcome: Outcome, text: str) -> None:
        """A turn is over: what it was to tell has been told, or waits again."""
        if turn != self._turn:
            return
        told = outcome is Outcome.COMPLETE or bool(text) or outcome is Outcome.CANCELLED
        results, self._telling, self._turn = self._telling, [], None
        self._needs_swap = False
        if not told:
            self._not_before = self._host.now() + REST
            self._host.callbacks.restore(results)

    def abandon(self) -> None:
        """There is no next link: what waits for one waits for the next session."""
        if self._telling and self._turn is None:
            self._host.callbacks.restore(self._telling)
            self._telling = []
            self._needs_swap = False

    def _begin_turn(self) -> None:
        self._host.turns.feed(TurnInput.REPLY_ASKED)
        self._turn = self._host.turns.turn.number
