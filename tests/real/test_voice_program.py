"""The program itself with a chat server that only writes: what it says, and what a sound server hears."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neko_cli.core.pcm import Resampler
from neko_cli.local.ports import VOICE_RATE, Speech
from tests.cli.running import clean, command, environment
from tests.fakes.read_aloud import (
    ALIKE,
    chat_server,
    envelope,
    messages,
    spoken_alone,
    voice_processes,
    writes,
)
from tests.real.conftest import require
from tests.real.pulse import RATE, PulseBox, Recording
from tests.real.terminal import Terminal

pytestmark = pytest.mark.serial

FIRST, SECOND = "The cat sat on the mat.", "Then it looked at the dog."
TEXT = f"{FIRST} {SECOND}"
SILENT = 20
PROFILE = """
extends = "default"
[emotion]
tags = "off"
[speak]
worker = "espeak"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a profile that reads replies aloud."""
    profiles = tmp_path / "home" / "config" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "aloud.toml").write_text(PROFILE)
    return tmp_path / "home"


def program(name: str, url: str, *arguments: str) -> list[str]:
    return command(name, *arguments, "--profile", "aloud", "--provider", "chat", "--url", url)


class Listener:
    """What a sound server hears."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._from = 0

    def forget(self) -> None:
        """Only what is recorded from now on counts."""
        self._from = len(self.recording.path.read_bytes())

    @property
    def heard(self) -> bytes:
        """From the first to the last sample that is heard, at the rate of the voice."""
        recorded = self.recording.path.read_bytes()[self._from :]
        resampler = Resampler(RATE, VOICE_RATE)
        return audible(resampler.push(recorded[: len(recorded) & ~1]) + resampler.drain())

    def hears(self, seconds: float) -> None:
        """Wait for so much."""
        wait_for(lambda: seconds_of(self.heard) >= seconds)


def audible(pcm: bytes) -> bytes:
    """A recording or a speech without the silence around it."""
    at = np.flatnonzero(np.abs(np.frombuffer(pcm, dtype="<i2").astype(int)) > SILENT)
    return pcm[2 * at[0] : 2 * at[-1] + 2] if len(at) else b""


def seconds_of(pcm: bytes) -> float:
    return len(pcm) / 2 / VOICE_RATE


def wait_for(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def ends_with(heard: bytes, speech: bytes) -> bool:
    """Whether the last that was heard is this speech, whole."""
    loudness, wanted = envelope(heard), envelope(audible(speech))
    longest = min(len(loudness), len(wanted))
    return bool(
        longest >= len(wanted) - 3
        and max(np.corrcoef(loudness[-longest:], np.roll(wanted, by)[-longest:])[0, 1] for by in range(-3, 4))
        > ALIKE
    )


def enter(terminal: Terminal, line: str) -> None:
    terminal.type(line)
    terminal.press("Enter")


def test_say_writes_the_reply_as_it_was_read_aloud(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "reply.wav"
    reference = asyncio.run(spoken_alone(tmp_path, FIRST, SECOND))
    with chat_server(writes(*(f"{word} " for word in TEXT.split()))) as box:
        done = subprocess.run(
            program("say", box.url, "Tell a story.", "--out", str(out)),
            env=environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=40,
            check=False,
        )
        clean(done)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{TEXT}\n".encode(), b"")
        assert messages(box, 0)[-1] == ("user", "Tell a story.")
    with wave.open(str(out), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, VOICE_RATE)
        assert file.readframes(file.getnframes()) == b"".join(reference)


@pytest.mark.real
def test_say_plays_the_reply_while_it_is_written(pulse_box: PulseBox, home: Path, tmp_path: Path) -> None:
    first_heard = threading.Event()
    reference = b"".join(asyncio.run(spoken_alone(tmp_path, FIRST, SECOND)))
    listener = Listener(pulse_box.record_speaker())
    with chat_server(writes(f"{FIRST} Th", first_heard, "en it looked at the dog.")) as box:
        process = subprocess.Popen(
            program("say", box.url, "Tell a story.", "--play"),
            env=environment(home, **pulse_box.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        listener.hears(0.5)
        assert process.poll() is None
        first_heard.set()
        out, errors = process.communicate(timeout=40)
    assert (process.returncode, out, errors) == (0, f"{TEXT}\n".encode(), b"")
    assert ends_with(listener.heard, reference)
    assert seconds_of(listener.heard) <= seconds_of(audible(reference)) + 0.02


@pytest.mark.real
@pytest.mark.timeout(120)
def test_the_app_stops_reading_when_one_types_and_takes_another_voice(
    pulse_box: PulseBox, home: Path, tmp_path: Path
) -> None:
    require([] if shutil.which("tmux") else ["tmux"])
    normal, quick = (
        asyncio.run(spoken_alone(tmp_path, SECOND, speech=Speech(speed=speed)))[0] for speed in (1.0, 1.5)
    )
    listener = Listener(pulse_box.record_speaker())
    env = environment(home, **pulse_box.env)
    with (
        chat_server(writes(f"{FIRST} " * 20), writes(SECOND)) as box,
        Terminal(program("chat", box.url, "--text"), env=env, rows=30) as terminal,
    ):
        terminal.wait_for("idle")
        enter(terminal, "tell a story")
        listener.hears(1.6)
        enter(terminal, "listen")
        terminal.wait_for(SECOND)
        terminal.wait_for("idle")
        heard = listener.heard
        assert ends_with(heard, normal)
        assert seconds_of(heard) < 10, "the whole story takes 25 s"

        (old,) = voice_processes(terminal.pid)
        edited = PROFILE.replace('"espeak"', '"espeak"\nspeed = 1.5')
        (home / "config" / "profiles" / "aloud.toml").write_text(edited)
        wait_for(lambda: voice_processes(terminal.pid) not in ([], [old]))
        listener.forget()
        enter(terminal, "and now?")
        listener.hears(0.5)
        terminal.wait_for("idle")
        terminal.press("C-q")
        assert terminal.exit_status() == 0
        roles, texts = zip(*messages(box, 1), strict=True)
    assert ends_with(listener.heard, quick)
    assert seconds_of(listener.heard) <= seconds_of(audible(quick)) + 0.02
    assert roles == ("system", "user", "assistant", "user")
    assert texts[1::2] == ("tell a story", "listen")
    assert f"{FIRST} " * 5 > texts[2] >= FIRST, "what was heard, not what was written"
