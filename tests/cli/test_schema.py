"""The schema of ``--json``: current, and true of what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from neko_cli.cli.printer import json_line
from neko_cli.cli.schema import as_text, events_schema
from neko_cli.core import events
from tests.cli.running import ROOT

SAMPLES: list[events.AnyEvent] = [
    events.StatusChanged(
        at=0.1, old=events.Status.IDLE, new=events.Status.SPEAKING, reason="x", link=events.LinkWord.ONLINE
    ),
    events.Connected(at=0.2, provider="OpenAI", model="m", expires_in=3.5),
    events.UserText(at=0.3, turn=1, text="hi", final=True, spoken=True, confidence=0.4),
    events.ReplyText(at=0.4, turn=1, delta="hé\x1b[31m"),
    events.ReplyAudio(at=0.5, turn=1, ms=20.0, rate=24_000, pcm=b"\x01\x02"),
    events.TurnStarted(at=0.6, turn=1),
    events.TurnEnded(at=0.7, turn=1, outcome=events.Outcome.COMPLETE, text="x", heard_ms=1.0),
    events.SpeechStarted(at=0.8, turn=1),
    events.SpeechStopped(at=0.9, turn=1),
    events.Emotion(at=1.0, turn=1, label="happy"),
    events.Notice(at=1.1, kind=events.NoticeKind.SOUND, severity=events.Severity.INFO, text="x"),
    events.Translated(
        at=1.1, turn=2, original_of=events.TextOf.REPLY, original="Hallo", text="hi", language="en"
    ),
    events.ToolCall(at=1.2, turn=1, call_id="c", name="n", arguments="{}"),
    events.ToolQuestion(at=1.2, turn=1, call_id="c", name="n", arguments="{}", about="a", seconds=60.0),
    events.ToolResult(at=1.3, turn=1, call_id="c", ok=True, output="o"),
    events.ScreenShown(
        at=1.3, source="monitor 1", width=4, height=3, bytes=9, sent=False, description="A cat."
    ),
    events.SoundPath(
        at=1.3,
        full_duplex=True,
        echo="working",
        erle_db=38.0,
        buffer_ms=0.0,
        underruns=0,
        late=0,
        lost_ms=0.0,
    ),
    events.EyesChanged(at=1.3, on=True, paused=False, asking=False, source="monitor 1", trouble="x"),
    events.AgentTask(at=1.3, id="t", status="running", title="make test", source="make", detail="ok"),
    events.AgentNews(
        at=1.3, id="r", state=events.NewsState.WAITING, status="completed", summary="s", task="t"
    ),
    events.Usage(at=1.4, turn=1, input_tokens=3),
    events.Energy(at=1.5, mode="call", level=2, max=3, model="m", reason="r"),
    events.Swap(
        at=1.6, reason="r", planned=True, from_link=1, to_link=2, gap_ms=1.0, cached_ms=2.0, resent_ms=0.0
    ),
    events.Failure(at=1.7, category="link", code="c", message="m", retry_in=1.0),
    events.SessionEnded(at=1.8, reason="r"),
]


def test_the_file_is_what_the_events_say() -> None:
    file: Path = ROOT / "docs" / "events.schema.json"
    assert file.read_text(encoding="utf-8") == as_text(), (
        "run: python -m neko_cli.cli.schema > docs/events.schema.json"
    )


def test_every_public_event_has_a_sample() -> None:
    assert {type(sample) for sample in SAMPLES} == set(events.PUBLIC_EVENTS)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_a_printed_line_is_valid_and_comes_back_as_the_event(event: events.AnyEvent) -> None:
    line = json_line(event, samples=True)
    assert "\n" not in line
    fields = json.loads(line)
    jsonschema.Draft202012Validator(events_schema()).validate(fields)
    assert msgspec.json.decode(line, type=type(event)) == event


def test_samples_are_left_out_unless_asked_for() -> None:
    audio = next(sample for sample in SAMPLES if isinstance(sample, events.ReplyAudio))
    assert "pcm" not in json.loads(json_line(audio, samples=False))
    assert json.loads(json_line(audio, samples=True))["pcm"] == "AQI="


def test_a_line_of_another_type_is_not_valid() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(events_schema()).validate({"type": "levels", "at": 1.0})
