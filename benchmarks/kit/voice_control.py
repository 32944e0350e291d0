"""The least that a voice client can be, sounddevice and websockets alone: the floor in practice."""

import asyncio
import base64
import json
import sys

import sounddevice
from websockets.asyncio.client import connect

RATE, BLOCK = 24_000, 240
waiting = bytearray()


def fill(out, frames, time, status):
    n = min(len(out), len(waiting))
    out[:n], out[n:] = waiting[:n], bytes(len(out) - n)
    del waiting[:n]


async def main(url):
    loop, heard = asyncio.get_running_loop(), asyncio.Queue()
    sound = {"samplerate": RATE, "blocksize": BLOCK, "channels": 1, "dtype": "int16", "latency": "low"}
    async with connect(url, compression=None, max_size=None) as socket:

        async def send():
            while True:
                audio = base64.b64encode(await heard.get()).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))

        def hear(block, frames, time, status):
            loop.call_soon_threadsafe(heard.put_nowait, bytes(block))

        await socket.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        with (
            sounddevice.RawOutputStream(callback=fill, **sound),
            sounddevice.RawInputStream(callback=hear, **sound),
        ):
            sender = loop.create_task(send())
            async for frame in socket:
                event = json.loads(frame)
                if event["type"] == "response.output_audio.delta":
                    waiting.extend(base64.b64decode(event["delta"]))
                elif event["type"] == "input_audio_buffer.speech_started":
                    waiting.clear()
            sender.cancel()


asyncio.run(main(sys.argv[1]))
