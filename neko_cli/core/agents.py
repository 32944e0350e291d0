"""Agents and the character: their results are told, their questions asked, their tasks shown.

What comes in is on disk before it is acknowledged, waits with the session's callbacks, and goes from the
disk when ``core/news`` has had it told. The bus and the disk are ports; this decides what happens.
"""

from __future__ import annotations

import asyncio

from neko_cli.core.agent_news import ResultNews
from neko_cli.core.agent_questions import Questions
from neko_cli.core.agent_requests import AgentRequests
from neko_cli.core.agent_tasks import RunningTasks
from neko_cli.core.agent_waiting import WaitingResults
from neko_cli.core.companions.agent_events import (
    AgentEvent,
    AgentStatusUpdate,
    AskUser,
    EventAck,
    ProactiveMessage,
    Seen,
    SessionInfo,
    TaskResult,
    TaskUpdate,
    UserAnswer,
    fingerprint,
    new_id,
)
from neko_cli.core.companions.callbacks import QUESTION, AgentResult
from neko_cli.core.errors import our_mistake
from neko_cli.core.events import AgentNews, AgentTask, AnyEvent, NoticeKind, Outcome, Severity, UserText
from neko_cli.core.host import SessionHost
from neko_cli.core.ports_agents import AgentBus, ResultShelf
from neko_cli.core.profile import Profile
from neko_cli.core.tasks import TaskOwner

SEVERITIES = {"completed": Severity.SUCCESS, "partial": Severity.WARNING, "failed": Severity.ERROR}

TROUBLE_LIMIT = 20
"""Different sentences about trouble that are told in one session."""

ENDED = "The chat has ended."
UNWANTED = "The user does not want to be asked this."


