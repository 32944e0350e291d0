"""``neko replay`` as a program, without sound: files, times, errors, interruption."""

from __future__ import annotations

import json
import signal
import time
import wave
from pathlib import Path

import pytest

from tests.cli.running import clean, neko, start

HEADER = {"format": "neko-recording", "version": 1, "character": "Mio"}


def log(path: Path, *told: tuple[float, str]) -> Path:
    """A log of things that the user said."""
    events = [
        {
            "t": at,
            "dir": "event",
            "event": {"type": "user_text", "at": at, "turn": 1, "text": text, "final": True},
        }
        for at, text in told
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in (HEADER, *events)))
    return path


def sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(4 * 48_000))
    return path


def test_the_lines_alone_come_at_once(tmp_path: Path) -> None:
    path = log(tmp_path / "talk.jsonl", (1.0, "hello"), (3000.0, "later \x1b[31m"))
    began = time.monotonic()
    done = neko("replay", str(path), "--no-sound", home=tmp_path)
    clean(done)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"[00:01.0] You: hello\n[50:00.0] You: later\n"
    assert time.monotonic() - began < 20


def test_the_log_is_found_beside_the_sound_and_the_other_way_round(tmp_path: Path) -> None:
    log(tmp_path / "talk.jsonl", (0.0, "hello"))
    sound(tmp_path / "talk.wav")
    for name in ("talk.wav", "talk.jsonl"):
        done = neko("replay", str(tmp_path / name), "--no-sound", home=tmp_path)
        assert done.stdout == b"[00:00.0] You: hello\n"


def test_they_come_in_their_time_and_from_where_one_likes(tmp_path: Path) -> None:
    path = log(tmp_path / "talk.jsonl", (1.0, "before"), (10.0, "one"), (14.0, "two"))
    playing = start(["replay", str(path), "--no-sound", "--from", "10", "--speed", "4"], home=tmp_path)
    assert playing.stdout is not None
    assert playing.stdout.readline() == b"[00:10.0] You: one\n"
    began = time.monotonic()
    assert playing.stdout.readline() == b"[00:14.0] You: two\n"
    assert 0.7 < time.monotonic() - began < 4.0
    playing.communicate(timeout=10)
    assert playing.returncode == 0


def test_a_log_alone_is_replayed_without_asking_for_sound(tmp_path: Path) -> None:
    done = neko("replay", str(log(tmp_path / "talk.jsonl", (0.1, "hello"))), home=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"[00:00.1] You: hello\n")
    assert b"no talk.wav beside it" in done.stderr


def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    path = log(tmp_path / "talk.jsonl", (0.0, "hello"), (1000.0, "never"))
    playing = start(["replay", str(path), "--no-sound", "--speed", "1"], home=tmp_path)
    assert playing.stdout is not None
    assert playing.stdout.readline() == b"[00:00.0] You: hello\n"
    began = time.monotonic()
    playing.send_signal(signal.SIGINT)
    out, err = playing.communicate(timeout=10)
    assert (playing.returncode, out, err) == (130, b"", b"")
    assert time.monotonic() - began < 3


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    path = log(tmp_path / "talk.jsonl", *((0.1 * n, "x" * 1000) for n in range(300)))
    playing = start(["replay", str(path), "--no-sound"], home=tmp_path)
    assert playing.stdout is not None
    playing.stdout.readline()
    playing.stdout.close()
    assert playing.stderr is not None
    with playing.stderr as errors:
        assert errors.read() == b""
    assert playing.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        (None, (), "is not there"),
        ("", (), "is not a recording"),
        ("{}\n", (), "line 1"),
        ('{"format":"neko-recording","version":1}\n{"t":"x"}\n', (), "line 2"),
        ('{"format":"neko-recording","version":1}\n', ("--speed", "0"), "--speed"),
        ('{"format":"neko-recording","version":1}\n', ("--from", "-1"), "--from"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    tmp_path: Path, content: str | None, arguments: tuple[str, ...], told: str
) -> None:
    path = tmp_path / "talk.jsonl"
    if content is not None:
        path.write_text(content)
    done = neko("replay", str(path), *arguments, home=tmp_path)
    clean(done)
    assert done.returncode == 2
    assert done.stderr.startswith(b"neko: ")
    assert told in done.stderr.decode()
    assert done.stdout == b""


def test_sound_alone_has_no_lines(tmp_path: Path) -> None:
    done = neko("replay", str(sound(tmp_path / "talk.wav")), "--no-sound", home=tmp_path)
    assert done.returncode == 2
    assert b"no log beside it" in done.stderr


def test_what_is_no_sound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF or not")
    done = neko("replay", str(path), home=tmp_path)
    assert done.returncode == 2
    assert b"is not a WAV file" in done.stderr


def test_without_a_loudspeaker_it_is_a_sound_error_with_a_way_out(tmp_path: Path) -> None:
    env = {"PULSE_SERVER": "unix:/nonexistent"}
    done = neko("replay", str(sound(tmp_path / "talk.wav")), home=tmp_path, env=env)
    clean(done)
    assert done.returncode == 7
    assert b"--no-sound" in done.stderr
