"""One connection: what a frame brings is taken whole, and in order."""

from __future__ import annotations

import json

from neko_cli.core.events import ReplyAudio, ReplyText, TurnEnded
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
