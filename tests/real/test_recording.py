"""Recordings of real conversations with real sound: what is in them, and how they are replayed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from neko_cli.audio.loopback import find_echo
from neko_cli.audio.loopback import test_signal as signal_at
from tests.cli.provider import Provider
from tests.cli.running import KEY, ROOT, clean, command
from tests.real.pulse import RATE, PulseBox
from tests.real.test_sound_commands import run

# The sound server and the device have deadlines of milliseconds, which other tests would make them miss.
pytestmark = [pytest.mark.real, pytest.mark.serial]

TRIES = 3
"""A machine that lets the device run dry shows nothing of us; thrice in a row it does."""


def voice(path: Path) -> np.ndarray:
    """Two seconds of quiet, one of something unlike itself anywhere, and quiet again."""
    t = np.arange(RATE) / RATE
    said = np.rint(9000 * np.cos(2 * np.pi * (200 * t + 400 * t**2))).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(
            np.concatenate([np.zeros(2 * RATE, "<i2"), said, np.zeros(6 * RATE, "<i2")]).tobytes()
        )
    return said


def channels(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)


def sounding(samples: np.ndarray) -> np.ndarray:
    """From the first sample that is not silence to the last."""
    at = np.flatnonzero(samples)
    assert at.size, "nothing but silence"
    return samples[at[0] : at[-1] + 1]


def likeness(ours: np.ndarray, theirs: np.ndarray) -> float:
    """1 for the same sound, sample for sample; both begin with their first sound."""
    assert abs(len(ours) - len(theirs)) <= 2, (len(ours), len(theirs))
    n = min(len(ours), len(theirs))
    return float(np.corrcoef(ours[:n].astype(float), theirs[:n].astype(float))[0, 1])


def test_a_conversation_is_on_the_tape_as_it_was_heard(pulse_box: PulseBox, tmp_path: Path) -> None:
    said = voice(tmp_path / "said.wav")
    profiles = tmp_path / "config" / "profiles"
    profiles.mkdir(parents=True)
    # What is taken out of the microphone's sound besides the echo would be missing on the tape.
    (profiles / "whole.toml").write_text('extends = "default"\n[sound]\nduplex = "half"\n')
    for number in range(TRIES):
        talk = tmp_path / f"talk{number}.wav"
        at_the_sink = pulse_box.record_speaker()
        pulse_box.play_as_microphone(tmp_path / "said.wav")
        with Provider() as provider:
            done = run(
                pulse_box, tmp_path, "say", "--listen", "--play", "--record", str(talk),
                "--profile", "whole", "--provider", "openai", "--url", provider.url,
            )  # fmt: skip
        clean(done)
        assert done.returncode == 0
        left, right = channels(talk).T
        heard = sounding(np.frombuffer(at_the_sink.stop(), dtype="<i2"))
        if len(sounding(left)) == len(said) and len(sounding(right)) == len(heard):
            break
    assert likeness(sounding(left), said) == pytest.approx(1.0, abs=5e-4)
    assert likeness(sounding(right), heard) == pytest.approx(1.0, abs=5e-4)
    assert np.flatnonzero(right)[0] > np.flatnonzero(left)[-1], "the answer came after the question"
    log = talk.with_suffix(".jsonl")
    end = json.loads(log.read_text().splitlines()[-1])
    assert len(left) / RATE == pytest.approx(end["t"], abs=0.5), "as long as the log"
    for path in (talk, log):
        assert path.stat().st_mode & 0o077 == 0
    assert KEY not in log.read_text()


def test_it_is_heard_and_read_again(pulse_box: PulseBox, tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    with Provider() as provider:
        done = run(
            pulse_box, tmp_path, "say", "hello", "--play", "--record", str(talk),
            "--provider", "openai", "--url", provider.url,
        )  # fmt: skip
    clean(done)
    mixed = sounding(channels(talk).astype(float).mean(axis=1))
    for _ in range(TRIES):
        at_the_sink = pulse_box.record_speaker()
        done = run(pulse_box, tmp_path, "replay", str(talk))
        clean(done)
        heard = sounding(np.frombuffer(at_the_sink.stop(), dtype="<i2"))
        if len(heard) == len(mixed):
            break
    assert likeness(heard, mixed) == pytest.approx(1.0, abs=5e-4)
    lines = [line.partition("] ")[2] for line in done.stdout.decode().splitlines()]
    assert [line for line in lines if not line.startswith("·")] == ["You: hello", "Neko: You said: hello"]

    at_the_sink = pulse_box.record_speaker()
    clean(run(pulse_box, tmp_path, "replay", str(talk), "--speed", "2"))
    heard = np.frombuffer(at_the_sink.stop(), dtype="<i2")
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 30)  # a resampler's silence is not quite silent
    assert loud[-1] - loud[0] == pytest.approx(len(mixed) / 2, rel=0.15)


def test_ctrl_c_ends_a_replay_at_once(pulse_box: PulseBox, tmp_path: Path) -> None:
    voice(tmp_path / "said.wav")
    env = {**pulse_box.env, "NEKO_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    at_the_sink = pulse_box.record_speaker()
    playing = subprocess.Popen(
        command("replay", str(tmp_path / "said.wav"), "--from", "2"),
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    at_the_sink.wait_for_sound()
    began = time.monotonic()
    playing.send_signal(signal.SIGINT)
    out, err = playing.communicate(timeout=10)
    assert (playing.returncode, out, err) == (130, b"", b"")
    assert time.monotonic() - began < 2.5


def test_a_program_that_is_killed_leaves_a_recording_that_plays(pulse_box: PulseBox, tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    env = {**pulse_box.env, "NEKO_HOME": str(tmp_path), "OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    with Provider() as provider:
        saying = subprocess.Popen(
            command(
                "say", "--lines", "--play", "--record", str(talk), "--provider", "openai",
                "--url", provider.url,
            ),
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert saying.stdin is not None
        assert saying.stdout is not None
        saying.stdin.write(b"hello\n")
        saying.stdin.flush()
        assert saying.stdout.readline() == b"You said: hello\n"
        deadline = time.monotonic() + 10
        while not talk.exists() or not channels(talk)[:, 1].any():
            assert time.monotonic() < deadline, "nothing of it on disk in time"
            time.sleep(0.1)
        time.sleep(1.2)  # the header follows within a second
        os.kill(saying.pid, signal.SIGKILL)
        saying.wait(timeout=10)
        for stream in (saying.stdin, saying.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    right = channels(talk)[:, 1]
    assert len(sounding(right)) == pytest.approx(0.4 * RATE, rel=0.02)
    done = run(pulse_box, tmp_path, "replay", str(talk.with_suffix(".jsonl")), "--no-sound")
    clean(done)
    assert done.returncode == 0
    assert b"You: hello" in done.stdout


@pytest.mark.parametrize(("turns", "code", "end"), [(30, 0, " The conversation goes on."), (1, 2, "")])
def test_a_full_disk_is_told_once_and_the_conversation_goes_on(
    tmp_path: Path, turns: int, code: int, end: str
) -> None:
    talk = tmp_path / "talk.wav"
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000));"
        "from neko_cli.__main__ import program; sys.argv[0] = 'neko'; sys.exit(program())"
    )
    env = {
        "PATH": os.environ["PATH"],
        "NEKO_HOME": str(tmp_path),
        "OPENAI_API_KEY": KEY,
        "PYTHONPATH": str(ROOT),
    }
    with Provider() as provider:
        done = subprocess.run(
            [sys.executable, "-c", limited, "say", "--lines", "--record", str(talk),
             "--provider", "openai", "--url", provider.url],
            input=b"hello\n" * turns, env=env, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    clean(done)
    assert done.stdout == b"You said: hello\n" * turns
    assert done.returncode == code
    told = [line for line in done.stderr.decode().splitlines() if "cannot be written any more" in line]
    assert len(told) == 1
    assert told[0].endswith(f"File too large.{end}")


@pytest.mark.timeout(60)
def test_both_sides_keep_their_distance(tmp_path: Path) -> None:
    """A microphone that hears the loudspeaker is as late on the tape as it was, at its end, too."""
    loop = "load-module module-loopback source=speaker.monitor sink=mic_in latency_msec=60\n"
    path = tmp_path / "talk.wav"
    with PulseBox(extra_config=loop) as box:
        subprocess.run(
            [sys.executable, "-m", "tests.real.tape_runner", str(path), "8"],
            env={**box.env, "PYTHONPATH": str(ROOT)}, cwd=ROOT, check=True, timeout=50,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    left, right = channels(path).T
    late = []
    for part in (slice(0, 5 * RATE), slice(8 * RATE, None)):
        played = find_echo(right[part].tobytes(), RATE, np.flatnonzero(right[part])[0] / RATE)
        heard = find_echo(left[part].tobytes(), RATE, np.flatnonzero(right[part])[0] / RATE)
        assert played is not None
        assert heard is not None
        assert played.delay_ms == pytest.approx(0.0, abs=0.1)
        late.append(heard.delay_ms)
    assert late[0] == pytest.approx(50.0, abs=15.0)
    assert late[1] == pytest.approx(late[0], abs=5.0)
    assert signal_at(RATE)
