"""Records a loudspeaker and a microphone that hears it, with our own devices, for a while.

A process of its own, because PortAudio is global to a process. Usage:
``python -m tests.real.tape_runner FILE SECONDS``.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from neko_cli.audio.loopback import SIGNAL_S, test_signal
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.speaker import DeviceSpeaker
from neko_cli.audio.tape import WavTape


async def record(path: str, seconds: str) -> None:
    """Play the test signal at the beginning and at the end."""
    tape = WavTape(Path(path), began=time.monotonic())
    microphone, speaker = DeviceMicrophone(), DeviceSpeaker(taps=[tape.loudspeaker])
    await microphone.open()
    await speaker.open()

    async def listen() -> None:
        async for frame in microphone.frames():
            tape.heard(frame, microphone.rate, live=True)

    async with asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        for wait in (1.0, float(seconds)):
            await asyncio.sleep(wait)
            speaker.play(test_signal(speaker.rate))
            await asyncio.sleep(SIGNAL_S + 0.5)
        listening.cancel()
    await speaker.close()
    await microphone.close()
    tape.close()


asyncio.run(record(*sys.argv[1:]))
