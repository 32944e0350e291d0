"""A session with the embedded engine passes the lifecycle tester, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import Profile
from neko_cli.core.session import Session
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.session_thread import apart
from neko_cli.core.transport.websocket import WebSocketTransport
from neko_cli.local.config import EngineConfig
from neko_cli.local.responder.brain import Responder
from neko_cli.local.server import EngineServer
from neko_cli.testing import SessionTester, check_names
from tests.fakes.sound import FakeMicrophone
from tests.local.parts import ScriptedParts

TOKEN = "a-token"


@pytest.fixture(params=["on this thread", "on its own"])
async def tester(request: pytest.FixtureRequest) -> AsyncIterator[SessionTester]:
    """Makes sessions with an engine whose answers are its own and whose voice is a tone."""
    parts = ScriptedParts()
    parts.brain = Responder()  # type: ignore[assignment]
    async with EngineServer(parts, EngineConfig(), token=TOKEN) as server:

        def session(key: str) -> SessionManager:
            async def dial(profile: Profile, spec: SessionSpec) -> Codec:
                return make_codec("embedded", spec, url=server.url, key=key)

            return SessionManager(
                Profile(),
                SessionPorts(
                    clock=RealClock(),
                    transport=WebSocketTransport(),
                    dial=dial,
                    provider_title="The embedded engine",
                    microphone=FakeMicrophone,
                ),
            )

        async def make() -> Session:
            return await made(lambda: session(TOKEN))

        async def make_broken() -> Session:
            return await made(lambda: session("another token"))

        async def made(make: Callable[[], Session]) -> Session:
            return await apart(make) if request.param == "on its own" else make()

        # The server runs in the same loop, and ends its side of a connection after ours has gone.
        yield SessionTester(make, make_broken=make_broken, grace=5.0)


@pytest.mark.parametrize("name", check_names())
async def test_our_session(tester: SessionTester, name: str) -> None:
    await tester.check(name)
