"""What a client of Gemini Live asks for: the setup of a connection, and what it means. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from neko_cli.local.audio_format import AudioFormat, Encoding
from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import Hearing, Speech
from neko_cli.local.settings import Settings, TurnDetection
from neko_cli.local.wire.gemini_content import INPUT_RATE, words_of
from neko_cli.local.wire.gemini_json import Json, Refusal

VOICES = (
    "Achernar", "Achird", "Algenib", "Algieba", "Alnilam", "Aoede", "Autonoe", "Callirrhoe", "Charon",
    "Despina", "Enceladus", "Erinome", "Fenrir", "Gacrux", "Iapetus", "Kore", "Laomedeia", "Leda",
    "Orus", "Puck", "Pulcherrima", "Rasalgethi", "Sadachbia", "Sadaltager", "Schedar", "Sulafat",
    "Umbriel", "Vindemiatrix", "Zephyr", "Zubenelgenubi",
)  # fmt: skip
"""Names that programs written for Gemini ask for; here they mean the language's default voice."""

THRESHOLDS = {"START_SENSITIVITY_HIGH": 0.5, "START_SENSITIVITY_LOW": 0.75}
SILENCES_MS = {"END_SENSITIVITY_HIGH": 500, "END_SENSITIVITY_LOW": 1_000}
"""What the sensitivities mean here; Google tells no figures. Both are high by default."""

ONSET_MS = 64
"""Speech that makes a start when ``prefix_padding_ms`` is not given."""

PREFIX_MS = 300
"""Sound from before the start that belongs to the utterance. Gemini's ``prefix_padding_ms`` is
another thing: how long speech must last to be one."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as its client wants it."""

    model: str
    settings: Settings
    tells_words: bool
    """Whether the words of a spoken reply are told as well."""
    tells_activity: bool
    """Whether the client is told when the user begins and stops to speak."""
    manual: bool
    """Whether the client says when the user is active."""
    interrupts: bool
    """Whether the user's activity cuts the reply."""
    only_activity: bool
    """Whether pictures from outside the user's activity belong to no turn."""
    all_input: bool
    """Whether sound from outside the user's activity belongs to the turn."""
    seeded: bool
    """Whether the first contents are history, and nobody answers them."""
    resumes: bool
    handle: str
    transparent: bool
    background: frozenset[str]
    """Names of functions that the conversation does not wait for."""


def setup_of(given: Json, config: EngineConfig, voices: Sequence[str]) -> Setup:
    """What a setup message means; raises Refusal."""
    if not given.get("model"):
        raise Refusal("Invalid value at 'setup.model': the name of a model is needed.")
    realtime = given.get("realtimeInputConfig", {})
    detection = realtime.get("automaticActivityDetection", {})
    coverage = realtime.get("turnCoverage")
    resumption = given.get("sessionResumption", {})
    tools, background = tools_of(given.get("tools", ()), "setup.tools")
    return Setup(
        model=given["model"],
        settings=_settings(given, tools, detection, config, voices),
        tells_words="outputAudioTranscription" in given,
        tells_activity=given.get("explicitVadSignal", False),
        manual=detection.get("disabled", False),
        interrupts=realtime.get("activityHandling") != "NO_INTERRUPTION",
        only_activity=coverage == "TURN_INCLUDES_ONLY_ACTIVITY",
        all_input=coverage == "TURN_INCLUDES_ALL_INPUT",
        seeded=given.get("historyConfig", {}).get("initialHistoryInClientContent", False),
        resumes="sessionResumption" in given,
        handle=resumption.get("handle", ""),
        transparent=resumption.get("transparent", False),
        background=background,
    )


def _settings(
    given: Json, tools: tuple[Json, ...], detection: Json, config: EngineConfig, voices: Sequence[str]
) -> Settings:
    generation = given.get("generationConfig", {})
    speaking = _speaks(generation.get("responseModalities", ()))
    manner = generation.get("speechConfig", {})
    if manner and not speaking:
        raise Refusal("Cannot extract voices from a non-audio request.")
    heard = given.get("inputAudioTranscription")
    language = manner.get("languageCode") or config.language
    return Settings(
        instructions=words_of(given.get("systemInstruction", {})),
        speaking=speaking,
        tools=tools,
        max_tokens=generation.get("maxOutputTokens", 0),
        speech=Speech(_voice_of(manner, voices), language),
        # A client's vocabulary is a hint at Google; one here closes the grammar.
        hearing=Hearing(_language(heard or {}) or language, config.vocabulary, config.grammar),
        transcribe=heard is not None,
        input_format=AudioFormat(Encoding.PCM, INPUT_RATE),
        turns=None if detection.get("disabled") else _turns(detection),
    )


