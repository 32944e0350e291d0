"""Events in a recording: written with it, read from it, in the way of nobody who replays the frames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neko_cli.core.clock import RealClock
from neko_cli.core.errors import ConfigError, LinkError
from neko_cli.core.events import Notice, NoticeKind, Severity, UserText
from neko_cli.core.ports import Endpoint
from neko_cli.core.transport.recorded import read_recorded
from neko_cli.core.transport.recording import RecordingTransport
from neko_cli.core.transport.replaying import ReplayingTransport
from tests.fakes.wire import FakeTransport

KEY = "sk-secret-in-a-header"


def said(text: str) -> UserText:
    return UserText(at=1.0, turn=1, text=text, final=True)


async def recorded(path: Path, *texts: str) -> None:
    """A log with one connection; the first text is told before there is one."""
    transport = RecordingTransport(FakeTransport(), path, clock=RealClock(), character="Mio")
    transport.note_event(said(texts[0]))
    connection = await transport.open(Endpoint("wss://x/", {"Authorization": f"Bearer {KEY}"}))
    for text in texts[1:]:
        transport.note_event(said(text))
    await connection.close()
    await transport.aclose()


async def test_what_was_told_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    texts = ["early", "hello \x1b[31m\u202e", "lone \ud800", f"my key is {KEY}"]
    await recorded(path, *texts)
    found = read_recorded(path)
    assert found.header.character == "Mio"
    told = [moment.event.text for moment in found.moments if isinstance(moment.event, UserText)]
    assert told[:3] == ["early", "hello \x1b[31m\u202e", "lone \ufffd"]
    assert told[3].startswith("my key is ")
    assert KEY not in path.read_text()
    times = [moment.at for moment in found.moments]
    assert times == sorted(times)
    assert found.seconds >= times[-1]


async def test_who_replays_the_frames_does_not_see_them(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await recorded(path, "one", "two")
    replaying = ReplayingTransport(path)
    assert replaying.links == 1
    assert {entry.dir for entry in replaying.entries(0)} <= {"open", "in", "close"}
    connection = await replaying.open(Endpoint("wss://x/"))
    assert [frame async for frame in connection.frames()] == []
    with pytest.raises(LinkError):
        await connection.send("x")


async def test_a_log_that_a_crash_has_cut_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await recorded(path, "one", "two")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b'"two"') + 2])
    found = read_recorded(path)
    assert [moment.event for moment in found.moments] == [said("one")]
    path.write_bytes(whole[: whole.index(b'"two"') + 2] + b"\n")
    with pytest.raises(ConfigError, match="line 4"):
        read_recorded(path)


async def test_events_of_a_newer_neko_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await recorded(path, "one")
    with path.open("a") as file:
        for event in ({"type": "telepathy", "at": 1.0}, {"type": "user_text"}, 7, None):
            file.write(json.dumps({"t": 5.0, "dir": "event", "event": event}) + "\n")
        notice = {"type": "notice", "at": 1, "kind": "sound", "severity": "info", "text": "x", "more": 1}
        file.write(json.dumps({"t": 6.0, "dir": "event", "event": notice}) + "\n")
    found = read_recorded(path)
    assert [moment.event for moment in found.moments] == [
        said("one"),
        Notice(at=1.0, kind=NoticeKind.SOUND, severity=Severity.INFO, text="x"),
    ]
