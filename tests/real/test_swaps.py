"""The real program against a real server that ends each session after a few seconds.

A file with spoken sentences is sent in real time. Links come and go all the while, and still each
sample reaches the servers once (plus what is sent again on purpose), and each sentence is heard once.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neko_cli.audio.wav import WavReader
from tests.fakes.wiretap import Wiretap
from tests.real.program import Home
from tests.real.speech import speak_into

pytestmark = pytest.mark.serial

RATE = 24_000
SESSION_S = 3.0
TOKEN = "a-token-of-the-test"
SENTENCES = ("what time is it", "what is two plus two", "tell me your name", "stop talking please")
"""Those of the profile's closed grammar (``tests/real/program.py``)."""

GAP_MS = 20.0
"""The most that a planned swap may hold the microphone back."""

HICCUP_MS = 250.0
"""What a busy machine may make of one of many."""

Json = dict[str, Any]


@contextmanager
def server(home: Home) -> Iterator[str]:
    """``neko serve`` with short sessions; gives its address."""
    process = subprocess.Popen(
        [*home.neko, "serve", "--port", "0", "--profile", "test"]
        + ["--insecure-test", "--session-limit", str(SESSION_S)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=home.env,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)
        assert "Traceback" not in errors, errors


def sentences(seconds: float) -> list[str]:
    """Enough sentences for so many seconds of sound, in an order without a pattern."""
    choose = random.Random(3)
    return [choose.choice(SENTENCES) for _ in range(round(seconds / 3.1))]


def samples_of(path: Path) -> np.ndarray:
    reader = WavReader.open(str(path))
    try:
        return np.frombuffer(b"".join(reader.chunks(20)), np.int16)
    finally:
        reader.close()


def talk(home: Home, url: str, wav: Path, seconds: float) -> list[Json]:
    """What ``neko say`` tells about sending the file."""
    done = home.run(
        "say", "--profile", "test", "--provider", "embedded", "--url", url,
        "--audio", str(wav), "--pace", "realtime", "--json",
        timeout=seconds + 60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(home: Home, folder: Path, seconds: float) -> None:
    """All promises about a spoken conversation of that length."""
    spoken = sentences(seconds)
    wav = speak_into(folder / "talk.wav", *spoken, rate=RATE)
    file = samples_of(wav)
    with server(home) as address, Wiretap(address) as tap:
        events = talk(home, tap.url, wav, len(file) / RATE)
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, events)))  # for who looks for a fault
    swaps = [event for event in events if event["type"] == "swap"]
    heard = [event["text"] for event in events if event["type"] == "user_text" and event["final"]]

    assert heard == spoken
    assert len(swaps) >= len(file) / RATE / SESSION_S - 1
    assert all(swap["planned"] for swap in swaps), [swap for swap in swaps if not swap["planned"]]
    gaps = [swap["gap_ms"] for swap in swaps]
    assert statistics.median(gaps) <= GAP_MS, gaps
    assert max(gaps) <= HICCUP_MS, gaps
    check_samples(file, tap.links, swaps)
    answers = [event for event in events if event["type"] == "turn_ended"]
    assert len(answers) == len(spoken)


def check_samples(file: np.ndarray, links: list[bytearray], swaps: list[Json]) -> None:
    """Without what was sent again, the servers have received the file, then silence, and no more."""
    used = [np.frombuffer(bytes(link), np.int16) for link in links if link]
    again = [0, *(round(swap["resent_ms"] * RATE / 1000) for swap in swaps)]
    received = np.zeros(0, np.int16)
    for link, n_again in zip(used, again, strict=True):
        assert n_again <= len(link)
        assert np.array_equal(received[len(received) - n_again :], link[:n_again]), "another sound again"
        received = np.concatenate([received, link[n_again:]])
    assert len(received) >= len(file)
    assert np.array_equal(received[: len(file)], file), "not the sound of the file"
    assert not received[len(file) :].any(), "the silence after the file is not silent"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", {"NEKO_TOKEN": TOKEN, "PULSE_SERVER": "unix:/nonexistent"})


@pytest.mark.timeout(180)
def test_half_a_minute_of_speech_over_sessions_of_three_seconds(home: Home, tmp_path: Path) -> None:
    check(home, tmp_path, 30.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_ten_minutes_of_speech_over_sessions_of_three_seconds(home: Home, tmp_path: Path) -> None:
    check(home, tmp_path, 600.0)
