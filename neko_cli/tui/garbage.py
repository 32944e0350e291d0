"""When garbage is looked for: while nothing sounds, for a search stops every thread, those of sound as well.

CPython looks through its youngest objects after 700 new ones, within 0.1 ms. What has outlived that is looked
through more seldom, for 2 to 8 ms, and all there is for 20 to 120 ms (measured with ``gc.callbacks``): heard
as a hole in a reply whose pieces come in real time.
"""

from __future__ import annotations

import asyncio
import enum
import gc
from collections.abc import Callable

from neko_cli.core.events import Status
from neko_cli.tui.view import Phase, View

LOOK_S = 0.25
PAUSES = 16
"""In every so-manieth pause all is looked through, in the others what outlived its first search."""

YOUNGEST = 700
"""New objects after which the youngest are looked through: Python's own figure."""

WITHOUT_A_PAUSE = 500
"""Searches through the youngest, about a minute of speech, after which the next older ones are no longer
left alone: garbage does not grow without a limit where nobody pauses."""


class Search(enum.Enum):
    """What is done now."""

    NOTHING = enum.auto()
    LEAVE_ALONE = enum.auto()
    """What was loaded for the start is never looked through again."""
    OLDER = enum.auto()
    ALL = enum.auto()


class Tidying:
    """Decides by what the screen shows. Pure."""

    def __init__(self) -> None:
        self._begun = False
        self._spoke = False
        self._pauses = 0

    def look(self, phase: Phase, status: Status) -> Search:
        """Asked again and again: what is to be done now."""
        if not self._begun:
            self._begun = phase is Phase.READY
            return Search.LEAVE_ALONE if self._begun else Search.NOTHING
        if status is Status.SPEAKING or not self._spoke:
            self._spoke = status is Status.SPEAKING
            return Search.NOTHING
        self._spoke = False
        self._pauses += 1
        return Search.ALL if self._pauses % PAUSES == 0 else Search.OLDER


def tidy(view: Callable[[], View], loop: asyncio.AbstractEventLoop, tidying: Tidying | None = None) -> None:
    """Look every ``LOOK_S`` seconds, as long as the loop runs."""
    tidying = tidying or Tidying()
    shown = view()
    match tidying.look(shown.phase, shown.status):
        case Search.LEAVE_ALONE:
            gc.freeze()
            gc.set_threshold(YOUNGEST, WITHOUT_A_PAUSE, WITHOUT_A_PAUSE)
        case Search.OLDER:
            gc.collect(1)
        case Search.ALL:
            gc.collect()
        case Search.NOTHING:
            pass
    loop.call_later(LOOK_S, tidy, view, loop, tidying)
