"""Providers that speak OpenAI's protocols: OpenAI itself, Azure, xAI and the embedded engine.

Sources: OpenAI's Realtime and Live API references; Microsoft's “GPT Realtime API” how-to (resource addresses,
``api-key``, deployments); xAI's “Speech to Speech” guide and its machine-readable schema,
docs.x.ai/voice-realtime.ws.json (November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping

from neko_cli.core.capabilities import Capabilities, Resume, ToolForm
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.openai_dialect import Dialect, LiveDialect
from neko_cli.core.codecs.provider import MakeCodec, Provider
from neko_cli.core.ports import Endpoint

_GA = Capabilities(
    semantic_vad=True,
    confidence=True,
    truncate=True,
    images=True,
    tools=ToolForm.FLAT,
    system_items=True,
    speed=True,
    max_session=3600.0,
)

# A terminal's microphone is usually the laptop's own, which OpenAI calls far field.
_GA_DIALECT = Dialect(
    transcription_model="gpt-4o-mini-transcribe", noise_reduction="far_field", retention=0.8
)

# The tags of xAI's language hint. Bare es and pt are refused there, and unknown ones do nothing.
_XAI_TAGS = "en ar-EG ar-SA ar-AE bn zh fr de hi id it ja ko pt-BR pt-PT ru es-MX es-ES tr vi".split()
_XAI_LANGUAGES = {
    **{tag.lower(): tag for tag in _XAI_TAGS},
    "ar": "ar-SA",
    "es": "es-ES",
    "pt": "pt-BR",
}

PROVIDERS: tuple[Provider, ...] = (
    Provider(
        name="embedded",
        title="The embedded engine",
        family="openai-ga",
        url="",
        path="/v1/realtime",
        model="neko-embedded",
        runs_here=True,
        # What `neko serve` asks for, when another program's engine is to answer.
        key_names=("NEKO_TOKEN",),
        capabilities=Capabilities(
            semantic_vad=True,
            confidence=True,
            truncate=True,
            images=True,
            tools=ToolForm.FLAT,
            system_items=True,
            speed=True,
            key_required=False,
            idle_is_free=True,
            max_session=3600.0,
        ),
        dialect=Dialect(transcription_model="neko-embedded"),
    ),
    Provider(
        name="openai",
        title="OpenAI",
        family="openai-ga",
        url="wss://api.openai.com/v1/realtime",
        path="/v1/realtime",
        model="gpt-realtime-2.1",
        voice="marin",
        key_names=("OPENAI_API_KEY",),
        key_page="https://platform.openai.com/api-keys",
        chat_url="https://api.openai.com/v1",
        chat_model="gpt-5.4-nano",
        capabilities=_GA,
        dialect=_GA_DIALECT,
    ),
    Provider(
        name="openai-live",
        title="OpenAI Live",
        family="openai-live",
        url="wss://api.openai.com/v1/live/sessions",
        path="/v1/live/sessions",
        model="gpt-live-1",
        voice="marin",
        key_names=("OPENAI_API_KEY",),
        key_page="https://platform.openai.com/api-keys",
        chat_url="https://api.openai.com/v1",
        chat_model="gpt-5.4-nano",
        capabilities=Capabilities(
            needs_sound=True,
            text_output=False,
            cancel=False,
            clear_input=False,
            images=True,
            tools=ToolForm.FLAT,
            system_items=True,
            resume=Resume.FORK,
            # Its documentation: what is stored is kept for 30 days.
            resume_ttl=30 * 86_400.0,
            leave_within=10.0,
        ),
        dialect=LiveDialect(backend="gpt-6-luna"),
    ),
    Provider(
        name="azure",
        title="Azure OpenAI",
        family="openai-ga",
        url="",
        path="/openai/v1/realtime",
        # The name of a deployment, which people usually call what it deploys.
        model="gpt-realtime-2.1",
        voice="marin",
        key_names=("AZURE_OPENAI_API_KEY",),
        key_page="https://ai.azure.com",
        address_hint="Give your resource's, https://NAME.openai.azure.com, with --url or in [provider].",
        capabilities=_GA,
        dialect=Dialect(
            key_header="api-key",
            key_prefix="",
            transcription_model=_GA_DIALECT.transcription_model,
            noise_reduction=_GA_DIALECT.noise_reduction,
            retention=_GA_DIALECT.retention,
        ),
    ),
    Provider(
        name="xai",
        title="xAI",
        family="openai-ga",
        url="wss://api.x.ai/v1/realtime",
        path="/v1/realtime",
        model="grok-voice-latest",
        voice="eve",
        key_names=("XAI_API_KEY",),
        key_page="https://console.x.ai",
        chat_url="https://api.x.ai/v1",
        chat_model="grok-4.3",
        capabilities=Capabilities(
            text_output=False,
            truncate=True,
            commit_asks=True,
            tools=ToolForm.FLAT,
            system_items=True,
            speed=True,
            resume=Resume.CONVERSATION,
            # Its documentation: the history is dropped after 30 minutes without activity.
            resume_ttl=1800.0,
            max_session=7200.0,
        ),
        dialect=Dialect(
            transcription_model="grok-transcribe",
            session_type=False,
            resume_query="conversation_id",
            resumption=True,
            top_level=frozenset({"voice", "turn_detection"}),
            speeds=(0.7, 1.5),
            thresholds=(0.1, 0.9),
            max_output=0,
            detector_answers=False,
            typed_manual=True,
            beta_names=True,
            language_field="language_hint",
            languages=_XAI_LANGUAGES,
            commit_in_vad=False,
        ),
    ),
)
"""All of them, in the order in which they are listed."""


def _openai_ga(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.openai_ga import OpenAIGACodec

    return OpenAIGACodec(
        spec=spec,
        capabilities=provider.capabilities,
        dialect=provider.dialect_as(Dialect),
        endpoint=endpoint,
        title=provider.title,
    )


def _openai_live(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.openai_live import OpenAILiveCodec

    return OpenAILiveCodec(
        spec=spec,
        capabilities=provider.capabilities,
        dialect=provider.dialect_as(LiveDialect),
        endpoint=endpoint,
        title=provider.title,
    )


FAMILIES: Mapping[str, MakeCodec] = {
    "openai-ga": _openai_ga,
    "openai-live": _openai_live,
}
"""What makes a codec, by family; each imports its module at the first use."""
