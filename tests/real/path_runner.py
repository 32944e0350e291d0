"""A session with real sound and a real socket, that talks both ways and tells how it went.

A process of its own, for PortAudio. Usage: ``python -m tests.real.path_runner FOLDER TALK_SECONDS`` with the
replies as ``reply-N.pcm`` (24 kHz) in the folder; what the server heard becomes ``heard.pcm``. They are said
one after another, again and again, for at least TALK_SECONDS and once at least. Prints a JSON line when the
microphone is heard, waits for a line, talks, waits for another, and prints what it found.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.speaker import DeviceSpeaker
from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import find_provider, make_codec
from neko_cli.core.events import InputMode, TurnEnded
from neko_cli.core.manager import SessionManager
from neko_cli.core.pcm import duration_ms
from neko_cli.core.profile import parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.transport.by_scheme import SchemeTransport
from neko_cli.core.transport.chat_http import ChatTransport
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.fakes.speaking_server import SpeakingTalk
from tests.fakes.strict_server import StrictServer

LOOK_S = 1.0
OPEN_S = 10.0
BETWEEN_S = 0.3
PROFILE: dict[str, Any] = {
    "provider": {"name": "openai"},
    "sound": {"duplex": "full"},
    "turns": {"interrupt": False},  # both talk all the while
    "emotion": {"tags": "off"},
}


def say(**findings: object) -> None:
    print(json.dumps({"at": time.monotonic(), **findings}), flush=True)


async def line_from_test() -> str:
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


class Watch:
    """How much of everything there is, once a second."""

    def __init__(self, speaker: DeviceSpeaker, microphone: DeviceMicrophone, link: SpeakingTalk) -> None:
        self._speaker, self._microphone, self._link = speaker, microphone, link
        self.looks: list[dict[str, float]] = []

    def look(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.looks.append(
            {
                "at": time.monotonic(),
                "rss": pages * os.sysconf("SC_PAGE_SIZE"),
                "threads": len([*Path("/proc/self/task").iterdir()]),
                "files": len([*Path("/proc/self/fd").iterdir()]),
                "tasks": len(asyncio.all_tasks()),
                "microphone_ms": duration_ms(self._microphone._ring.available, self._microphone.rate),
                "speaker_ms": self._speaker.queued_ms,
                "heard": self._link.heard,
            }
        )

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()


async def talk(folder: Path, seconds: float) -> None:
    paths = sorted(folder.glob("reply-*.pcm"))
    replies = [path.read_bytes() for path in paths]
    speaker, microphone = DeviceSpeaker(), DeviceMicrophone()
    with (folder / "heard.pcm").open("wb") as heard:
        await converse(heard, replies, seconds, speaker, microphone)


async def converse(
    heard: BinaryIO,
    replies: list[bytes],
    seconds: float,
    speaker: DeviceSpeaker,
    microphone: DeviceMicrophone,
) -> None:
    async with StrictServer(SpeakingTalk) as server:
        server.memory["heard"] = heard
        said: list[int] = []
        server.memory["replies"] = Cycle(replies, said)

        async def dial(profile: Any, spec: Any) -> Any:
            return make_codec("openai", spec, url=server.url, key="test-key")

        ports = SessionPorts(
            clock=RealClock(),
            transport=SchemeTransport(WebSocketTransport(), ChatTransport()),
            dial=dial,
            provider_title=find_provider("openai").title,
            speaker=speaker,
            microphone=lambda: microphone,
            keep_standby=False,
        )
        session = SessionManager(parse(PROFILE, "test.toml"), ports)
        events = session.events()
        await session.start_session(InputMode.AUDIO)
        await session.start_listening()
        link = await server.talk(0)
        watch = Watch(speaker, microphone, link)
        async with asyncio.timeout(OPEN_S):
            await link.hears.wait()  # a device that is open may still be silent
        say(event="open", rate=[speaker.rate, microphone.rate], pid=os.getpid())
        await line_from_test()
        outcomes = []
        watching = asyncio.create_task(watch.run())
        began = time.monotonic()
        while time.monotonic() - began < seconds or len(said) < len(replies):
            await session.send_message("Go on.")
            async for event in events:
                if isinstance(event, TurnEnded):
                    outcomes.append((str(event.outcome), event.heard_ms))
                    break
            await speaker.drained()
            await asyncio.sleep(BETWEEN_S)
        say(event="talked", said=said)
        await line_from_test()
        watching.cancel()
        heard.flush()
        say(
            event="done",
            outcomes=outcomes,
            underruns=speaker.underruns,
            gaps=speaker.gaps,
            overflows=microphone.overflows,
            ran_dry=session._core.playout.jitter.underruns,
            lost_ms=session._core.playout.lost_ms,
            played=speaker.played,
            looks=watch.looks,
            wrong=server.wrong,
        )
        await session.cleanup()


class Cycle(list[bytes]):
    """Replies without end; notes which one was asked for."""

    def __init__(self, replies: list[bytes], said: list[int]) -> None:
        super().__init__(replies)
        self._said = said

    def __getitem__(self, number: Any) -> Any:
        at = number % len(self)
        self._said.append(at)
        return super().__getitem__(at)


if __name__ == "__main__":
    asyncio.run(talk(Path(sys.argv[1]), float(sys.argv[2])))
