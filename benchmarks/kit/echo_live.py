"""A character that talks through a real sound server, and a user who speaks over it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.kit.echo_bench import Pass, sound_of
from benchmarks.kit.echo_room import QUESTION, RATE, Sound, as_pcm, character, spoken
from benchmarks.kit.stats import Series
from neko_cli.audio.wav import WavWriter
from tests.real.pulse import PulseBox, missing_programs

ROOM = """
load-module module-remap-source source_name=room master=speaker.monitor channels=1 \
master_channel_map=front-left channel_map=mono remix=no
"""
"""The microphone hears the loudspeaker, and the user who is played into it as well."""


@dataclass(frozen=True)
class Live:
    """What came of it."""

    done: Pass
    began_s: float
    """When the user began, found in what the microphone heard."""
    p99_ms: float


def missing() -> list[str]:
    """Programs without which there is no sound server."""
    return missing_programs()


def talk(engine: str, *, seconds: float, speaks_s: float) -> Live:
    """The character talks for so long; at about ``speaks_s`` the user does."""
    with PulseBox(extra_config=ROOM) as box:
        box.pactl("set-source-volume", "room", "-6dB")
        played, out, raw, asked = (box.folder / name for name in ("played", "out", "raw", "asked.wav"))
        played.write_bytes(as_pcm(character(seconds)))
        voice = spoken(QUESTION, "en-us+f3")
        with WavWriter.create(asked, RATE) as file:
            file.write(as_pcm(voice))
        running = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kit.echo_real", played, out, raw, engine],
            env={**box.env, "PULSE_SOURCE": "room"},
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(speaks_s)
        speaker = subprocess.Popen(["paplay", "--device=speaker", str(asked)], env=box.env)
        printed, _ = running.communicate(timeout=seconds + 20)
        speaker.wait(timeout=20)
        done = Pass(RATE, sound_of(raw.read_bytes()), sound_of(out.read_bytes()))
    times = Series("frames", json.loads(printed)["frame_ms"])
    return Live(done, _found(done.near, voice), times.p99)


def _found(sound: Sound, wanted: Sound) -> float:
    """Where in a sound another one begins, in s."""
    size = 1 << (sound.size + wanted.size - 1).bit_length()
    alike = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    return int(np.argmax(alike[: sound.size])) / RATE
