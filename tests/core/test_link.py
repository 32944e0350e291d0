"""One connection: what a frame brings is taken whole, and in order."""

from __future__ import annotations

import json

import pytest

from neko_cli.core.errors import CredentialsError
from neko_cli.core.events import Failure, InputMode, ReplyAudio, ReplyText, TurnEnded
from neko_cli.core.ports import Endpoint
from tests.fakes.staging import COLD, staged
from tests.fakes.virtual import virtual


class Bundling:
    """Reads several events out of one frame, as providers send them that put a reply's parts together."""

    def __init__(self, codec) -> None:
        self._codec = codec

    def __getattr__(self, name):
        return getattr(self._codec, name)

    def decode(self, frame):
        told = json.loads(frame)
        parts = told if isinstance(told, list) else [told]
        return [event for part in parts for event in self._codec.decode(json.dumps(part))]


@virtual
async def test_all_parts_of_a_frame_are_taken():
    async with staged(COLD) as stage:
        dial = stage.core.links._dial

        async def bundled(profile, spec):
            return Bundling(await dial(profile, spec))

        stage.core.links._dial = bundled
        server = await stage.start()
        await stage.session.send_message("speak")
        parts: list = []
        server.raw = lambda frame: parts.append(json.loads(frame))
        server.begin("r1")
        for word in ("One ", "two ", "three."):
            server.words("r1", word, spoken=True)
            server.sound("r1", 100)
        server.done("r1")
        del server.raw
        server.raw(json.dumps(parts))
        ended = await stage.until(TurnEnded)
        assert ended.text == "".join(text.delta for text in stage.told(ReplyText)) == "One two three."
        assert sum(sound.ms for sound in stage.told(ReplyAudio)) == 300.0


class Keyed:
    """Goes to the provider with a key of no known shape."""

    KEY = "zhipu.0123456789.secret"

    def __init__(self, codec) -> None:
        self._codec = codec

    def __getattr__(self, name):
        return getattr(self._codec, name)

    def endpoint(self):
        return Endpoint(url="ws://localhost/x?model=m", headers={"Authorization": f"Bearer {self.KEY}"})


def keyed(stage) -> None:
    dial = stage.core.links._dial

    async def made(profile, spec):
        return Keyed(await dial(profile, spec))

    stage.core.links._dial = made


@pytest.mark.parametrize("repeated", [Keyed.KEY, Keyed.KEY[:12], f"Bearer {Keyed.KEY}"])
@virtual
async def test_a_key_that_the_provider_repeats_is_told_to_nobody(repeated):
    said = f"No luck with {repeated} today."
    async with staged(COLD) as stage:
        keyed(stage)
        server = await stage.start()
        server.tell("error", error={"type": "invalid_request_error", "code": "odd", "message": said})
        fault = await stage.until(Failure)
        await stage.session.send_message("Hello.")
        server.begin("r1")
        server.done("r1", "failed", error={"type": "server_error", "code": "odd", "message": said})
        failed = await stage.until(Failure)
        server.drop(1011, said)
        lost = await stage.until(Failure)
        for told in (fault, failed, lost):
            assert "No luck with" in told.message
            assert Keyed.KEY[:8] not in told.message + told.hint
        assert "today" in fault.message


@virtual
async def test_a_key_that_the_provider_repeats_when_it_refuses_is_told_to_nobody():
    async with staged(COLD) as stage:
        keyed(stage)
        stage.transport.error = CredentialsError(f"The key {Keyed.KEY} is wrong.", hint=f"Not {Keyed.KEY}?")
        with pytest.raises(CredentialsError) as refused:
            await stage.session.start_session(InputMode.TEXT)
        assert Keyed.KEY[:8] not in str(refused.value)
        assert "is wrong" in str(refused.value)
