"""What agents do and have found, as the agent pane shows it: a bounded table of items. Pure.

Text enters as it comes from outside and leaves sanitised. Times are seconds of the app's own clock.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum

import msgspec

from neko_cli.core.events import AgentNews, AgentTask, AnyEvent, NewsState
from neko_cli.core.text import one_line, sanitise

KEPT = 50
"""Items that are listed; beyond that the oldest goes, of those that are over first."""

HIDDEN = 200
"""Tasks of which nothing more is shown, and that are remembered for that."""

TITLE = 200
"""Characters of a title."""


class Stage(StrEnum):
    """How far an item is."""

    RUNNING = "running"
    WAITING = "waiting"
    """To be told at the next quiet moment."""
    TELLING = "telling"
    TOLD = "told"
    ENDED = "ended"
    """A task that is over, and of which no result has come."""


LIVE = frozenset({Stage.RUNNING, Stage.WAITING, Stage.TELLING})

_STAGES = {
    NewsState.WAITING: Stage.WAITING,
    NewsState.TELLING: Stage.TELLING,
    NewsState.TOLD: Stage.TOLD,
}


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a task, or what came of one; all its text is safe to show.

    ``number`` is what it is called by; it never changes. ``status`` is running, or how it ended:
    completed, partial, failed, or question. ``began`` and ``ended`` are times, None where they are not known.
    ``text`` is all that is known of it beside its title.
    """

    key: str
    number: int
    stage: Stage
    status: str
    title: str
    text: str = ""
    source: str = ""
    began: float | None = None
    ended: float | None = None

    @property
    def can_be_told(self) -> bool:
        """Whether the character can be asked to tell it."""
        return self.stage is Stage.WAITING

    def elapsed(self, now: float) -> float | None:
        """Seconds that it has been running, or did; None for what never was seen to run."""
        if self.began is None:
            return None
        end = now if self.stage is Stage.RUNNING else self.ended
        return None if end is None else max(0.0, end - self.began)


class Board:
    """Items by key; newest last."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._hidden: OrderedDict[str, None] = OrderedDict()
        self._count = 0
        self.dropped = 0
        """Items that are listed no more, for want of room; what waits is told all the same."""

    @property
    def items(self) -> tuple[Item, ...]:
        """What is listed: first what goes on or waits, then what is over, each with the newest first."""
        newest = list(reversed(self._items.values()))
        return (
            *(item for item in newest if item.stage in LIVE),
            *(item for item in newest if item.stage not in LIVE),
        )

    @property
    def running(self) -> int:
        """Tasks that go on."""
        return sum(item.stage is Stage.RUNNING for item in self._items.values())

    @property
    def waiting(self) -> int:
        """Results that are not told yet."""
        return sum(item.stage in (Stage.WAITING, Stage.TELLING) for item in self._items.values())

    @property
    def counts(self) -> dict[str, int]:
        """Both, by the names of the view's fields."""
        return {"running": self.running, "to_tell": self.waiting}

    def numbered(self, number: int) -> Item | None:
        """The item of that number."""
        return next((item for item in self._items.values() if item.number == number), None)

    def next_to_tell(self) -> Item | None:
        """What has waited longest."""
        return next((item for item in self._items.values() if item.can_be_told), None)

    def apply(self, event: AnyEvent, now: float) -> bool:
        """Take an event; returns whether anything is shown differently."""
        match event:
            case AgentTask():
                return self._task(event, now)
            case AgentNews():
                return self._news(event, now)
            case _:
                return False

    def remove(self, key: str) -> None:
        """It is listed no more; a task that runs does not come back by what is told of it."""
        item = self._items.pop(key, None)
        if item is not None and item.stage is Stage.RUNNING:
            self._hide(key)

    # -- events -----------------------------------------------------------------------------

    def _task(self, event: AgentTask, now: float) -> bool:
        key = _task_key(event.id)
        runs = event.status == "running"
        if key in self._hidden:
            if not runs:
                del self._hidden[key]
            return False
        known = self._items.get(key)
        item = Item(
            key=key,
            number=known.number if known is not None else self._next_number(),
            stage=Stage.RUNNING if runs else Stage.ENDED,
            status=one_line(event.status, 20),
            title=one_line(event.title, TITLE) or "a task",
            text=sanitise(event.detail).strip(),
            source=one_line(event.source, 32),
            began=known.began if known is not None else now - max(0.0, event.seconds),
            ended=None if runs else now,
        )
        return self._put(item)

    def _news(self, event: AgentNews, now: float) -> bool:
        known = self._items.get(event.id)
        if event.state is NewsState.DROPPED:
            self.remove(event.id)
            return known is not None
        if known is None and event.state is NewsState.TOLD:
            return False  # dismissed meanwhile, or before anybody looked
        task = self._taken(_task_key(event.task)) if event.task else None
        before = known or task
        item = Item(
            key=event.id,
            number=before.number if before is not None else self._next_number(),
            stage=_STAGES[event.state],
            status=one_line(event.status, 20),
            title=one_line(event.summary, TITLE),
            text=_whole(event),
            source=one_line(event.source, 32),
            began=before.began if before is not None else None,
            ended=(before.ended if before.ended is not None else now) if before is not None else None,
        )
        return self._put(item)

    def _taken(self, task_key: str) -> Item | None:
        """The item of a task whose result stands in its place from now on."""
        self._hide(task_key)  # its end is told as well
        return self._items.pop(task_key, None)

    def _hide(self, key: str) -> None:
        self._hidden[key] = None
        while len(self._hidden) > HIDDEN:
            self._hidden.popitem(last=False)

    def _put(self, item: Item) -> bool:
        if self._items.get(item.key) == item:
            return False
        self._items[item.key] = item
        while len(self._items) > KEPT:
            over = (key for key, one in self._items.items() if one.stage not in LIVE)
            del self._items[next(over, next(iter(self._items)))]
            self.dropped += 1
        return True

    def _next_number(self) -> int:
        self._count += 1
        return self._count


def _task_key(task_id: str) -> str:
    return f"task {task_id}"


def _whole(event: AgentNews) -> str:
    """Everything that a title of one line leaves out."""
    summary, detail = sanitise(event.summary).strip(), sanitise(event.detail).strip()
    parts = [] if one_line(event.summary, TITLE) == summary else [summary]
    return "\n\n".join([*parts, detail] if detail else parts)
