"""The providers, as data, and how to make a codec for one.

A provider is a row of ``PROVIDERS``; its family names the codec, its capabilities and dialect drive
every branch. Importing this imports no network library and no numpy.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from neko_cli.core.addresses import check_encrypted, split_address, with_query
from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs import registry_gemini
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.dialect import AnyDialect
from neko_cli.core.codecs.gemini_dialect import GeminiDialect
from neko_cli.core.codecs.openai_dialect import Dialect
from neko_cli.core.codecs.provider import Provider as Provider
from neko_cli.core.errors import ConfigError, CredentialsError
from neko_cli.core.ports import Endpoint
from neko_cli.core.text import one_line

if TYPE_CHECKING:
    from urllib.parse import SplitResult

D = TypeVar("D", bound=AnyDialect)
"""The dialects of one family."""


PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
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
            model="gpt-realtime",
            voice="marin",
            key_names=("OPENAI_API_KEY",),
            key_page="https://platform.openai.com/api-keys",
            chat_url="https://api.openai.com/v1",
            chat_model="gpt-5.4-nano",
            capabilities=Capabilities(
                semantic_vad=True,
                confidence=True,
                truncate=True,
                images=True,
                tools=ToolForm.FLAT,
                system_items=True,
                speed=True,
                max_session=3600.0,
            ),
            # A terminal's microphone is usually the laptop's own, which OpenAI calls far field.
            dialect=Dialect(transcription_model="gpt-4o-mini-transcribe", noise_reduction="far_field"),
        ),
        *registry_gemini.PROVIDERS,
    )
}
"""All providers by name."""


def find_provider(name: str) -> Provider:
    """The provider of that name; raises ConfigError that names the known ones."""
    provider = PROVIDERS.get(name)
    if provider is not None:
        return provider
    near = difflib.get_close_matches(name.lower(), PROVIDERS, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"There is no provider “{one_line(name, 40)}”.", hint=f"{guess}Known are: {', '.join(PROVIDERS)}."
    )


def make_codec(
    provider_name: str,
    spec: SessionSpec,
    *,
    url: str = "",
    key: str = "",
    model: str = "",
    insecure: bool = False,
) -> Codec:
    """A codec for one link.

    ``model`` goes before the spec's, which goes before the provider's own. An address given as
    ``url`` is used as it is when it has a path, else the provider's path is added; a server at a
    given address may need no key, so there a missing one is left to the server to refuse. Raises
    ConfigError for an unknown provider or a bad address, CredentialsError for a missing key.
    """
    provider = find_provider(provider_name)
    spec = msgspec.structs.replace(
        spec, model=model or spec.model or provider.model, voice=spec.voice or provider.voice
    )
    if not key and provider.needs_key(url):
        raise missing_key(provider)
    endpoint = Endpoint(
        url=address_of(provider, url, spec, insecure=insecure),
        headers=_headers(provider, key),
        ping_interval=provider.capabilities.ping_interval,
        ping_timeout=provider.capabilities.ping_timeout,
        insecure=insecure,
    )
    return FAMILIES[provider.family](provider, spec, endpoint)


def missing_key(provider: Provider) -> CredentialsError:
    """What to tell when a provider's key is missing: where to get one, how to set it."""
    where = f"Get one at {provider.key_page}, then " if provider.key_page else "To set one: "
    names = f" or set {provider.key_names[0]}" if provider.key_names else ""
    return CredentialsError(
        f"{provider.title} needs {provider.key_kind}.",
        hint=f"{where}run `neko keys set {provider.name}`{names}.",
        code="missing_key",
    )


def address_of(provider: Provider, url: str, spec: SessionSpec, *, insecure: bool = False) -> str:
    """The whole address of a link, with model and resumption handle; raises ConfigError."""
    given = url.strip() or provider.url
    if not given:
        raise ConfigError(f"{provider.title} has no address.", hint="Give one with --url.")
    parts: SplitResult = split_address(given)
    if parts.path in ("", "/"):
        parts = parts._replace(path=provider.path)
    check_encrypted(parts, insecure=insecure)
    query = {}
    if provider.dialect.model_query:
        query[provider.dialect.model_query] = spec.model
    if provider.dialect.resume_query:
        query[provider.dialect.resume_query] = spec.resume_handle
    return with_query(parts, **query)


def _headers(provider: Provider, key: str) -> dict[str, str]:
    key = key.strip()
    if not key:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsError(
            f"The API key for {provider.title} has characters that no key has.",
            hint=f"`neko keys set {provider.name}` stores another one.",
            code="malformed_key",
        )
    return {provider.dialect.key_header: provider.dialect.key_prefix + key}


def _openai_ga(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.openai_ga import OpenAIGACodec

    return OpenAIGACodec(
        spec=spec,
        capabilities=provider.capabilities,
        dialect=_dialect(provider, Dialect),
        endpoint=endpoint,
        title=provider.title,
    )


def _gemini(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.gemini import make_gemini

    return make_gemini(provider, _dialect(provider, GeminiDialect), spec, endpoint)


def _dialect(provider: Provider, kind: type[D]) -> D:
    """The provider's dialect, which must be one of its family; another is a mistake in the table."""
    if not isinstance(provider.dialect, kind):
        raise TypeError(f"{provider.name} has no dialect of the family {provider.family}")
    return provider.dialect


FAMILIES: Mapping[str, Callable[[Provider, SessionSpec, Endpoint], Codec]] = {
    "openai-ga": _openai_ga,
    "gemini": _gemini,
}
"""What makes a codec, by family; each imports its module at the first use."""
