"""The thread that owns the history's file: one transaction for all that is waiting.

It takes everything at once (group commit), writes it, and then tells every caller. What could not
be written is told as well, kept, and written before anything newer when it works again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neko_cli.core.errors import StoreError
from neko_cli.services import store_file
from neko_cli.services.store_rows import Work

if TYPE_CHECKING:
    from sqlite3 import Connection

log = logging.getLogger(__name__)

WAITING = 1_000
"""Entries that may wait for the thread. Nothing is dropped: beyond that an entry fails at once."""

UNSAVED = 1_000
"""Entries that could not be saved and are kept for later; beyond that the oldest go."""

RETRY_S = 5.0
"""How long after a failure the unsaved entries are tried again when nothing else comes."""

BUSY_IN_TROUBLE_S = 0.25
"""How long to wait for another process once it has held the file for too long."""


class _Entry:
    """Work for the thread, and who waits for it; ``keep`` says whether it is worth another try."""

    __slots__ = ("future", "keep", "result", "work")

    def __init__(self, work: Work, future: asyncio.Future[Any], *, keep: bool) -> None:
        self.work = work
        self.future = future
        self.keep = keep
        self.result: Any = None


class _Unfit(Exception):
    """An entry that the tables refuse, whatever the state of the file."""

    def __init__(self, entry: _Entry, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.entry = entry


class Writer:
    """Carries out work on the file, in order. Its errors are those of :class:`..store.Store`."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened or started before the first work."""
        self._path = path
        self._change = threading.Condition()
        self._waiting: deque[_Entry] = deque()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._ended = False
        self._closers: list[asyncio.Future[None]] = []
        # What follows belongs to the thread.
        self._unsaved: deque[_Entry] = deque(maxlen=UNSAVED)
        self._news: StoreError | None = None
        self._db: Connection | None = None
        self._indexed = False
        self._file: tuple[int, int] | None = None

    def submit(self, work: Work, *, keep: bool = True) -> asyncio.Future[Any]:
        """Have work carried out; returns at once.

        Args:
            work: runs on the thread, inside a transaction that other work may share.
            keep: whether to try again later when it fails.

        Returns:
            Its result, once it is on disk; raises StoreError when it cannot be saved.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_seen)
        with self._change:
            if self._closing:
                future.set_exception(StoreError("The history is closed.", code="closed"))
            elif len(self._waiting) >= WAITING or not self._started():
                future.set_exception(
                    StoreError("This machine is too slow for the history; a line is lost.", code="behind")
                )
            else:
                self._waiting.append(_Entry(work, future, keep=keep))
                self._change.notify()
        return future

    async def aclose(self, timeout: float) -> None:
        """Write what is waiting, try once more what could not be saved, and close; idempotent."""
        with self._change:
            self._closing = True
            self._change.notify()
            if self._thread is None or self._ended:
                return
            closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._closers.append(closed)
        done, _ = await asyncio.wait({closed}, timeout=timeout)
        if done:
            self._thread.join(1.0)  # it has nothing left to do but return
        else:
            log.error("the history is still being written after %s s", timeout)

    def _started(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="neko-history", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives us no more threads
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        try:
            last = False
            while not last:
                entries, last = self._next()
                if entries or self._unsaved:
                    self._carry_out(entries)
            if self._unsaved:
                log.error("%d entries of the history could not be saved", len(self._unsaved))
        finally:
            with contextlib.suppress(Exception):  # nobody is left who could do better
                self._close_file()
            with self._change:
                self._ended = True
                closers = list(self._closers)
            _settle((closer, None, None) for closer in closers)

    def _next(self) -> tuple[list[_Entry], bool]:
        """Wait for entries; the second value says that no more will come."""
        with self._change:
            if not self._waiting and not self._closing:
                self._change.wait(RETRY_S if self._unsaved else None)
            entries = list(self._waiting)
            self._waiting.clear()
            return entries, self._closing

    def _carry_out(self, entries: Sequence[_Entry]) -> None:
        """Save the entries, after what could not be saved earlier; tell who waits. Never raises."""
        batch = [*self._unsaved, *entries]
        try:
            self._save(batch)
        except Exception as error:
            if not isinstance(error, StoreError):
                log.error("the history failed unexpectedly", exc_info=error)
                error = StoreError(f"The history cannot be written ({type(error).__name__}).")
            self._unsaved.clear()
            self._unsaved.extend(entry for entry in batch if entry.keep)
            _settle((entry.future, None, error) for entry in entries)
            return
        if self._unsaved and self._db is not None:
            self._patience(store_file.BUSY_S)
        self._unsaved.clear()
        told = next((entry for entry in entries if entry.keep), None) if self._news else None
        if told is not None:
            _settle([(told.future, None, self._news)])
            self._news = None
        _settle((entry.future, entry.result, None) for entry in entries)

    def _save(self, batch: list[_Entry]) -> None:
        """Write a batch in one transaction; an entry that the tables refuse is told and taken out.

        Raises:
            StoreError: nothing of it is written.
        """
        import sqlite3

        recovered = False
        while batch:
            try:
                self._transaction(self._open(), batch)
                return
            except _Unfit as unfit:
                batch.remove(unfit.entry)
                error = StoreError("A line does not fit into the history, so it is not saved.", code="unfit")
                _settle([(unfit.entry.future, None, error)])
            except (sqlite3.Error, StoreError) as error:
                if recovered or not self._recover(error):
                    raise self._sentence(error) from error
                recovered = True

    def _recover(self, error: Exception) -> bool:
        """Get ready after an error; returns whether to try again at once. May raise StoreError."""
        trouble = self._sentence(error)
        if trouble.code in ("locked", "full"):
            self._patience(BUSY_IN_TROUBLE_S)
            return False
        found = self._file or store_file.identity(self._path)
        self._close_file()
        if trouble.code != "corrupt":
            return store_file.has_moved(error)
        name = store_file.set_aside(self._path, found)
        if name:
            self._news = StoreError(
                f"The history was damaged. It is kept as {name}, and a new one is begun.",
                hint=f"It is in {self._path.parent}.",
                code="set_aside",
                permanent=False,
            )
        return True

    def _sentence(self, error: Exception) -> StoreError:
        return error if isinstance(error, StoreError) else store_file.store_error(error, self._path)

    def _transaction(self, db: Connection, batch: Sequence[_Entry]) -> None:
        import sqlite3

        bound = (sqlite3.ProgrammingError, sqlite3.InterfaceError)  # a value that SQLite does not know
        refused = (sqlite3.IntegrityError, sqlite3.DataError, *bound, ValueError, OverflowError, TypeError)
        db.execute("BEGIN IMMEDIATE")
        try:
            for entry in batch:
                try:
                    entry.result = entry.work(db, self._indexed)
                except refused as error:
                    raise _Unfit(entry, error) from error
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _patience(self, seconds: float) -> None:
        if self._db is not None:
            self._db.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def _open(self) -> Connection:
        """The file, opened; opened afresh when another one is at its place now."""
        if self._db is not None and store_file.identity(self._path) != self._file:
            self._close_file()
        if self._db is None:
            patience = BUSY_IN_TROUBLE_S if self._unsaved else store_file.BUSY_S
            self._db, self._indexed = store_file.open_file(self._path, patience=patience)
            self._file = store_file.identity(self._path)
        return self._db

    def _close_file(self) -> None:
        db, self._db, self._file = self._db, None, None
        if db is not None:
            db.close()


def _seen(future: asyncio.Future[Any]) -> None:
    """Mark an error as seen: who does not wait for an entry is not to be warned about it."""
    if not future.cancelled():
        future.exception()


_End = tuple[asyncio.Future[Any], Any, StoreError | None]


def _settle(ends: Iterable[_End]) -> None:
    """From the thread: give futures their ends, each in its own loop, with one call a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_End]] = {}
    for end in ends:
        by_loop.setdefault(end[0].get_loop(), []).append(end)
    for loop, part in by_loop.items():
        # A closed loop: the program was interrupted, and nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_finish, part)


def _finish(ends: Iterable[_End]) -> None:
    for future, result, error in ends:
        if future.done():  # cancelled by who waited, or told already
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
