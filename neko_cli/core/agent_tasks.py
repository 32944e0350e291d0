"""What agents are doing, for the screen: an ``AgentTask`` event whenever something of it changes."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from neko_cli.core.companions.agent_events import Snapshot, Task
from neko_cli.core.events import AgentTask
from neko_cli.core.host import SessionHost

TASKS_LIMIT = 50
"""Running tasks that are known; beyond that the oldest counts as ended."""

COMMAND = "command"
"""Type of the tasks of ``neko notify --run``, which tells every few seconds that it lives."""

COMMAND_SILENCE = 60.0
"""Seconds without a word after which such a task counts as gone."""

SILENCE = 6 * 3600.0
"""The same for agents that tell nothing in between."""

ENDS = {
    "completed": "completed",
    "complete": "completed",
    "done": "completed",
    "success": "completed",
    "partial": "partial",
    "failed": "failed",
    "error": "failed",
    "cancelled": "failed",
    "canceled": "failed",
}
"""What agents call the end of a task, and what we do; any other word is a task that goes on."""


LONGEST = 30 * 86_400.0
"""Seconds that a task may say it has been running; more is a wrong clock."""


class _Known(msgspec.Struct):
    task: Task
    began: float
    seen: float
    told: tuple[str, str, str] = ("", "", "")


class RunningTasks:
    """The tasks that go on; every method returns at once."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._tasks: OrderedDict[str, _Known] = OrderedDict()
        self._notification = ""

    def __len__(self) -> int:
        """Tasks that go on."""
        return len(self._tasks)

    def update(self, task: Task) -> None:
        """An agent tells how a task stands."""
        end = ENDS.get(task.status.casefold(), "")
        known = self._tasks.get(task.id)
        if end:
            if known is not None:
                self.ended(task.id, end, task.error)
            return
        if known is None:
            now = self._host.now()
            known = self._tasks[task.id] = _Known(task, now - self._run_for(task), now)
        elif not task.title:
            task = msgspec.structs.replace(task, title=known.task.title)
        known.task, known.seen = task, self._host.now()
        self._tell(known, "running", task.error)
        while len(self._tasks) > TASKS_LIMIT:
            self.ended(next(iter(self._tasks)), "failed", "Too many tasks run.")

    def ended(self, task_id: str, status: str, detail: str) -> None:
        """A task is over; nothing happens where it was not known to run."""
        known = self._tasks.pop(task_id, None)
        if known is not None:
            self._tell(known, status, detail)

    def status(self, snapshot: Snapshot) -> str:
        """An agent server tells how it stands; returns a line for the user where that is new."""
        for task in snapshot.active_tasks:
            self.update(task)
        if snapshot.notification in ("", self._notification):
            return ""
        self._notification = snapshot.notification
        return snapshot.notification

    def look(self) -> None:
        """Called from time to time: who tells nothing any more is gone."""
        now = self._host.now()
        for task_id, known in list(self._tasks.items()):
            patience = COMMAND_SILENCE if known.task.type == COMMAND else SILENCE
            if now - known.seen > patience:
                self.ended(task_id, "failed", "Nothing was heard of it any more.")

    def current(self) -> list[AgentTask]:
        """What runs, for a reader who comes late."""
        return [self._event(known, "running", known.task.error) for known in self._tasks.values()]

    def _tell(self, known: _Known, status: str, detail: str) -> None:
        told = (status, known.task.title, detail)
        if told != known.told:
            known.told = told
            self._host.publish(self._event(known, status, detail))

    def _event(self, known: _Known, status: str, detail: str) -> AgentTask:
        task, now = known.task, self._host.now()
        return AgentTask(
            at=now,
            id=task.id,
            status=status,
            title=task.title or task.type or "a task",
            source=task.type,
            detail=detail,
            seconds=round(now - known.began, 1),
        )

    def _run_for(self, task: Task) -> float:
        """Seconds for which it had been running when we first heard of it, as far as it tells."""
        passed = self._host.ports.clock.time() - task.start_time
        return passed if task.start_time > 0.0 and 0.0 <= passed <= LONGEST else 0.0
