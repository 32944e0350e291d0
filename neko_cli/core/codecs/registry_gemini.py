"""Google's Live API as rows of the registry: AI Studio (an API key) and Vertex (an access token).

Sources: the Live API's reference and capabilities guide (ai.google.dev), Google Cloud's guide to live
sessions, the google-genai SDK 3.6.1. What was only seen by others is marked so.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from neko_cli.core.capabilities import Capabilities, Resume, ToolForm
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.gemini_dialect import AI_STUDIO, VERTEX, GeminiDialect
from neko_cli.core.codecs.provider import MakeCodec, Provider
from neko_cli.core.ports import Endpoint

_CAPABILITIES = Capabilities(
    input_rate=16_000,
    output_rate=24_000,
    # Every current model speaks; what it says comes as text too (its output transcription).
    text_output=False,
    cancel=False,
    truncate=False,
    clear_input=False,
    input_asks=True,
    commit_asks=True,
    images=True,
    image_every=1.0,
    tools=ToolForm.DECLARATIONS,
    tools_continue=True,
    mid_session_instructions=False,
    resume=Resume.HANDLE,
    resume_ttl=2 * 3600.0,
    going_away=True,
    # A connection lives about ten minutes, which `goAway` announces; with a sliding context window a
    # session has no limit. Connections that were not told to go ended hard after 58 min (seen).
    max_session=3480.0,
    renew_before=180.0,
    # Pongs have taken 8 to 30 s (seen), so pings prove nothing before that.
    silence_limit=60.0,
    ping_interval=None,
    ping_timeout=None,
)

_STUDIO = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"

PROVIDERS: tuple[Provider, ...] = (
    Provider(
        name="gemini",
        title="Google Gemini",
        family="gemini",
        url=f"wss://generativelanguage.googleapis.com{_STUDIO}",
        path=_STUDIO,
        model="gemini-3.8-live",
        voice="Leda",
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        key_page="https://aistudio.google.com/apikey",
        chat_url="https://generativelanguage.googleapis.com/v1beta/openai",
        chat_model="gemini-3.5-flash-lite",
        capabilities=_CAPABILITIES,
        dialect=AI_STUDIO,
    ),
    Provider(
        name="vertex",
        title="Google Vertex AI",
        family="gemini",
        # The address of a link is made from the project and location that the profile's url names.
        url=f"wss://aiplatform.googleapis.com{_VERTEX}",
        path=_VERTEX,
        model="gemini-live-2.5-flash-native-audio",
        voice="Leda",
        key_names=("GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"),
        key_kind="an access token",
        key_page="https://docs.cloud.google.com/docs/authentication/rest",
        # Its model takes earlier messages in the instructions alone: see gemini_dialect.
        capabilities=msgspec.structs.replace(_CAPABILITIES, seed_history=False),
        dialect=VERTEX,
    ),
)
"""All of them, in the order in which they are listed."""


def _gemini(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.gemini import make_gemini

    return make_gemini(provider, provider.dialect_as(GeminiDialect), spec, endpoint)


FAMILIES: Mapping[str, MakeCodec] = {"gemini": _gemini}
"""What makes a codec, by family; each imports its module at the first use."""
