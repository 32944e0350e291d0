"""Questions of programs to the user: asked by the character, answered by the user's next words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from neko_cli.core.companions.agent_events import AskUser, UserAnswer, new_id

QUESTIONS_LIMIT = 8
"""Questions that may wait; more are refused."""

TIMEOUT = "timeout"


class _Question(msgspec.Struct, eq=False):
    answer: asyncio.Future[tuple[str, str]]
    """A status and a text."""
    asked_in: int | None = None
    """The turn in which it was asked; None before that."""


class Questions:
    """One is asked at a time, because nobody could tell which of two the user has answered."""

    def __init__(self) -> None:
        self._open: dict[str, _Question] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._over = ""

    async def ask(
        self, event: AskUser, put: Callable[[AskUser, str], None], take_back: Callable[[str], None]
    ) -> UserAnswer:
        """Have it asked and wait for the answer; ``event.timeout`` seconds are for both.

        ``put`` has the character ask it at the next quiet moment, under an id; ``take_back`` undoes that
        as far as it can be undone.
        """
        if not event.question:
            return UserAnswer(event_id=event.event_id, status="refused", text="There is no question.")
        if self._waiting >= QUESTIONS_LIMIT:
            return UserAnswer(
                event_id=event.event_id, status="refused", text="Too many questions wait already."
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(event.timeout):
                async with self._turn:
                    status, text = await self._one(event, put, take_back)
        except TimeoutError:
            status, text = TIMEOUT, f"Nobody answered within {event.timeout:g} s."
        finally:
            self._waiting -= 1
        return UserAnswer(event_id=event.event_id, status=status, text=text)

    async def _one(
        self, event: AskUser, put: Callable[[AskUser, str], None], take_back: Callable[[str], None]
    ) -> tuple[str, str]:
        known_as = new_id()  # ids of different programs may be alike
        question = self._open[known_as] = _Question(asyncio.get_running_loop().create_future())
        try:
            if self._over:
                return "refused", self._over
            put(event, known_as)
            return await question.answer
        finally:
            del self._open[known_as]
            take_back(known_as)

    def were_asked(self, ids: Sequence[str], turn: int) -> None:
        """The character has asked these, in that turn."""
        for one in ids:
            if (question := self._open.get(one)) is not None:
                question.asked_in = turn

    def said(self, turn: int, text: str) -> None:
        """The user's final words in a turn: they answer what was asked in an earlier one."""
        for question in self._open.values():
            asked = question.asked_in
            if asked is not None and turn > asked and text.strip() and not question.answer.done():
                question.answer.set_result(("answered", text.strip()))

    def refuse_one(self, question_id: str, why: str) -> None:
        """The user does not want to be asked this."""
        question = self._open.get(question_id)
        if question is not None and not question.answer.done():
            question.answer.set_result(("refused", why))

    def refuse(self, why: str) -> None:
        """Nobody will answer any more, until :meth:`begin`."""
        self._over = why
        for question in self._open.values():
            if not question.answer.done():
                question.answer.set_result(("refused", why))

    def begin(self) -> None:
        """There is somebody who can answer."""
        self._over = ""
