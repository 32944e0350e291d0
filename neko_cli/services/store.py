"""Keeps conversations on disk, without ever holding up the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from pathlib import Path

from neko_cli.core.errors import StoreError
from neko_cli.core.events import Event
from neko_cli.core.ports import Past, SessionRecord
from neko_cli.services.store_reading import History
from neko_cli.services.store_rows import (
    event_rows,
    local_day,
    session_row,
    summary_row,
    used_on,
    used_rows,
)
from neko_cli.services.store_writer import Writer

SESSIONS = 1_000
"""Sessions of one process whose records are remembered."""


class Store:
    """A history that is written (``core.ports.Journal``), and its readers' side, ``history``.

    Errors that futures raise are StoreError with a ``code``:

    - ``full``, ``locked``, ``disk``, ``readonly``, ``newer``: the file cannot be written now. The
      entry is kept in memory (see ``store_writer.UNSAVED``) and written when it works again;
    - ``corrupt``: the file is damaged and cannot even be moved. Kept likewise;
    - ``set_aside``: once, when a damaged file was moved and a new one begun. The entry is saved;
    - ``closed``, ``behind``, ``unfit``: the entry is lost.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is opened or started before the first entry."""
        self.history = History(path)
        self._writer = Writer(path)
        self._records: OrderedDict[str, SessionRecord] = OrderedDict()
        self._counted: dict[tuple[str, str], float] = {}

    def begin(self, record: SessionRecord) -> asyncio.Future[None]:
        """A session begins, or goes on."""
        self._records[record.id] = record
        self._records.move_to_end(record.id)
        while len(self._records) > SESSIONS:
            self._records.popitem(last=False)
        return self._writer.submit(session_row(record))

    def write(self, session: str, event: Event, wall: float) -> asyncio.Future[None]:
        """Keep final user text, ended turns, notices and usage; any other event is done at once."""
        work = event_rows(self._record(session, wall), event, wall)
        if work is not None:
            return self._writer.submit(work)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def summarised(self, session: str, mode: str, text: str, upto_turn: int) -> asyncio.Future[None]:
        """Keep the newest summary of a session, which covers its turns up to a number."""
        now = time.time()
        return self._writer.submit(summary_row(self._record(session, now), mode, text, upto_turn, now))

    def used(self, session: str, seconds: float, wall: float) -> asyncio.Future[None]:
        """So many more seconds of connection were used."""
        record = self._record(session, wall)
        day = (record.profile, local_day(wall))
        self._counted[day] = self._counted.get(day, 0.0) + seconds
        return self._writer.submit(used_rows(record, seconds, wall))

    async def used_today(self, profile: str, wall: float) -> float:
        """Seconds of connection that a profile has used on the local day of ``wall``.

        When the file cannot be read, what this process has counted.
        """
        day = local_day(wall)
        try:
            return float(await self._writer.submit(lambda db, indexed: used_on(db, profile, day), keep=False))
        except StoreError:
            return self._counted.get((profile, day), 0.0)

    def past(self, session_id: str, limit: int = 50) -> Past | None:
        """See :meth:`History.past`; blocks."""
        return self.history.past(session_id, limit)

    def last_session(self, name: str = "") -> str | None:
        """See :meth:`History.last_session`; blocks."""
        return self.history.last_session(name)

    def session(self, prefix: str) -> SessionRecord:
        """See :meth:`History.session`; blocks."""
        return self.history.session(prefix)

    async def aclose(self, timeout: float = 5.0) -> None:
        """Write what is waiting, try once more what could not be saved, and close; idempotent.

        After ``timeout`` seconds the thread is left behind (it is a daemon).
        """
        await self._writer.aclose(timeout)

    def _record(self, session: str, wall: float) -> SessionRecord:
        """What is known of the session; for one that never began, its id."""
        known = self._records.get(session)
        return known or SessionRecord(
            id=session, character="", profile="", provider="", model="", mode="", started_at=wall
        )
