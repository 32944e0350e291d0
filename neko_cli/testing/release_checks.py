"""Checks that everything of a session can be released, whatever it is doing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from neko_cli.core.errors import NekoError
from neko_cli.core.events import InputMode, SessionEnded, TurnStarted
from neko_cli.testing.trial import Check, Need, Trial, checks
from neko_cli.testing.witness import expect


async def _fresh(trial: Trial) -> None:
    """Nothing has happened yet."""


async def _up(trial: Trial) -> None:
    await trial.start()


async def _listening(trial: Trial) -> None:
    await trial.start(InputMode.AUDIO)
    await trial.session.start_listening()


async def _paused(trial: Trial) -> None:
    await trial.start()
    await trial.session.pause()


async def _replying(trial: Trial) -> None:
    witness = trial.witness()
    await trial.start()
    turn = await trial.session.send_message("Tell me something.")
    await witness.until(TurnStarted, turn=turn)


async def _swapping(trial: Trial) -> None:
    await trial.start()
    await trial.session.swap()


async def _ended(trial: Trial) -> None:
    await trial.start()
    await trial.session.end_session()


async def _failed(trial: Trial) -> None:
    await trial.refuses(trial.session.start_session(InputMode.TEXT), "a start that cannot succeed")


def _cleanup(state: str, reach: Callable[[Trial], Awaitable[None]], *needs: Need) -> Check:
    async def run(trial: Trial) -> None:
        witness = trial.witness()
        await reach(trial)
        ran = bool(trial.session.state.is_active)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(trial.session.cleanup())
        trial.expect_off("after cleanup")
        await trial.session.cleanup()
        if ran:
            await witness.rest()
            expect(isinstance(witness.seen[-1], SessionEnded), "cleanup did not tell session_ended last")

    return Check(f"cleanup is safe when {state}", run, frozenset(needs))


async def cleanup_is_safe_while_it_starts(trial: Trial) -> None:
    """The start then ends, with a NekoError when it was not over."""
    session = trial.session
    error = await trial.beside(session.start_session(InputMode.TEXT), session.cleanup)
    expect(error is None or isinstance(error, NekoError), f"the start raised {error!r}")
    trial.expect_off("after a cleanup during the start")
    await session.cleanup()


RELEASE = [
    *checks(cleanup_is_safe_while_it_starts),
    _cleanup("it was never started", _fresh),
    _cleanup("it is up", _up),
    _cleanup("it listens", _listening, Need.MICROPHONE),
    _cleanup("it is paused", _paused),
    _cleanup("it is about to swap", _swapping),
    _cleanup("it has ended", _ended),
    _cleanup("a reply is under way", _replying, Need.ANSWERS),
    _cleanup("its start has failed", _failed, Need.BROKEN),
]
"""``cleanup`` from every state, twice at once and once more."""
