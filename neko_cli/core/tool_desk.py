"""The tools of a session: what is offered to the model, and each call from its question to its answer.

A call begins when the provider has told all of it, before the reply is over; the model is answered when
the reply is over and all of its calls are done. A turn waits for that. When the user goes on meanwhile,
the model is told that the call still runs, and its result is told later as news. A call that is made
again over another link, in the same turn, is not carried out twice.
"""

from __future__ import annotations

import asyncio

import msgspec

from neko_cli.core.commands import AnswerTool, ToolSpec
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.companions.tools import (
    REFUSALS,
    Permission,
    ToolGuard,
    Verdict,
    error_output,
    pending_output,
    read_arguments,
    same_call,
    time_limit,
)
from neko_cli.core.errors import NekoError, ToolError, our_mistake
from neko_cli.core.events import NoticeKind, ToolCall, ToolQuestion, ToolResult
from neko_cli.core.host import SessionHost
from neko_cli.core.ports import Offer, Toolbox
from neko_cli.core.provider_events import ToolRequested
from neko_cli.core.state import TurnInput
from neko_cli.core.swap_plan import SwapReason

GRACE = 3.0
"""Seconds beyond its limit for a call to be ended by who carries it out."""

OFFER_TIMEOUT = 15.0
"""Seconds for the tools to be found; who looks for them gives up earlier by himself."""

STOPPED = error_output("The user stopped it.")

ALLOW_HINT = "To allow it, name it under allow in the profile's [tools], or give --allow-tools."


class Work(msgspec.Struct, eq=False):
    """One call being carried out; ``output`` is JSON text once it is done."""

    name: str
    key: str
    turn: int
    call_id: str
    """By which its question and its result are told."""
    arguments: str = ""
    output: str | None = None
    task: asyncio.Task[None] | None = None
    question: asyncio.Future[Permission] | None = None
    told_later: bool = False
    """Whether its turn went on without it."""


