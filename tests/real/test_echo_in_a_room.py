"""Open loudspeakers: the program does not hear itself, and hears the user (real sound, real terminal)."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from neko_cli.core.pcm import level_dbfs
from tests.real.conftest import require
from tests.real.program import Home
from tests.real.pulse import RATE, PulseBox, missing_programs
from tests.real.room import ALSA, looped_back
from tests.real.speech import speak_into
from tests.real.terminal import Terminal

pytestmark = [pytest.mark.real, pytest.mark.serial, pytest.mark.timeout(300)]

ECHO_DB = -6.0

STORY = (
    "Once upon a time a small cat lived in a terminal. It slept between two processes and woke up whenever "
    "somebody typed. One night the power failed, and the cat had to find its way in the dark. It listened to "
    "the fans as they came to rest."
)
QUESTION = "what is two plus two"


@dataclass
class Talk:
    """The running program, and what it told so far."""

    terminal: Terminal
    box: PulseBox
    log: Path
    question: Path

    def told(self) -> list[dict[str, Any]]:
        """The session's events."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        events = [json.loads(line) for line in lines if line.endswith("}")]
        return [one["event"] for one in events if "event" in one]

    def count(self, kind: str) -> int:
        """How many events of a kind were told."""
        return sum(one["type"] == kind for one in self.told())

    def ask_for_the_story(self) -> None:
        """Have the character say it; returns when it does."""
        self.terminal.type(f"repeat after me: {STORY}")
        self.terminal.press("Enter")
        self.terminal.wait_for("speaking", timeout=30)

    def listen_to(self, seconds: float) -> float:
        """Let the character talk for so long in all; returns how long it did."""
        talked = 0.0
        while talked < seconds:
            self.ask_for_the_story()
            begun = time.monotonic()
            self.terminal.wait_for("listening", timeout=60)
            talked += time.monotonic() - begun
        return talked

    def ask_aloud(self) -> None:
        """The user asks, over whatever is said."""
        self.box.play_as_microphone(self.question)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[PulseBox]:
    """A sound server with a way to measure how long its loop-back takes."""
    require(missing_programs() + ([] if shutil.which("tmux") else ["tmux"]))
    with PulseBox(extra_alsa=ALSA) as box:
        yield box


def talk_in(room: PulseBox, folder: Path, duplex: str) -> Talk:
    """The program, started, in this room; nothing is played yet."""
    home = Home(folder / "home", room.env)
    home.with_tables(f'\n[sound]\nduplex = "{duplex}"\n')
    question = speak_into(folder / "question.wav", QUESTION, rate=RATE)
    command = [*home.neko, "chat", "--profile", "test", "--record", str(folder / "talk.wav")]
    return Talk(Terminal(command, env=home.env), room, folder / "talk.jsonl", question)


LENGTHS = [
    pytest.param(8.0, id="briefly"),
    pytest.param(60.0, id="a minute", marks=pytest.mark.soak),
]


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("delay_ms", [60.0, 150.0])
def test_nothing_of_the_character_comes_back_as_the_user_who_is_heard_over_it(
    room: PulseBox, tmp_path: Path, delay_ms: float, seconds: float
) -> None:
    talk = talk_in(room, tmp_path, "auto")
    with looped_back(room, delay_ms, ECHO_DB), talk.terminal as terminal:
        terminal.wait_for("listening")
        assert talk.listen_to(seconds) >= seconds
        assert talk.count("speech_started") == 0, "it has heard itself"
        figures = [one for one in talk.told() if one["type"] == "sound"]
        assert figures[-1]["echo"] == "working"
        assert figures[-1]["full_duplex"]
        assert figures[-1]["erle_db"] >= 20
        talk.ask_for_the_story()
        time.sleep(3.0)
        recording = room.record_speaker()
        talk.ask_aloud()
        terminal.wait_for("interrupted", timeout=10)
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        assert level_dbfs(recording.stop()[-RATE // 20 * 2 :]) < -60.0, "the character is silent"
        terminal.wait_for("plus two is 4", timeout=20)
        terminal.press("C-q")
        assert terminal.exit_status() == 0
    said = [one for one in talk.told() if one["type"] == "user_text" and one["final"]]
    assert said[-1]["text"] == QUESTION


@pytest.mark.parametrize("seconds", LENGTHS)
def test_without_cancelling_half_duplex_holds(room: PulseBox, tmp_path: Path, seconds: float) -> None:
    talk = talk_in(room, tmp_path, "half")
    with looped_back(room, 60.0, ECHO_DB), talk.terminal as terminal:
        terminal.wait_for("listening")
        assert talk.listen_to(seconds) >= seconds
        assert talk.count("speech_started") == 0, "it has heard itself"
        talk.ask_for_the_story()
        time.sleep(2.0)
        assert "half duplex" in terminal.screen()
        terminal.press("C-q")
        assert terminal.exit_status() == 0
