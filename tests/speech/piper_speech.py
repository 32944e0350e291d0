"""A piper voice behind a voice worker's thread, in the interpreter that has its packages.

    python piper_speech.py MODELS

Prints what came out: milliseconds of a speech, what follows an interruption, and whether it ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from neko_cli.core.pcm import duration_ms
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, VoiceTrouble
from neko_cli.core.profile import parse
from neko_cli.local.ports import Speech
from neko_cli.local.voice_source import LocalSource
from neko_cli.speech.tts.choose import VoiceNeeds, make_voice
from neko_cli.speech.tts.settings import VoiceSettings


async def main(models_dir: Path) -> dict[str, Any]:
    """Speak, interrupt, speak again."""
    troubles: list[VoiceTrouble] = []

    def local(name: str, settings: VoiceSettings) -> LocalSource:
        return LocalSource(name, Speech(speed=settings.speed), models_dir=models_dir)

    profile = parse({"speak": {"worker": "piper:tiny", "ready_seconds": 30}}, "test")
    voice = make_voice(profile, VoiceNeeds(lambda _: "", local), trouble=troubles.append)
    assert voice is not None
    found: dict[str, Any] = {}
    async with asyncio.timeout(45):
        try:
            await voice.start()
            sounds = voice.sounds()
            for speech in ("one", "two"):
                voice.say(speech, "Hello there. And more. ")
                voice.finish(speech)
                ms = 0.0
                while not isinstance(item := await anext(sounds), SpeechSpoken):
                    assert item.speech == speech
                    if isinstance(item, SpokenSound):
                        ms += duration_ms(len(item.pcm), item.rate)
                found[speech] = [ms, item.whole]
                voice.say(f"cut {speech}", "Hello there. And more. " * 20)
                assert isinstance(await anext(sounds), SpokenSound)
                voice.interrupt()
        finally:
            await voice.close()
    return {**found, "troubles": [str(trouble.error) for trouble in troubles]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
