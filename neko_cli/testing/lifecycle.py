"""Tries an implementation of a session: what every one of them must do, whatever is behind it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec

from neko_cli.core.session import Session
from neko_cli.testing.life_checks import LIFE
from neko_cli.testing.release_checks import RELEASE
from neko_cli.testing.talk_checks import TALK
from neko_cli.testing.trial import Check, IsAnswer, Need, Trial

PATIENCE = 5.0
"""Seconds that one step of a check may take."""

STEPS = 8
"""A whole check may take so many times the patience."""

MakeSession = Callable[[], Awaitable[Session]]
"""Makes a session that is not started yet."""


class Report(msgspec.Struct, frozen=True):
    """Names of the checks that were passed, and of those that do not apply."""

    passed: tuple[str, ...]
    skipped: tuple[str, ...]


def check_names(
    *, has_microphone: bool = True, can_answer: bool = True, can_fail: bool = True
) -> tuple[str, ...]:
    """Names of the checks for a session like this; ``can_fail`` when there is a ``make_broken``."""
    have = {
        Need.MICROPHONE: has_microphone,
        Need.NO_MICROPHONE: not has_microphone,
        Need.ANSWERS: can_answer,
        Need.BROKEN: can_fail,
    }
    return tuple(check.name for check in CHECKS if all(have[need] for need in check.needs))


class SessionTester:
    """Runs checks, each on a fresh session, and looks that each leaves no task behind.

    ::

        tester = SessionTester(make, has_microphone=False)

        @pytest.mark.parametrize("name", tester.names)
        async def test_my_session(name):
            await tester.check(name)
    """

    def __init__(
        self,
        make: MakeSession,
        *,
        make_broken: MakeSession | None = None,
        has_microphone: bool = True,
        can_answer: bool = True,
        is_answer: IsAnswer | None = None,
        patience: float = PATIENCE,
        grace: float = 0.0,
    ) -> None:
        """What is to be tried.

        Args:
            make: makes a fresh session.
            make_broken: makes one whose start fails for good; without it those checks are left out.
            has_microphone: whether ``start_listening`` works; without, it must raise AudioError.
            can_answer: whether messages are answered, and what cannot be sent is refused.
            is_answer: whether a reply (the second text) answers a message (the first); without it any
                words will do.
            patience: seconds that one step may take.
            grace: seconds for tasks that are not the session's own (a server in the same loop) to end
                after it.
        """
        self._make = make
        self._make_broken = make_broken
        self._has_microphone = has_microphone
        self._can_answer = can_answer
        self._is_answer = is_answer
        self._patience = patience
        self._grace = grace

    @property
    def names(self) -> tuple[str, ...]:
        """The checks that apply."""
        return check_names(
            has_microphone=self._has_microphone,
            can_answer=self._can_answer,
            can_fail=self._make_broken is not None,
        )

    async def check(self, name: str) -> None:
        """Run one check; raises AssertionError that says what the session did wrong."""
        check = next(check for check in CHECKS if check.name == name)
        make = self._make_broken if Need.BROKEN in check.needs else self._make
        if make is None:
            raise ValueError(f"without make_broken this cannot be checked: {name}")
        before = asyncio.all_tasks()
        session = await make()
        try:
            await self._run(check, session)
        except BaseException:
            # What went wrong is on its way up; a clean-up that fails as well adds nothing.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(self._patience):
                    await session.cleanup()
            raise
        await self._expect_no_task(name, before)

    async def run(self) -> Report:
        """Run every check that applies; raises one AssertionError that tells all that failed."""
        failures: list[str] = []
        for name in self.names:
            try:
                await self.check(name)
            except AssertionError as error:
                failures.append(str(error))
        if failures:
            raise AssertionError("\n".join(failures))
        return Report(self.names, tuple(check.name for check in CHECKS if check.name not in self.names))

    async def _run(self, check: Check, session: Session) -> None:
        trial = Trial(
            session,
            has_microphone=self._has_microphone,
            can_answer=self._can_answer,
            is_answer=self._is_answer,
            patience=self._patience,
        )
        try:
            async with asyncio.timeout(STEPS * self._patience):
                await check.run(trial)
                await session.cleanup()
        except AssertionError as error:
            raise AssertionError(f"{check.name}: {error}") from error
        except TimeoutError as error:
            raise AssertionError(f"{check.name}: it takes too long") from error
        except Exception as error:
            raise AssertionError(f"{check.name}: it raised {error!r}") from error

    async def _expect_no_task(self, name: str, before: set[asyncio.Task[object]]) -> None:
        new = asyncio.all_tasks() - before
        if not new:
            return
        _, left = await asyncio.wait(new, timeout=self._grace)
        if left:
            names = ", ".join(sorted(task.get_name() for task in left))
            raise AssertionError(f"{name}: after cleanup tasks go on: {names}")


async def check_lifecycle(
    make: MakeSession,
    *,
    make_broken: MakeSession | None = None,
    has_microphone: bool = True,
    can_answer: bool = True,
    is_answer: IsAnswer | None = None,
    patience: float = PATIENCE,
    grace: float = 0.0,
) -> Report:
    """Try an implementation of a session with every check; see ``SessionTester``."""
    tester = SessionTester(
        make,
        make_broken=make_broken,
        has_microphone=has_microphone,
        can_answer=can_answer,
        is_answer=is_answer,
        patience=patience,
        grace=grace,
    )
    return await tester.run()


CHECKS: tuple[Check, ...] = (*LIFE, *TALK, *RELEASE)
"""Every check, in the order in which they are run."""
