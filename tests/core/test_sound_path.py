"""How sound goes is told when it changes; the microphone is held only while it must be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neko_cli.core import sound_path
from neko_cli.core.events import InputMode, Notice, ReplyAudio, SoundPath
from neko_cli.core.jitter import LEAST_MS
from neko_cli.core.ports_sound import EchoFigure
from tests.fakes.sound import FakeMicrophone, FakeSpeaker


class FakeEcho:
    """Trusted when the test says so."""

    def __init__(self) -> None:
        self.trusted = False
        self.hears_somebody = True
        self.figure = EchoFigure("learning")

    def works(self) -> None:
        self.trusted = True
        self.figure = EchoFigure("working", 38.4)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_path, "TELL_EVERY", 0.0)


async def heard(stage: Any, frame: bytes) -> bytes | None:
    core = stage.session._core
    return core.gate.sound(frame, 24_000)


@pytest.mark.parametrize("duplex", ["auto", "half", "full"])
async def test_the_microphone_is_held_until_the_echo_is_cancelled(make_stage: Any, duplex: str) -> None:
    echo, speaker = FakeEcho(), FakeSpeaker(24_000)
    stage = make_stage({"sound": {"duplex": duplex}}, speaker=speaker, echo=echo)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("speak")
    server.begin("r1")
    server.words("r1", "One two three.", spoken=True)
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    frame = b"\x10\x20" * 240
    quiet = bytes(len(frame))
    assert await heard(stage, frame) == (frame if duplex == "full" else quiet)
    echo.works()
    assert await heard(stage, frame) == (quiet if duplex == "half" else frame)


async def test_why_echo_is_not_cancelled_is_told_once(make_stage: Any) -> None:
    echo = FakeEcho()
    echo.figure = EchoFigure("off", reason="The package is missing. Install it.")
    stage = make_stage({"sound": {"duplex": "auto"}}, microphone=FakeMicrophone, echo=echo)
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    told = await stage.until(Notice)
    assert told.text == "The package is missing. Install it. The microphone waits while the character speaks."
    await asyncio.sleep(0.2)
    await stage.session.end_session()
    async for event in stage.reader:
        assert not isinstance(event, Notice)


async def test_what_changes_is_told_once(make_stage: Any) -> None:
    echo = FakeEcho()
    stage = make_stage(
        {"sound": {"duplex": "auto"}}, speaker=FakeSpeaker(24_000), microphone=FakeMicrophone, echo=echo
    )
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    first = await stage.until(SoundPath)
    assert (first.full_duplex, first.echo, first.erle_db) == (False, "learning", 0.0)
    assert (first.buffer_ms, first.underruns, first.late, first.lost_ms) == (LEAST_MS, 0, 0, 0.0)
    echo.works()
    second = await stage.until(SoundPath)
    assert (second.full_duplex, second.echo, second.erle_db) == (True, "working", 38.0)
    echo.figure = EchoFigure("working", 38.1)  # the same to anybody who looks
    await asyncio.sleep(0.2)
    await stage.session.end_session()
    async for event in stage.reader:
        assert not isinstance(event, SoundPath)
