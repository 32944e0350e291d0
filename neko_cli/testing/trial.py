"""One session on trial, and how a check of it is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from typing import Any

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.core.events import InputMode, LinkWord, Outcome, Status, TurnEnded
from neko_cli.core.session import Session
from neko_cli.testing.witness import Witness, expect

OFF = (LinkWord.OFFLINE, LinkWord.CLOSED)
"""Link words of a session that is not running."""


IsAnswer = Callable[[str, str], bool]
"""Whether a reply (the second text) answers a message (the first)."""


class Need(StrEnum):
    """What a check needs of the session."""

    MICROPHONE = "a microphone"
    NO_MICROPHONE = "no microphone"
    ANSWERS = "somebody who answers"
    BROKEN = "a session that cannot connect"


class Trial:
    """A fresh session and what checks do with it."""

    def __init__(
        self,
        session: Session,
        *,
        has_microphone: bool,
        can_answer: bool,
        is_answer: IsAnswer | None,
        patience: float,
    ) -> None:
        self.session = session
        self._is_answer = is_answer
        self.has_microphone = has_microphone
        self.can_answer = can_answer
        self.patience = patience
        """Seconds that one step may take."""

    def witness(self) -> Witness:
        """Somebody who reads the events from now on."""
        return Witness(self.session, self.patience)

    async def start(self, mode: InputMode = InputMode.TEXT) -> None:
        """Start the session; it must be up then."""
        await self.session.start_session(mode)
        self.expect_up("after start_session")

    def expect_up(self, when: str) -> None:
        """It is connected and says so."""
        state = self.session.state
        expect(state.is_active, f"{when} is_active is False")
        expect(state.link is LinkWord.ONLINE, f"{when} the link word is {state.link}")
        expect(state.status is not Status.ERROR, f"{when} the status is error")

    def expect_off(self, when: str) -> None:
        """It is not running: nothing is heard, said or connected."""
        state = self.session.state
        expect(not state.is_active, f"{when} is_active is True")
        expect(not state.is_listening, f"{when} is_listening is True")
        expect(not state.is_speaking, f"{when} is_speaking is True")
        expect(state.status is Status.IDLE, f"{when} the status is {state.status}")
        expect(state.link in OFF, f"{when} the link word is {state.link}")

    async def exchange(self, witness: Witness, text: str) -> TurnEnded:
        """Send a message and wait for the end of its turn, which must be whole."""
        turn = await self.session.send_message(text)
        ended = await witness.until(TurnEnded, turn=turn)
        self.expect_answer(text, ended)
        return ended

    def expect_answer(self, text: str, ended: TurnEnded) -> None:
        """A turn was completed with a reply to this message."""
        expect(ended.outcome is Outcome.COMPLETE, f"turn {ended.turn}, {text!r}, is {ended.outcome}")
        expect(ended.text.strip(), f"turn {ended.turn}, {text!r}, has no reply")
        fits = self._is_answer is None or self._is_answer(text, ended.text)
        expect(fits, f"turn {ended.turn}, {text!r}, was answered by {ended.text!r}")

    async def end(self, *witnesses: Witness) -> None:
        """End the session and read everything to the end."""
        await self.session.end_session()
        for witness in witnesses:
            await witness.rest()

    async def refuses(self, call: Awaitable[object], what: str) -> None:
        """A call must raise NekoError."""
        try:
            await call
        except NekoError as error:
            expect(error.message, f"{what} was refused without a sentence")
            return
        raise AssertionError(f"{what} was not refused with a NekoError")

    async def beside(
        self, first: Coroutine[Any, Any, object], then: Callable[[], Awaitable[object]]
    ) -> BaseException | None:
        """Run ``then`` while ``first`` is under way; returns what ``first`` raised."""
        outcome: list[BaseException | None] = []

        async def run() -> None:
            try:
                await first
            except NekoError as error:
                outcome.append(error)
            else:
                outcome.append(None)

        async with asyncio.timeout(self.patience), asyncio.TaskGroup() as group:
            group.create_task(run())
            await asyncio.sleep(0)  # it has begun
            await then()
        return outcome[0]


class Check(msgspec.Struct, frozen=True):
    """One thing that every session must do: its name is a sentence about the session."""

    name: str
    run: Callable[[Trial], Awaitable[None]]
    needs: frozenset[Need] = frozenset()


def checks(
    *functions: Callable[[Trial], Awaitable[None]], needs: frozenset[Need] = frozenset()
) -> list[Check]:
    """Checks that are named as their functions are."""
    return [Check(function.__name__.replace("_", " "), function, needs) for function in functions]
