"""Speaking with a file on a scripted session: what a connection that stays away costs."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path

import pytest

from neko_cli.cli.exits import Exit
from neko_cli.cli.output import Output, Writer
from neko_cli.cli.printer import Printer
from neko_cli.cli.say_plan import Format, Input, Pace, SayPlan, Source
from neko_cli.cli.say_run import SayRun
from neko_cli.cli.say_track import Tracker
from neko_cli.core.events import Failure, LinkWord, Outcome, SpeechStarted, SpeechStopped, TurnEnded
from neko_cli.testing import ScriptedSession


class Saying:
    """A run with a second of sound, and what it printed."""

    def __init__(self, folder: Path, timeout: float) -> None:
        path = folder / "in.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\x00\x10" * 8000)
        self.session = ScriptedSession()
        self.out, self.errors = io.BytesIO(), io.StringIO()
        self.writer = Writer()
        printer = Printer(
            Output(self.writer, self.out, "utf-8"), Format.TEXT, every_turn=True, errors=self.errors
        )
        plan = SayPlan(
            source=Source.AUDIO,
            input=Input.IGNORED,
            format=Format.TEXT,
            audio=str(path),
            pace=Pace.FAST,
            timeout=timeout,
        )
        self.run = SayRun(plan, self.session, printer, Tracker(), writer=self.writer)


LOST = Failure(at=1.0, category="link", code="", message="The connection was lost.", retry_in=0.3)


async def test_while_there_is_no_connection_the_file_waits_and_then_goes_on(tmp_path: Path) -> None:
    saying = Saying(tmp_path, timeout=5.0)
    session = saying.session
    gate = session.hold("stream_data")
    async with asyncio.timeout(15), asyncio.TaskGroup() as group:
        running = group.create_task(saying.run.run(None))
        await session.called("stream_data")
        session.set_state(link=LinkWord.RECONNECTING)
        session.emit(LOST)
        gate.set()
        session.go_online()
        await session.called("stream_data", times=12)
        session.emit(SpeechStarted(at=2.0, turn=1), SpeechStopped(at=2.1, turn=1))
        session.emit(TurnEnded(at=2.2, turn=1, outcome=Outcome.COMPLETE, text="I heard you."))
    assert running.result() is Exit.OK
    assert saying.out.getvalue() == b"I heard you.\n"
    assert saying.errors.getvalue() == "The connection was lost. Trying again.\n"
    saying.writer.close()


async def test_it_does_not_wait_longer_than_a_turn_may_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saying = Saying(tmp_path, timeout=0.2)
    saying.session.hold("stream_data")
    async with asyncio.timeout(10):
        assert await saying.run.run(None) is Exit.NETWORK
    assert "0.2 s" in capsys.readouterr().err
    saying.writer.close()