class Agents:
    """All that a session has to do with agents. ``AgentEars`` for the bus; open, then close."""

    def __init__(
        self, host: SessionHost, bus: AgentBus | None = None, shelf: ResultShelf | None = None
    ) -> None:
        """Without a bus nobody is heard; without a shelf what waits is lost with the process."""
        self._host = host
        self._bus = bus
        self._owner = TaskOwner(self._failed)
        self._results = WaitingResults(host, shelf, self._owner, self._notice)
        self._requests = AgentRequests(host, bus, self._owner)
        self._questions = Questions()
        self._tasks = RunningTasks(host)
        self._stands = ResultNews(host)
        self._opening = asyncio.Lock()
        self._receiving = asyncio.Lock()
        self._seen = Seen()
        self._trouble: set[str] = set()
        self._open = False

    # -- the session's side -----------------------------------------------------------------

    @property
    def flags(self) -> dict[str, bool]:
        """What agents may do now, by N.E.K.O.'s names."""
        return dict(self._requests.flags)

    @property
    def waiting(self) -> int:
        """Results and questions that were not told yet."""
        return len(self._results)

    async def open(self) -> None:
        """Take up what was not told before, and listen; idempotent. Trouble is told, never raised."""
        async with self._opening:
            if self._open:
                return
            self._open = True
            self._questions.begin()
            host = self._host
            await self._owner.open()
            host.callbacks.tokens = host.profile.agents.tokens
            host.callbacks.keeps_account = True
            await self._results.take_up()
            self._stands.wait(self._results.all)
            await self._listen()
            self.look()

    async def close(self) -> None:
        """Stop listening; what was not told stays on disk. Idempotent, within a few seconds."""
        async with self._opening:  # one that is being opened is closed when it is open
            if not self._open:
                return
            self._open = False
            try:
                self._questions.refuse(ENDED)
                await self._requests.last()
            finally:
                try:
                    if self._bus is not None:
                        await self._bus.close()
                finally:
                    try:
                        await self._owner.aclose()
                    finally:
                        self._host.callbacks.keeps_account = False
                        self._stands.leave()
                        await self._results.leave()

    def look(self) -> None:
        """Called from time to time, and when something has come: have told what can be told."""
        self._results.fill()
        self._tasks.look()
        self._host.news.look()
        self._stands.look()

    def current(self) -> list[AgentTask | AgentNews]:
        """Tasks that run and results that wait, for a reader who comes late."""
        return [*self._tasks.current(), *self._stands.current()]

    def tell_now(self, result_id: str) -> bool:
        """Have a result told before all others, as soon as nobody talks; False where it does not wait."""
        if not self._results.bring_forward(result_id):
            return False
        self._host.news.hurry()
        self._host.requests.wake()
        self.look()
        return True

    def dismiss(self, result_id: str) -> bool:
        """A result is not told, and goes from the disk; False where it does not wait."""
        if not self._results.dismiss(result_id):
            return False
        self._questions.refuse_one(result_id, UNWANTED)
        self._stands.drop(result_id)
        return True

    def turn_ended(self, turn: int, outcome: Outcome, text: str) -> None:
        """A turn is over; called after ``news.turn_ended``, which has put back what was not told."""
        callbacks = self._host.callbacks
        # What is out belongs to that turn, unless a fresh link is on its way that is to tell it.
        if callbacks.out and not self._host.news.for_next_link:
            told = callbacks.settle()
            self._questions.were_asked([one.id for one in told if one.status == QUESTION], turn)
            self._results.told(told)
            self._stands.told([one.id for one in told])
        self._stands.look()
        self._results.fill()
        if outcome in (Outcome.COMPLETE, Outcome.INTERRUPTED):
            self._requests.turn_ended()

    def published(self, event: AnyEvent) -> None:
        """Readers are told something; the user's final words may answer a question."""
        if isinstance(event, UserText) and event.final:
            self._questions.said(event.turn, event.text)

    def profile_changed(self, old: Profile) -> None:
        """Other limits, another character, or another bus."""
        new = self._host.profile
        self._host.callbacks.tokens = new.agents.tokens
        self._requests.profile_changed(old)
        if self._open and self._bus is not None:
            self._bus.rename(new.character.name, self._host.ports.profile_name)
            if _places(new) != _places(old):
                self._owner.spawn(self._listen(), "agent bus")

    def set_flag(self, name: str, on: bool) -> None:
        """Let agents do something, or not, from now on; raises ConfigError for an unknown name."""
        self._requests.set_flag(name, on)

    # -- the bus's side ---------------------------------------------------------------------

    async def take(self, event: AgentEvent) -> EventAck:
        """See ``AgentEars``."""
        here = self._host.profile.character.name
        if not self._open:
            return self._refused(event, ENDED)
        if event.lanlan_name and event.lanlan_name.casefold() != here.casefold():
            return self._refused(event, f"{event.lanlan_name} is not here; {here} is.")
        match event:
            case TaskResult() | ProactiveMessage():
                return await self._receive(event)
            case TaskUpdate():
                self._tasks.update(event.task)
            case AgentStatusUpdate():
                if text := self._tasks.status(event.snapshot):
                    self._host.herald.notice(text, NoticeKind.AGENT, Severity.INFO)
                    self._host.speaking_first.noticed(text)
        return EventAck(event_id=event.event_id, lanlan_name=here)

    async def ask(self, event: AskUser) -> UserAnswer:
        """See ``AgentEars``."""
        if not self._open:
            return UserAnswer(event_id=event.event_id, status="refused", text=ENDED)
        return await self._questions.ask(event, self._put_question, self._take_back)

    def info(self, event_id: str) -> SessionInfo:
        """See ``AgentEars``."""
        host = self._host
        return SessionInfo(
            event_id=event_id,
            lanlan_name=host.profile.character.name,
            profile=host.ports.profile_name,
            status=host.board.snapshot().status,
            tasks=len(self._tasks),
            waiting=self.waiting,
        )

    # -- own work ---------------------------------------------------------------------------

    async def _receive(self, event: TaskResult | ProactiveMessage) -> EventAck:
        mark, result = fingerprint(event), _result(event)
        if not result.summary:
            return self._refused(event, "There is nothing in it to tell.")
        async with self._receiving:  # the second of two that are alike waits for the first to be on disk
            is_new = self._seen.is_new(mark)
            if is_new:
                try:
                    if self._results.is_full:
                        self._seen.forget(mark)
                        return self._refused(event, "Too much waits to be told.")
                    await self._results.add(result)
                except BaseException:
                    self._seen.forget(mark)
                    raise
        if is_new:
            self._stands.wait([result], event.task_id if isinstance(event, TaskResult) else "")
            self._show(event, result)
            self.look()
        return EventAck(event_id=event.event_id, lanlan_name=self._host.profile.character.name)

    def _show(self, event: TaskResult | ProactiveMessage, result: AgentResult) -> None:
        if isinstance(event, TaskResult):
            self._tasks.ended(event.task_id, result.status, event.error_message)
        if self._host.profile.agents.notices:
            severity = SEVERITIES.get(result.status, Severity.INFO)
            self._host.herald.notice(result.summary, NoticeKind.AGENT, severity)

    def _put_question(self, event: AskUser, question_id: str) -> None:
        """A program waits for it, so it comes before results."""
        question = AgentResult(QUESTION, event.question, source=event.channel, id=question_id)
        self._results.add_first(question)
        self._stands.wait([question])
        self.look()

    def _take_back(self, question_id: str) -> None:
        self._results.take_back(question_id)
        self._stands.drop(question_id)

    async def _listen(self) -> None:
        if self._bus is None:
            return
        profile = self._host.profile
        problems = await self._bus.open(
            profile.agents, self, character=profile.character.name, profile=self._host.ports.profile_name
        )
        for problem in problems:
            self._notice(problem)

    def _refused(self, event: AgentEvent, why: str) -> EventAck:
        here = self._host.profile.character.name
        return EventAck(event_id=event.event_id, accepted=False, lanlan_name=here, message=why)

    def _notice(self, text: str) -> None:
        if text not in self._trouble and len(self._trouble) < TROUBLE_LIMIT:
            self._trouble.add(text)
            self._host.herald.notice(text, NoticeKind.AGENT)

    def _failed(self, error: BaseException) -> None:
        self._notice(our_mistake(error).message)


def _result(event: TaskResult | ProactiveMessage) -> AgentResult:
    """What the character is to tell."""
    if isinstance(event, ProactiveMessage):
        return AgentResult("completed", event.text, source=event.channel, id=new_id())
    detail = event.detail if event.detail != event.summary else ""
    if event.error_message and event.error_message != event.summary:
        detail = f"{detail}\n{event.error_message}".strip()
    return AgentResult(event.status, event.summary, detail, source=event.channel, id=new_id())


def _places(profile: Profile) -> object:
    """Where a profile wants agents to be listened to."""
    table = profile.agents
    return table.bus, table.session_address, table.result_address, table.analyze_address, table.insecure
