"""The session manager passes the lifecycle tester, against a provider in memory that answers by itself."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from neko_cli.core.errors import CredentialsError, NoMicrophone
from neko_cli.core.ports import Endpoint
from neko_cli.testing import SessionTester, check_names
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
from tests.fakes.wire import FakeConnection

PAUSE = 0.01
"""Seconds between the pieces of a slow reply."""


class AnsweringConnection(FakeConnection):
    """Plays the hand-shake and answers each message from within ``send``: at once, or bit by bit."""

    def __init__(self, endpoint: Endpoint, *, slow: bool) -> None:
        super().__init__(endpoint)
        self._slow = slow
        self._text = ""
        self._replies = itertools.count(1)
        self._going: list[asyncio.TimerHandle] = []
        self._session("session.created")

    def _session(self, kind: str) -> None:
        self.tell(kind, session={"type": "realtime", "id": "sess_1", "model": "m"})

    async def send(self, frame: str | bytes) -> None:
        await super().send(frame)
        sent: dict[str, Any] = self.to_server.get_nowait()
        match sent["type"]:
            case "session.update":
                self._session("session.updated")
            case "conversation.item.create" if sent["item"]["role"] == "user":
                self._text = f"You said: {sent['item']['content'][0]['text']}"
            case "response.create":
                self._answer(f"{id(self)}-{next(self._replies)}")
            case "response.cancel" if self._going:
                self._stop()
                self.done(self._reply, "cancelled", type="cancelled", reason="client_cancelled")

    def _answer(self, reply: str) -> None:
        if not self._slow:
            self.reply(reply, self._text)
            return
        self._reply = reply
        self.begin(reply)
        steps: list[Callable[[], None]] = [
            partial(self.words, reply, self._text[:5], spoken=True),
            partial(self.sound, reply, 60),
            partial(self.words, reply, self._text[5:], spoken=True),
            partial(self.sound, reply, 60),
            partial(self._finish, reply),
        ]
        loop = asyncio.get_running_loop()
        self._going = [loop.call_later(n * PAUSE, step) for n, step in enumerate(steps, start=1)]

    def _finish(self, reply: str) -> None:
        self._stop()
        self.done(reply)

    def _stop(self) -> None:
        for handle in self._going:
            handle.cancel()
        self._going = []

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._stop()
        await super().close(code, reason)


class PlayingSpeaker(FakeSpeaker):
    """A loudspeaker that plays what it is given within a moment."""

    def play(self, pcm: bytes) -> int:
        asyncio.get_running_loop().call_later(PAUSE, self.advance, 1000.0)
        return super().play(pcm)


@pytest.fixture(params=["at once", "bit by bit", "aloud"])
def tester(request: pytest.FixtureRequest, make_stage) -> SessionTester:
    """Makes sessions of our own kind, with a provider that answers like this."""

    def answering_stage():
        stage = make_stage(speaker=PlayingSpeaker() if request.param == "aloud" else None)

        async def answer(endpoint: Endpoint, *, timeout: float = 10.0) -> FakeConnection:
            if stage.transport.error is not None:
                raise stage.transport.error
            return AnsweringConnection(endpoint, slow=request.param != "at once")

        stage.transport.open = answer
        return stage

    async def make():
        return answering_stage().session

    async def make_broken():
        stage = answering_stage()
        stage.transport.error = CredentialsError("The key was rejected.", code="invalid_api_key")
        return stage.session

    return SessionTester(make, make_broken=make_broken, is_answer=lambda text, reply: text in reply)


@pytest.mark.parametrize("name", ["it says that there is no microphone", "it pauses and resumes"])
async def test_our_session_without_a_microphone(make_stage, name: str) -> None:
    async def make():
        error = NoMicrophone("There is no microphone.")
        stage = make_stage(microphone=lambda: FakeMicrophone(error=error))
        stage.transport.open = connect
        return stage.session

    async def connect(endpoint: Endpoint, *, timeout: float = 10.0) -> FakeConnection:
        return AnsweringConnection(endpoint, slow=False)

    await SessionTester(make, has_microphone=False).check(name)


@pytest.mark.parametrize("name", check_names())
async def test_our_session(tester: SessionTester, name: str) -> None:
    await tester.check(name)
