"""``neko say`` with nothing but the embedded engine: no key, no network."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import jsonschema
import pytest

from neko_cli.cli.schema import events_schema
from tests.cli.running import clean, neko

NO_KEY: dict[str, str | None] = {"OPENAI_API_KEY": None}


def test_a_question_by_a_pipe_has_one_answer(tmp_path: Path) -> None:
    done = neko("say", home=tmp_path, input=b"what time is it?\n", env=NO_KEY)
    clean(done)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    assert len(done.stdout.strip()) > 5


def test_its_json_is_valid(tmp_path: Path) -> None:
    done = neko("say", "--json", home=tmp_path, input=b"what time is it?\n", env=NO_KEY)
    check = jsonschema.Draft202012Validator(events_schema())
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    for event in events:
        check.validate(event)
    assert [e["outcome"] for e in events if e["type"] == "turn_ended"] == ["complete"]


def test_one_session_remembers_from_line_to_line(tmp_path: Path) -> None:
    done = neko("say", "--lines", home=tmp_path, input=b"My name is Ada.\nWhat is my name?\n", env=NO_KEY)
    clean(done)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 2
    assert "Ada" in lines[1]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A sentence as the engine itself speaks it, and its words."""
    folder = tmp_path_factory.mktemp("spoken")
    path = folder / "r.wav"
    done = neko("say", "What is two plus three?", "--out", str(path), home=folder / "home", env=NO_KEY)
    clean(done)
    assert done.returncode == 0, done.stderr
    return path, done.stdout.decode()


def test_out_holds_speech(spoken: tuple[Path, str]) -> None:
    with wave.open(str(spoken[0])) as file:
        seconds = file.getnframes() / file.getframerate()
        samples = file.readframes(file.getnframes())
    assert 0.5 < seconds < 20
    assert max(samples[1::2]) > 4


def test_speech_is_heard_and_answered(spoken: tuple[Path, str], tmp_path: Path) -> None:
    done = neko("say", "--audio", str(spoken[0]), "--pace", "fast", "--json", home=tmp_path, env=NO_KEY)
    clean(done)
    events = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0
    assert any(e["type"] == "user_text" and e["spoken"] and e["final"] for e in events)
    assert any(e["type"] == "turn_ended" and e["text"] for e in events)
