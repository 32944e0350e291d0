"""Qwen's flat session object: updates, refusals, and what they mean for the engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.config import EngineConfig
from neko_cli.local.faults import ClientFault
from neko_cli.local.server import EngineServer
from neko_cli.local.settings import Settings
from neko_cli.local.wire.qwen_schema import client_events
from neko_cli.local.wire.qwen_session import default_session, settings_of, updated, with_overrides
from tests.local.wire_client import QwenClient

CHECKS = client_events(())
CONFIG = EngineConfig(language="en", vocabulary=("yes",))
FRESH = default_session("sess_1", "qwen3.5-omni-flash-realtime", 0)

Json = dict[str, Any]


def update(*sessions: Json, has_spoken: bool = False) -> Json:
    """The session after checked updates."""
    session = FRESH
    for given_session in sessions:
        checked = CHECKS["session.update"]({"type": "session.update", "session": given_session}, "")
        session = updated(session, checked["session"], has_spoken=has_spoken)
    return session


def meaning(*sessions: Json) -> Settings:
    return settings_of(update(*sessions), CONFIG, ("en-us",))


def fault(session: Json, *, has_spoken: bool = False) -> ClientFault:
    with pytest.raises(ClientFault) as caught:
        update(session, has_spoken=has_spoken)
    return caught.value


def test_what_is_so_by_default() -> None:
    settings = settings_of(FRESH, CONFIG, ())
    assert (settings.speaking, settings.transcribe) == (True, True)
    assert (settings.input_format.rate, settings.output_format.rate) == (16_000, 24_000)
    assert settings.turns is not None
    assert (settings.turns.silence_ms, settings.turns.threshold) == (800, 0.5)
    assert settings.hearing.vocabulary == ("yes",)


def test_what_the_official_library_sends() -> None:
    session = update(
        {
            "modalities": ["text", "audio"],
            "voice": None,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": {"model": None},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.2,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 800,
            },
            "instructions": "Be kind.",
        }
    )
    assert session["voice"] == "Tina"
    assert session["input_audio_transcription"] == {"model": "qwen3-asr-flash-realtime"}
    assert session["turn_detection"]["create_response"] is True
    assert settings_of(session, CONFIG, ()).instructions == "Be kind."


def test_fields_that_are_absent_stay() -> None:
    session = update({"voice": "Cherry", "turn_detection": {"silence_duration_ms": 300}}, {"temperature": 1})
    assert (session["voice"], session["turn_detection"]["silence_duration_ms"]) == ("Cherry", 300)
    again = update({"turn_detection": None}, {"turn_detection": {"type": "semantic_vad"}})
    assert again["turn_detection"] == {**FRESH["turn_detection"], "type": "semantic_vad"}


def test_null_switches_off_or_goes_back() -> None:
    settings = meaning({"turn_detection": None, "input_audio_transcription": None})
    assert (settings.turns, settings.transcribe) == (None, False)
    assert update({"max_tokens": 5}, {"max_tokens": None})["max_tokens"] == 16_384


def test_formats_may_be_nested() -> None:
    audio = {"input": {"format": {"type": "pcm", "sample_rate": 8_000}}, "output": {"voice": "Ethan"}}
    session = update({"audio": audio}, {"audio": {"output": {"format": {"sample_rate": 48_000}}}})
    assert session["audio"] == {
        "input": {"format": {"type": "pcm", "sample_rate": 8_000}},
        "output": {"voice": "Ethan", "format": {"sample_rate": 48_000}},
    }
    assert session["voice"] == "Ethan"
    settings = settings_of(session, CONFIG, ())
    assert (settings.input_format.rate, settings.output_format.rate) == (8_000, 48_000)


def test_nothing_is_echoed_of_a_shape_that_was_not_used() -> None:
    assert "audio" not in update({"input_audio_format": "pcm"})


def test_a_threshold_below_zero_still_needs_some_sound() -> None:
    settings = meaning({"turn_detection": {"threshold": -1.0}})
    assert settings.turns is not None
    assert 0 < settings.turns.threshold < 0.1


def test_idle_time_is_the_engines() -> None:
    settings = meaning({"turn_detection": {"idle_timeout_ms": 5_000}})
    assert settings.turns is not None
    assert settings.turns.idle_timeout_ms == 5_000


def test_tools_are_nested_here_and_flat_inside() -> None:
    tool = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
    choice = {"type": "function", "function": {"name": "clock"}}
    settings = meaning({"tools": [tool], "tool_choice": choice})
    assert settings.tools == ({"type": "function", "name": "clock", "parameters": {"type": "object"}},)
    assert settings.tool_choice == "clock"


def test_the_language_of_the_transcription_counts() -> None:
    assert meaning({"input_audio_transcription": {"language": "de"}}).hearing.language == "de"


def test_one_response_may_be_another() -> None:
    seen = with_overrides(FRESH, {"modalities": ["text"], "instructions": None, "voice": "Ethan"})
    settings = settings_of(seen, CONFIG, ())
    assert (settings.speaking, seen["voice"], seen["instructions"]) == (False, "Ethan", "")


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"modalities": ["audio"]}, "session.modalities"),
        ({"modalities": ["audio", 5]}, "session.modalities"),
        ({"modalities": "text"}, "session.modalities"),
        ({"voice": ""}, "session.voice"),
        ({"voice": 5}, "session.voice"),
        ({"model": "another"}, "session.model"),
        ({"input_audio_format": "mp3"}, "session.input_audio_format"),
        ({"audio": {"output": {"format": {"type": "wav"}}}}, "session.audio.output.format.type"),
        ({"audio": {"input": {"format": {"sample_rate": 44_100}}}}, "session.audio.input.format.sample_rate"),
        ({"audio": {"input": {"format": {"channels": 2}}}}, "session.audio.input.format.channels"),
        ({"turn_detection": {"type": "smart_turn"}}, "session.turn_detection.type"),
        ({"turn_detection": {"threshold": 1.5}}, "session.turn_detection.threshold"),
        ({"turn_detection": {"silence_duration_ms": 100}}, "session.turn_detection.silence_duration_ms"),
        ({"tools": [{"type": "function", "name": "flat"}]}, "session.tools[0].function"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "session.tools[0].type"),
        ({"output_modalities": ["text"]}, "session.output_modalities"),
        ({"translation": {"language": "en"}}, "session.translation"),
        ({"seed": -2}, "session.seed"),
    ],
)
def test_refused_updates(session: Json, param: str) -> None:
    assert fault(session).param == param


def test_the_sentence_about_modalities() -> None:
    words = "Supported combinations are: ['text'] and ['audio', 'text']."
    assert words in str(fault({"modalities": ["audio"]}))


def test_searching_and_tools_exclude_each_other() -> None:
    tool = {"type": "function", "function": {"name": "clock"}}
    assert fault({"enable_search": True, "tools": [tool]}).param == "session.enable_search"


def test_the_voice_stays_once_it_was_heard() -> None:
    assert fault({"voice": "Ethan"}, has_spoken=True).code == "cannot_update_voice"
    assert update({"voice": "Tina"}, has_spoken=True)["voice"] == "Tina"


async def test_over_the_wire(server: EngineServer) -> None:
    async with await QwenClient.open(server, model="qwen3.5-omni-flash-realtime") as client:
        created = client.seen[0]["session"]
        assert created["model"] == "qwen3.5-omni-flash-realtime"
        assert created["turn_detection"]["silence_duration_ms"] == 800
        await client.send("session.update", session={"modalities": ["audio"]}, event_id="mine")
        error = await client.error()
        assert error == {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": error["message"],
            "param": "session.modalities",
        }
        assert (await client.update(voice="Cherry"))["session"]["voice"] == "Cherry"


names = st.sampled_from(
    "session modalities voice audio input output format type sample_rate turn_detection threshold tools "
    "function name item role content text image response instructions call_id event_id".split()
)
values = st.recursive(
    st.sampled_from(["text", "audio", "pcm", "server_vad", "function", "message", "user", "input_text"])
    | st.integers(-1, 70_000)
    | st.none()
    | st.booleans()
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(CHECKS)), st.dictionaries(names, values, max_size=4))
@settings(max_examples=300, deadline=None)
def test_checking_passes_or_is_a_fault(kind: str, fields: Json) -> None:
    try:
        checked = CHECKS[kind]({**fields, "type": kind}, "")
        if kind == "session.update":
            settings_of(updated(FRESH, checked["session"], has_spoken=False), CONFIG, ())
    except ClientFault as refused:
        checked = refused
    assert isinstance(checked, dict) or checked.code
