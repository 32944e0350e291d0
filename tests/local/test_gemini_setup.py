"""What a setup means for the engine, and what it is refused for."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.local.audio_format import PCM_24K
from neko_cli.local.config import EngineConfig
from neko_cli.local.settings import TurnDetection
from neko_cli.local.wire.gemini_json import Refusal
from neko_cli.local.wire.gemini_schema import MESSAGE
from neko_cli.local.wire.gemini_setup import Setup, json_schema, setup_of

CONFIG = EngineConfig(language="en", vocabulary=("yes", "no"))


def setup(**fields: Any) -> Setup:
    given = MESSAGE({"setup": {"model": "models/x", **fields}}, "")["setup"]
    return setup_of(given, CONFIG, ("en-us", "en-gb"))


def refusal(**fields: Any) -> str:
    with pytest.raises(Refusal) as caught:
        setup(**fields)
    assert caught.value.code == 1007
    return caught.value.reason


def test_what_is_so_by_default() -> None:
    plain = setup()
    settings = plain.settings
    assert (settings.speaking, settings.transcribe, settings.instructions) == (True, False, "")
    assert (settings.input_format.rate, settings.output_format) == (16_000, PCM_24K)
    assert settings.hearing.vocabulary == ("yes", "no")
    assert settings.turns == TurnDetection(create_reply=False, interrupt_reply=False)
    assert plain.interrupts
    others = ("manual", "only_activity", "all_input", "seeded", "resumes", "tells_words", "tells_activity")
    assert not any(getattr(plain, name) for name in others)


def test_everything_that_can_be_said() -> None:
    full = setup(
        generationConfig={
            "responseModalities": ["AUDIO"],
            "temperature": 1.1,
            "topP": 0.9,
            "topK": 40,
            "seed": 7,
            "maxOutputTokens": "300",
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False},
            "enableAffectiveDialog": True,
            "speechConfig": {
                "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}},
                "languageCode": "de-DE",
            },
        },
        systemInstruction={"role": "user", "parts": [{"text": "Be"}, {"text": "kind."}]},
        realtimeInputConfig={
            "automaticActivityDetection": {
                "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
                "prefixPaddingMs": 20,
            },
            "activityHandling": "NO_INTERRUPTION",
            "turnCoverage": "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        },
        contextWindowCompression={"triggerTokens": "25600", "slidingWindow": {"targetTokens": 12_800}},
        sessionResumption={"handle": "abc", "transparent": True},
        inputAudioTranscription={"languageHints": {"languageCodes": ["de-AT"]}},
        outputAudioTranscription={},
        proactivity={"proactiveAudio": True},
        historyConfig={"initialHistoryInClientContent": True},
        explicitVadSignal=True,
        safetySettings=[],
        labels={"team_name": "x"},
    )
    settings = full.settings
    assert settings.instructions == "Be\nkind."
    assert settings.max_tokens == 300
    assert (settings.speech.language, settings.speech.voice) == ("de-DE", "")
    assert settings.hearing.language == "de-AT"
    assert settings.turns is not None
    assert (settings.turns.threshold, settings.turns.silence_ms, settings.turns.onset_ms) == (0.75, 1000, 20)
    assert (full.handle, full.transparent, full.resumes, full.seeded) == ("abc", True, True, True)
    assert (full.interrupts, full.only_activity, full.tells_words) == (False, False, True)


def test_the_engines_own_voices_can_be_asked_for() -> None:
    config = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "en-gb"}}}
    assert setup(generationConfig={"speechConfig": config}).settings.speech.voice == "en-gb"
    short = {"voiceConfig": {"voice": "kore"}}
    assert setup(generationConfig={"speechConfig": short}).settings.speech.voice == ""


def test_detection_can_be_switched_off() -> None:
    switched_off = setup(realtimeInputConfig={"automaticActivityDetection": {"disabled": True}})
    assert (switched_off.manual, switched_off.settings.turns) == (True, None)


def test_functions_become_flat_ones() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    made = setup(
        tools=[
            {"functionDeclarations": [{"name": "one", "description": "First."}]},
            {"function_declarations": [{"name": "two", "parameters_json_schema": schema}]},
            {"functionDeclarations": [{"name": "three", "behavior": "NON_BLOCKING"}]},
            {"googleSearch": {}, "codeExecution": {}},
        ]
    )
    nothing = {"type": "object", "properties": {}}
    assert [tool["name"] for tool in made.settings.tools] == ["one", "two", "three"]
    assert [tool["parameters"] for tool in made.settings.tools] == [nothing, schema, nothing]
    assert all(tool["type"] == "function" for tool in made.settings.tools)
    assert made.background == {"three"}


def test_schemas_become_json_schema() -> None:
    given = {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING", "enum": ["A"], "nullable": True},
            "many": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": 1},
            "either": {"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN"}]},
        },
        "required": ["type"],
        "propertyOrdering": ["type"],
    }
    assert json_schema(given) == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["A"]},
            "many": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "either": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
        },
        "required": ["type"],
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": ""}, "model"),
        ({"generationConfig": {"responseModalities": ["AUDIO", "TEXT"]}}, "At most one response modality"),
        ({"generationConfig": {"responseModalities": ["IMAGE"]}}, "no IMAGE here"),
        (
            {"generationConfig": {"responseModalities": ["TEXT"], "speechConfig": {"languageCode": "en"}}},
            "Cannot extract voices from a non-audio request.",
        ),
        (
            {"generationConfig": {"speechConfig": {"voiceConfig": {"voice": "Bogus"}}}},
            "Requested voice api_name 'Bogus' is not available.",
        ),
        ({"tools": [{"functionDeclarations": [{"description": "nameless"}]}]}, "setup.tools[0]"),
        ({"tools": [{"magic": {}}]}, "Unknown name \"magic\" at 'setup.tools[0]'"),
        ({"temperature": 1}, "Unknown name \"temperature\" at 'setup'"),
        ({"realtimeInputConfig": {"turnCoverage": "SOME"}}, "setup.realtime_input_config.turn_coverage"),
    ],
)
def test_refused_setups(fields: dict[str, Any], words: str) -> None:
    assert words in refusal(**fields)
