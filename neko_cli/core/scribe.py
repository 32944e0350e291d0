"""Tells events in order; a final line is on disk before anybody is told that it is final."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from neko_cli.core.errors import StoreError
from neko_cli.core.events import AnyEvent, Notice, NoticeKind, Severity, TurnEnded, Usage, UserText
from neko_cli.core.ports import Journal, SessionRecord

PATIENCE = 1.0
"""Seconds that a final line waits for the disk; then it is told all the same, and that it is not saved."""

SET_ASIDE = "set_aside"
"""Code of the error that a damaged history was put aside and another one begun."""

Written = asyncio.Future[None]


def is_final(event: AnyEvent) -> bool:
    """Whether an event is a line that must not be lost once it was shown."""
    return isinstance(event, TurnEnded) or (isinstance(event, UserText) and event.final)


class Scribe:
    """Between the session and its readers. All methods but ``drained`` return at once."""

    def __init__(
        self,
        publish: Callable[[AnyEvent], None],
        journal: Journal | None,
        session_id: str,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """``now`` is the session's clock, ``wall`` Unix time; both in seconds."""
        self._publish = publish
        self._journal = journal
        self._session = session_id
        self._now = now
        self._wall = wall
        self._queue: deque[tuple[AnyEvent, Written | None, float]] = deque()  # … and until when it waits
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self._saving = True
        self._shelf = journal  # where to keep it again
        self._record: SessionRecord | None = None
        self._whole = True  # whether nothing was said that was not to be kept

    @property
    def keeps(self) -> bool:
        """Whether the conversation is kept from here on."""
        return self._journal is not None

    def keep(self, on: bool) -> None:
        """Whether what comes from here on is kept; what was kept before stays, either way."""
        if on and self._shelf is None:
            self._notice("What is said is saved when neko is started the next time.", Severity.INFO)
        elif on and self._journal is None:
            self._journal = self._shelf
            if self._record is not None:
                self.begin(self._record)
            self._notice("From here on the conversation is saved.", Severity.INFO)
        elif not on and self._journal is not None:
            self._journal = None
            self._whole = False
            self._notice("From here on nothing is saved.", Severity.INFO)

    def begin(self, record: SessionRecord) -> None:
        """A session begins, or goes on."""
        self._record = record
        if self._journal is not None:
            self._watch(self._journal.begin(record))

    def summarised(self, mode: str, text: str, upto_turn: int) -> None:
        """There is a new summary; it may tell of all that was said, so all of it must be to be kept."""
        if self._journal is not None and text and self._whole:
            self._watch(self._journal.summarised(self._session, mode, text, upto_turn))

    def used(self, seconds: float) -> None:
        """So many more seconds of connection were used."""
        if self._journal is not None and seconds > 0:
            self._watch(self._journal.used(self._session, seconds, self._wall()))

    def tell(self, event: AnyEvent) -> None:
        """Tell an event, after all that were told before it."""
        written: Written | None = None
        if self._journal is not None and isinstance(event, TurnEnded | UserText | Notice | Usage):
            written = self._journal.write(self._session, event, self._wall())
            self._watch(written)
            if not is_final(event) or written.done() or not self._saving:
                written = None
        if written is None and not self._queue:
            self._publish(event)
            return
        until = asyncio.get_running_loop().time() + PATIENCE
        self._queue.append((event, written, until))
        self._empty.clear()
        if written is not None:
            written.add_done_callback(self._flush)
            if self._timer is None:
                self._wait(until)

    async def drained(self) -> None:
        """Wait until everything was told."""
        await self._empty.wait()

    def _watch(self, written: Written) -> None:
        written.add_done_callback(self._result)

    def _result(self, written: Written) -> None:
        if written.cancelled():
            return
        error = written.exception()
        if error is None:
            if not self._saving:
                self._saving = True
                self._notice("The conversation is being saved again.", Severity.SUCCESS)
        else:
            self._not_saved(error)

    def _not_saved(self, error: BaseException) -> None:
        if isinstance(error, StoreError) and error.code == SET_ASIDE:
            self._notice(str(error), Severity.WARNING)  # a new file is begun, and this was saved
        elif self._saving:
            self._saving = False
            what = str(error) if isinstance(error, StoreError) else "The disk does not answer."
            self._notice(f"The conversation is not being saved: {what}", Severity.WARNING)

    def _notice(self, text: str, severity: Severity) -> None:
        self._put(Notice(at=self._now(), kind=NoticeKind.MEMORY, severity=severity, text=text))

    def _put(self, event: AnyEvent) -> None:
        """Tell without keeping."""
        if self._queue:
            self._queue.append((event, None, 0.0))
        else:
            self._publish(event)

    def _flush(self, _: object = None) -> None:
        while self._queue:
            event, written, until = self._queue[0]
            if written is not None and not written.done():
                self._wait(until)
                return
            self._queue.popleft()
            self._publish(event)
        self._stop_timer()
        self._empty.set()

    def _wait(self, until: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_at(until, self._late)

    def _late(self) -> None:
        """The disk takes too long: tell what waits."""
        self._timer = None
        self._not_saved(TimeoutError())
        waiting, self._queue = self._queue, deque()
        for event, *_ in waiting:
            self._publish(event)
        self._empty.set()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
