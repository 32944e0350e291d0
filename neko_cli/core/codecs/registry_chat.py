"""Providers of text alone: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.dialect import AnyDialect
from neko_cli.core.codecs.provider import MakeCodec, Provider
from neko_cli.core.ports import Endpoint

_CHAT = Capabilities(
    audio_input=False,
    audio_output=False,
    server_vad=False,
    captions=False,
    clear_input=False,
    keeps_words=True,
    tools=ToolForm.NESTED,
    key_required=False,
    # Requests cost, an open connection does not.
    idle_is_free=True,
    # A local server loads its model at the first request, which may take a minute.
    silence_limit=120.0,
    ping_interval=None,
    ping_timeout=None,
)

# The model stands in the request, not in the address.
_DIALECT = AnyDialect(model_query="", base_path="/chat/completions", http=True)

PROVIDERS: tuple[Provider, ...] = (
    Provider(
        name="chat",
        title="The chat server",
        family="chat",
        url="",
        path="/v1",
        model="",  # the first that the server lists
        key_names=("NEKO_CHAT_KEY",),
        address_hint="Give yours, for example http://127.0.0.1:11434/v1, with --url or as url in [provider].",
        capabilities=_CHAT,
        dialect=_DIALECT,
    ),
    Provider(
        name="openai-chat",
        title="OpenAI (chat)",
        family="chat",
        url="https://api.openai.com/v1",
        path="/v1",
        model="gpt-5.4-mini",
        key_names=("OPENAI_API_KEY",),
        key_page="https://platform.openai.com/api-keys",
        chat_url="https://api.openai.com/v1",
        chat_model="gpt-5.4-nano",
        capabilities=msgspec.structs.replace(_CHAT, key_required=True, images=True),
        dialect=_DIALECT,
    ),
)
"""All of them, in the order in which they are listed."""


def _chat(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.chat_completions import ChatCodec

    return ChatCodec(spec=spec, capabilities=provider.capabilities, endpoint=endpoint, title=provider.title)


FAMILIES: Mapping[str, MakeCodec] = {"chat": _chat}
"""What makes a codec, by family; each imports its module at the first use."""
