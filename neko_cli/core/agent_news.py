"""How results of agents stand, for the screen: an ``AgentNews`` event whenever one goes a step further."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.events import AgentNews, NewsState
from neko_cli.core.host import SessionHost


class _Known(msgspec.Struct):
    result: AgentResult
    task: str
    state: NewsState = NewsState.WAITING


class ResultNews:
    """The results that are not told yet; as many as may wait. Every method returns at once."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._known: dict[str, _Known] = {}
        self._out: set[str] = set()

    def wait(self, results: Iterable[AgentResult], task: str = "") -> None:
        """These wait from now on; ``task`` is what one of them came of."""
        for result in results:
            known = self._known[result.id] = _Known(result, task)
            self._tell(known)

    def look(self) -> None:
        """Called when something may have been handed to the character, or have come back."""
        out = {one.id for one in self._host.callbacks.out}
        changed, self._out = out ^ self._out, out
        for result_id in changed & self._known.keys():
            known = self._known[result_id]
            known.state = NewsState.TELLING if result_id in out else NewsState.WAITING
            self._tell(known)

    def told(self, ids: Iterable[str]) -> None:
        """The character has told these."""
        for result_id in ids:
            self._end(result_id, NewsState.TOLD)

    def drop(self, result_id: str) -> None:
        """Nobody wants it any more; one that is being told is told all the same."""
        known = self._known.get(result_id)
        if known is not None and known.state is NewsState.WAITING:
            self._end(result_id, NewsState.DROPPED)

    def leave(self) -> None:
        """The session ends: what waits, waits on the disk."""
        self._known.clear()
        self._out.clear()

    def current(self) -> list[AgentNews]:
        """What is not told yet, for a reader who comes late."""
        return [self._event(known) for known in self._known.values()]

    def _end(self, result_id: str, state: NewsState) -> None:
        known = self._known.pop(result_id, None)
        if known is not None:
            known.state = state
            self._tell(known)

    def _tell(self, known: _Known) -> None:
        self._host.publish(self._event(known))

    def _event(self, known: _Known) -> AgentNews:
        result = known.result
        return AgentNews(
            at=self._host.now(),
            id=result.id,
            state=known.state,
            status=result.status,
            summary=result.summary,
            detail=result.detail,
            source=result.source,
            task=known.task,
        )
