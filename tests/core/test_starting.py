"""Starts that meet, and starts that are called off; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.errors import CredentialsError, LinkError, NekoError
from neko_cli.core.events import InputMode, LinkWord, Status
from tests.fakes.staging import COLD, staged, works
from tests.fakes.virtual import virtual


@virtual
async def test_two_starts_at_once_are_both_over_when_the_link_is_configured():
    async with staged(COLD) as stage:
        starts = [asyncio.ensure_future(stage.session.start_session(InputMode.TEXT)) for _ in range(2)]
        server = await stage.transport.accepted()
        await asyncio.sleep(1.0)
        assert not any(start.done() for start in starts)
        await server.configured()
        await asyncio.gather(*starts)
        assert stage.session.state.link is LinkWord.ONLINE
        assert stage.transport.connections.empty()


@pytest.mark.parametrize("error", [CredentialsError("The key was rejected."), LinkError("No route.")])
@virtual
async def test_two_starts_at_once_that_cannot_succeed_are_both_told_so(error):
    async with staged(COLD) as stage:
        stage.transport.error = error
        starts = [stage.session.start_session(InputMode.TEXT) for _ in range(2)]
        async with asyncio.timeout(60.0):
            raised = await asyncio.gather(*starts, return_exceptions=True)
        assert [type(each) for each in raised] == [type(error)] * 2
        assert stage.session.state.status is Status.ERROR
        stage.transport.error = None
        await works(stage, await stage.start())


@pytest.mark.parametrize("way", ["ended", "cancelled"])
@virtual
async def test_a_start_that_is_called_off_ends_the_other_one_as_well(way):
    async with staged(COLD) as stage:
        first, second = (asyncio.ensure_future(stage.session.start_session(InputMode.TEXT)) for _ in range(2))
        await stage.transport.accepted()
        if way == "ended":
            await stage.session.end_session()
        else:
            first.cancel()
        async with asyncio.timeout(5.0):
            _, error = await asyncio.gather(first, second, return_exceptions=True)
        assert isinstance(error, NekoError)
        await works(stage, await stage.start())


@pytest.mark.parametrize("steps", range(12))
@virtual
async def test_a_start_that_is_cancelled_at_any_moment_leaves_a_session_that_can_be_started(steps):
    async with staged(COLD) as stage:
        starting = asyncio.ensure_future(stage.session.start_session(InputMode.TEXT))
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        while not stage.transport.connections.empty():
            stage.transport.connections.get_nowait()
        await works(stage, await stage.start())