def _speaks(modalities: Sequence[str]) -> bool:
    wanted = [name for name in modalities if name != "MODALITY_UNSPECIFIED"] or ["AUDIO"]
    if len(wanted) > 1:
        raise Refusal("At most one response modality can be specified in the setup request.")
    if wanted[0] not in ("AUDIO", "TEXT"):
        raise Refusal(f"Invalid value at 'setup.generation_config.response_modalities': no {wanted[0]} here.")
    return wanted[0] == "AUDIO"


def _voice_of(manner: Json, voices: Sequence[str]) -> str:
    """The engine's name of the voice; empty for its default one."""
    config = manner.get("voiceConfig", {})
    name = config.get("prebuiltVoiceConfig", {}).get("voiceName") or config.get("voice", "")
    if name in voices:
        return str(name)
    if name and name.casefold() not in {known.casefold() for known in VOICES}:
        raise Refusal(f"Requested voice api_name '{name[:40]}' is not available.")
    return ""


def _language(transcription: Json) -> str:
    hints = transcription.get("languageHints", {}).get("languageCodes", ())
    return str(next(iter((*transcription.get("languageCodes", ()), *hints)), ""))


def _turns(detection: Json) -> TurnDetection:
    """Replies and interruptions are the wire's own affair: see ``gemini_turn``."""
    silence = detection.get("silenceDurationMs")
    if silence is None:
        silence = SILENCES_MS.get(detection.get("endOfSpeechSensitivity", ""), 500)
    return TurnDetection(
        threshold=THRESHOLDS.get(detection.get("startOfSpeechSensitivity", ""), 0.5),
        prefix_ms=PREFIX_MS,
        silence_ms=silence,
        onset_ms=detection.get("prefixPaddingMs", ONSET_MS),
        create_reply=False,
        interrupt_reply=False,
    )


def tools_of(tools: Sequence[Json], path: str) -> tuple[tuple[Json, ...], frozenset[str]]:
    """The client's functions in OpenAI's flat form, and the names of those that do not block."""
    flat: list[Json] = []
    background: set[str] = set()
    for at, tool in enumerate(tools):
        for number, declared in enumerate(tool.get("functionDeclarations", ())):
            name = declared.get("name")
            if not name:
                where = f"{path}[{at}].function_declarations[{number}].name"
                raise Refusal(f"Invalid value at '{where}': a name is needed.")
            schema = declared.get("parametersJsonSchema") or json_schema(declared.get("parameters", {}))
            told = {"type": "function", "name": name, "description": declared.get("description", "")}
            flat.append({**told, "parameters": schema or {"type": "object", "properties": {}}})
            if declared.get("behavior") == "NON_BLOCKING":
                background.add(name)
    return tuple(flat), frozenset(background)


_SCHEMAS = ("items", "additionalProperties")
_SCHEMA_LISTS = ("anyOf",)
_SCHEMA_MAPS = ("properties", "defs")
_CAMEL = {"any_of": "anyOf", "additional_properties": "additionalProperties", "max_items": "maxItems",
          "min_items": "minItems", "max_length": "maxLength", "min_length": "minLength"}  # fmt: skip


def json_schema(schema: Any) -> Any:
    """Google's Schema as JSON Schema: types in lower case, ``nullable`` as another type."""
    if not isinstance(schema, dict):
        return schema
    found: Json = {}
    for given, value in schema.items():
        name = _CAMEL.get(str(given), str(given))
        if name == "type" and isinstance(value, str):
            found[name] = value.lower()
        elif name in _SCHEMAS:
            found[name] = json_schema(value)
        elif name in _SCHEMA_LISTS and isinstance(value, list):
            found[name] = [json_schema(element) for element in value]
        elif name in _SCHEMA_MAPS and isinstance(value, dict):
            found[name] = {key: json_schema(element) for key, element in value.items()}
        elif name not in ("nullable", "propertyOrdering", "property_ordering"):
            found[name] = value
    if schema.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found
