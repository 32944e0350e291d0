"""What a client may send in Gemini Live: one reader for all messages. Pure.

Fields: BidiGenerateContentClientMessage of the Live API, as typed in Google's Gen AI SDK 3.6 for
Python (LiveClientMessage, GenerationConfig, RealtimeInputConfig, Tool). Settings that a model would
follow and that nothing here depends on, such as the temperature, are checked and not looked at.
"""

from __future__ import annotations

from neko_cli.local.wire.gemini_content import BLOB, CONTENT, FUNCTION_RESPONSE, TURNS
from neko_cli.local.wire.gemini_json import (
    Read,
    anything,
    decimal,
    flag,
    list_of,
    mapping,
    message,
    one_of,
    text,
    whole,
)

_ms = whole(0, 60_000)
_tokens = whole(0, 2**31 - 1)

_modality = one_of("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")

_voice = message({"prebuiltVoiceConfig": message({"voiceName": text(256)}), "voice": text(256)})

_generation = message(
    {
        "responseModalities": list_of(_modality, most=5),
        "speechConfig": message({"voiceConfig": _voice, "languageCode": text(64)}),
        "temperature": decimal(0.0, 2.0),
        "topP": decimal(0.0, 1.0),
        "topK": decimal(0.0, 1e6),
        "maxOutputTokens": _tokens,
        "candidateCount": whole(0, 8),
        "seed": whole(-(2**31), 2**31 - 1),
        "presencePenalty": decimal(-2.0, 2.0),
        "frequencyPenalty": decimal(-2.0, 2.0),
        "mediaResolution": text(64),
        "thinkingConfig": message(
            {"includeThoughts": flag, "thinkingBudget": whole(-1, 2**31 - 1), "thinkingLevel": text(64)}
        ),
        "enableAffectiveDialog": flag,
        "audioTimestamp": flag,
        "stopSequences": list_of(text(1_000), most=64),
    }
)

_declaration = message(
    {
        "name": text(128),
        "description": text(),
        "parameters": mapping,
        "parametersJsonSchema": anything,
        "response": anything,
        "responseJsonSchema": anything,
        "behavior": one_of("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"),
    }
)

_AT_GOOGLE = (
    "googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "retrieval",
    "enterpriseWebSearch", "computerUse", "fileSearch", "parallelAiSearch", "exaAiSearch", "mcpServers",
)  # fmt: skip
"""Tools that a model at Google calls by itself; no model here does, so they change nothing."""

TOOLS = list_of(
    message({"functionDeclarations": list_of(_declaration, most=512), **dict.fromkeys(_AT_GOOGLE, anything)}),
    most=128,
)

_transcription = message(
    {
        "languageCodes": list_of(text(64), most=100),
        "languageHints": message({"languageCodes": list_of(text(64), most=100)}),
        "languageAuto": mapping,
        "customVocabulary": list_of(text(1_000)),
        "adaptationPhrases": list_of(text(1_000)),
        "wordTimestamp": flag,
        "diarization": flag,
        "mode": text(64),
        "sourceText": text(),
    }
)

_detection = message(
    {
        "disabled": flag,
        "startOfSpeechSensitivity": one_of(
            "START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"
        ),
        "endOfSpeechSensitivity": one_of(
            "END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"
        ),
        "prefixPaddingMs": _ms,
        "silenceDurationMs": _ms,
    }
)

_realtime = message(
    {
        "automaticActivityDetection": _detection,
        "activityHandling": one_of(
            "ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"
        ),
        "turnCoverage": one_of(
            "TURN_COVERAGE_UNSPECIFIED",
            "TURN_INCLUDES_ONLY_ACTIVITY",
            "TURN_INCLUDES_ALL_INPUT",
            "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ),
        "interimTranscriptTimestampEnabled": flag,
    }
)

_SETUP: dict[str, Read] = {
    "model": text(512),
    "generationConfig": _generation,
    "systemInstruction": CONTENT,
    "tools": TOOLS,
    "realtimeInputConfig": _realtime,
    "sessionResumption": message({"handle": text(4_096), "transparent": flag}),
    "contextWindowCompression": message(
        {"triggerTokens": _tokens, "slidingWindow": message({"targetTokens": _tokens})}
    ),
    "inputAudioTranscription": _transcription,
    "outputAudioTranscription": _transcription,
    "proactivity": message({"proactiveAudio": flag, "proactiveVideo": flag}),
    "historyConfig": message({"initialHistoryInClientContent": flag}),
    "explicitVadSignal": flag,
    "safetySettings": anything,
    "labels": mapping,
}

MESSAGE = message(
    {
        "setup": message(_SETUP),
        "clientContent": message({"turns": TURNS, "turnComplete": flag}),
        "realtimeInput": message(
            {
                "mediaChunks": list_of(BLOB),
                "audio": BLOB,
                "video": BLOB,
                "text": text(),
                "activityStart": message({}),
                "activityEnd": message({}),
                "audioStreamEnd": flag,
            }
        ),
        "toolResponse": message({"functionResponses": list_of(FUNCTION_RESPONSE, most=128)}),
        "contextUpdate": message({"systemInstruction": CONTENT, "tools": message({"tools": TOOLS})}),
    },
    oneof=True,
)
"""Everything that a client may send."""