class ToolDesk:
    """Owns the calls of one session; every method but ``prepare`` and ``close`` returns at once."""

    def __init__(self, host: SessionHost, toolbox: Toolbox | None, *, asks: bool) -> None:
        """``asks`` says that there is somebody who can be asked."""
        self._host = host
        self._toolbox = toolbox
        self._asks = asks
        self._guard = ToolGuard()
        self._offer = Offer()
        self._fresh = toolbox is None
        self._told: set[str] = set()
        self._works: list[Work] = []  # of the present turn
        self._late: list[Work] = []  # whose turns went on without them
        self._bound: dict[str, Work] = {}  # what the live link's model waits for, by its call ids
        self._reply_over = False
        if toolbox is not None:
            toolbox.watch(self._changed)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the next link offers to its model."""
        return self._offer.specs

    @property
    def holds_turn(self) -> bool:
        """Whether the present turn waits for a call."""
        return bool(self._bound)

    async def prepare(self) -> None:
        """Find the tools that the profile names, unless that was done; their trouble is told."""
        if self._fresh or self._toolbox is None:
            return
        self._fresh = True
        try:
            async with asyncio.timeout(OFFER_TIMEOUT):
                self._offer = await self._toolbox.offer(self._host.profile.tools)
        except TimeoutError:
            self._fresh = False
            self._offer = Offer(problems=("The tools were not found in time; the conversation goes on.",))
        except BaseException:
            self._fresh = False
            raise
        for problem in self._offer.problems:
            self._notice(problem)

    def profile_changed(self) -> None:
        """The profile names other tools now."""
        self._changed()

    def requested(self, event: ToolRequested) -> None:
        """The model calls a tool; one that was called in this turn before is the same call."""
        turn = self._host.turns.turn.number
        arguments = read_arguments(event.arguments)
        key = same_call(event.name, arguments if arguments is not None else {"": event.arguments})
        # Two that ask for the same in one reply are two: only one that no call waits for is made again.
        waited_for = self._bound.values()
        known = next((one for one in self._works if one.key == key and one not in waited_for), None)
        if known is not None:
            self._bound[event.call_id] = known
            return
        work = Work(event.name, key, turn, event.call_id, event.arguments)
        self._works.append(work)
        self._bound[event.call_id] = work
        host = self._host
        host.publish(
            ToolCall(
                at=host.now(), turn=turn, call_id=work.call_id, name=work.name, arguments=event.arguments
            )
        )
        names = {spec.name for spec in self.specs}
        table = host.profile.tools
        verdict = self._guard.judge(table, names, work.name, arguments, turn=turn, now=host.now())
        if verdict is Verdict.ASK and not self._asks:
            verdict = Verdict.DENIED
            self._notice(f"{work.name} was not run, because nobody can be asked. {ALLOW_HINT}")
        if verdict in (Verdict.RUN, Verdict.ASK):
            run = self._run(work, arguments or {}, asks=verdict is Verdict.ASK)
            work.task = host.owner.spawn(run, f"tool {work.name}")
        else:
            self._done(work, error_output(REFUSALS[verdict]), ok=False)

    def too_late(self, event: ToolRequested) -> None:
        """A call of a reply that nobody wants any more: not carried out, and answered all the same."""
        live = self._host.links.live
        if live is not None and not live.link.codec.capabilities.tools_continue:
            answer = AnswerTool(event.call_id, event.name, STOPPED, continue_reply=False)
            self._host.send(answer)

    def reply_ended(self, *, whole: bool) -> bool:
        """A reply is over; returns whether the turn goes on, because it called tools."""
        if not self._bound or not whole:
            return False
        self._reply_over = True
        return self._answer()

    def permit(self, call_id: str, permission: Permission) -> None:
        """The user answers a question; one that is over already changes nothing."""
        for work in self._works:
            if work.call_id == call_id and work.question is not None and not work.question.done():
                work.question.set_result(permission)

    def not_wanted(self, call_ids: tuple[str, ...]) -> None:
        """The provider takes no answer to these calls any more."""
        for call_id in call_ids:
            work = self._bound.pop(call_id, None)
            if work is not None:
                self._stop(work)
        self._answer_or_end()

    def interrupt(self) -> None:
        """The user stops everything, also what goes on behind."""
        self._reply_over = False  # who stops wants no reply to it
        for work in (*self._works, *self._late):
            work.told_later = False
            self._stop(work)
        self._late.clear()

    def turn_ended(self, turn: int) -> None:
        """A turn is over: its calls are answered without asking for a reply; what runs is told later."""
        bound, self._bound = self._bound, {}
        self._reply_over = False
        works, self._works = self._works, []
        for work in works:
            if work.question is not None and not work.question.done():
                work.output = STOPPED  # nobody knows any more what it was about
                self._tell_result(work, ok=False)
                work.question.set_result(Permission.NO)
            elif work.output is None:
                work.told_later = True
                self._late.append(work)
        for call_id, work in bound.items():
            output = work.output if work.output is not None else pending_output(work.name)
            self._host.send(AnswerTool(call_id, work.name, output, continue_reply=False))
        live = self._host.links.live
        goes_on = live is not None and live.link.codec.capabilities.tools_continue
        # Who speaks on has stopped the model already.
        if bound and goes_on and not self._host.turns.is_spoken_over:
            self._host.slot.expect_unwanted()

    def leave_link(self) -> None:
        """The link is not live any more: its ids mean nothing; what runs goes on for the next one."""
        self._bound.clear()
        self._reply_over = False

    async def close(self) -> None:
        """The session is over: nothing runs any more."""
        for work in self._late:
            work.told_later = False
        self._bound.clear()
        self._works.clear()
        self._late.clear()
        self._reply_over = False
        self._fresh = self._toolbox is None
        if self._toolbox is not None:
            await self._toolbox.close()

    # -- own work ---------------------------------------------------------------------------

    def _changed(self) -> None:
        self._fresh = self._toolbox is None
        if self._host.owner.is_open and not self._fresh:
            self._host.owner.spawn(self._refresh(), "tools")

    async def _refresh(self) -> None:
        before = self._offer.specs
        await self.prepare()
        live = self._host.links.live
        if self._offer.specs != before and live is not None and live.opening.spec.tools != self._offer.specs:
            self._host.swapper.wish(SwapReason.CHARACTER)

    async def _run(self, work: Work, arguments: dict[str, object], *, asks: bool) -> None:
        if asks and not await self._is_permitted(work):
            self._done(work, error_output(REFUSALS[Verdict.DENIED]), ok=False)
            return
        limit = time_limit(self._host.profile.tools, work.name)
        try:
            if self._toolbox is None:
                raise ToolError(REFUSALS[Verdict.UNKNOWN])
            async with asyncio.timeout(limit + GRACE):
                output = await self._toolbox.call(work.name, arguments)
        except TimeoutError:
            self._done(work, error_output(f"It took longer than {limit:g} s."), ok=False)
        except NekoError as error:
            self._done(work, error_output(error.message), ok=False)
        except Exception as error:
            self._done(work, error_output(our_mistake(error).message), ok=False)
            raise
        else:
            self._done(work, output, ok=True)

    async def _is_permitted(self, work: Work) -> bool:
        host = self._host
        work.question = asyncio.get_running_loop().create_future()
        seconds = host.profile.tools.ask_seconds
        about = next((spec.description for spec in self.specs if spec.name == work.name), "")
        host.publish(
            ToolQuestion(
                at=host.now(),
                turn=work.turn,
                call_id=work.call_id,
                name=work.name,
                arguments=work.arguments,
                about=about,
                seconds=seconds,
            )
        )
        try:
            async with asyncio.timeout(seconds):
                permission = await work.question
        except TimeoutError:
            self._notice(f"{work.name} was not run, because nobody answered within {seconds:g} s.")
            return False
        return self._guard.said(work.name, permission)

    def _done(self, work: Work, output: str, *, ok: bool) -> None:
        if work.output is not None:
            return
        work.output = output
        self._tell_result(work, ok=ok)
        if work.told_later:
            self._late = [one for one in self._late if one is not work]
            status = "completed" if ok else "failed"
            self._host.callbacks.add(AgentResult(status, f"the tool {work.name}", output))
        else:
            self._answer_or_end()

    def _tell_result(self, work: Work, *, ok: bool) -> None:
        host, output = self._host, work.output or ""
        host.publish(ToolResult(at=host.now(), turn=work.turn, call_id=work.call_id, ok=ok, output=output))

    def _stop(self, work: Work) -> None:
        if work.output is None:
            self._done(work, STOPPED, ok=False)
            if work.task is not None:
                work.task.cancel()

    def _answer_or_end(self) -> None:
        """Something is done that the turn may have waited for."""
        if self._reply_over and not self._answer():
            self._reply_over = False
            self._host.turns.feed(TurnInput.REPLY_ENDED)

    def _answer(self) -> bool:
        """Answer the model once all is done; returns whether its turn goes on."""
        host, bound = self._host, self._bound
        if not bound or any(work.output is None for work in bound.values()):
            return bool(bound)
        self._bound, self._reply_over = {}, False
        insists = self._guard.insists(host.profile.tools, host.turns.turn.number)
        answers = [
            AnswerTool(call_id, work.name, work.output or "", continue_reply=False)
            for call_id, work in bound.items()
        ]
        for answer in answers if insists else answers[:-1]:
            host.send(answer)
        host.turns.progress()
        if insists:
            self._notice("The character kept calling tools and was stopped.")
            return False
        host.slot.ask(msgspec.structs.replace(answers[-1], continue_reply=True))
        return True

    def _notice(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._host.herald.notice(text, NoticeKind.TOOL)
            self._host.speaking_first.noticed(text)
