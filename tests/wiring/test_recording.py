"""A recording's two files: names, what is refused, and what is told when the disk is full."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.events import Levels, Notice, NoticeKind, ReplyAudio, Severity
from neko_cli.wiring.recording import Recording, files_of
from tests.fakes.wire import FakeTransport


def recording(path: Path) -> Recording:
    return Recording(path, FakeTransport(), provider="openai", model="m", character="Mio")


def notice(text: str) -> Notice:
    return Notice(at=1.0, kind=NoticeKind.SESSION, severity=Severity.INFO, text=text)


@pytest.mark.parametrize(
    ("given", "log", "sound"),
    [
        ("talk.wav", "talk.jsonl", "talk.wav"),
        ("a.b/talk.1.WAV", "a.b/talk.1.jsonl", "a.b/talk.1.WAV"),
        ("talk.jsonl", "talk.jsonl", None),
        ("talk", "talk", None),
    ],
)
def test_what_a_name_stands_for(given: str, log: str, sound: str | None) -> None:
    assert files_of(Path(given)) == (Path(log), Path(sound) if sound else None)


async def test_both_files_begin_at_the_same_moment(tmp_path: Path) -> None:
    made = recording(tmp_path / "talk.wav")
    made.told(notice("\x1b[31mhello\u202e"))
    made.told(Levels(at=1.0, microphone=-20.0, speaker=-20.0))
    made.told(ReplyAudio(at=1.0, turn=1, ms=10.0, rate=24_000, pcm=b"\x01\x00"))
    await made.aclose()
    await made.aclose()
    header, told, end = (json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines())
    assert header["character"] == "Mio"
    assert (told["dir"], told["event"]["text"], end["dir"]) == ("event", "\x1b[31mhello\u202e", "end")
    assert "\u202e" not in (tmp_path / "talk.jsonl").read_text()
    with wave.open(str(tmp_path / "talk.wav")) as sound:
        seconds = sound.getnframes() / 48_000
    assert seconds == pytest.approx(end["t"], abs=0.5)


async def test_the_log_alone(tmp_path: Path) -> None:
    made = recording(tmp_path / "talk.jsonl")
    made.heard(b"\0\0", 48_000, live=True)
    await made.aclose()
    assert [path.name for path in tmp_path.iterdir()] == ["talk.jsonl"]


@pytest.mark.parametrize("there", ["talk.wav", "talk.jsonl"])
async def test_nothing_is_written_over_and_nothing_left_behind(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ConfigError, match=f"{there} exists already"):
        recording(tmp_path / "talk.wav")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


async def test_trouble_with_both_files_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    made = recording(tmp_path / "talk.wav")
    made.watch(lambda text: (told.append(text), made.told(notice(text)))[0])
    made.heard(b"\0\0", 48_000, live=True)
    assert told == []
    assert made.sound is not None
    made.sound.trouble = "No space left on device"
    made.heard(b"\0\0", 48_000, live=True)
    made.told(notice("next"))
    assert told == ["talk.wav cannot be written any more: No space left on device. The conversation goes on."]
    await made.aclose()


async def test_trouble_at_the_very_end_is_an_error(tmp_path: Path) -> None:
    made = recording(tmp_path / "talk.wav")
    assert made.sound is not None
    made.sound.trouble = "No space left on device"
    with pytest.raises(ConfigError, match=r"talk.wav cannot be written any more: No space left on device\.$"):
        await made.aclose()
    await made.aclose()
