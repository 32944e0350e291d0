"""The providers, as data, and how to make a codec for one.

A provider is a row of ``PROVIDERS``; its family names the codec, its capabilities and dialect drive
every branch. Importing this imports no network library and no numpy.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from neko_cli.core.addresses import check_encrypted, split_address, with_query
from neko_cli.core.codecs import registry_chat, registry_flat, registry_gemini, registry_openai
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.provider import MakeCodec, Provider
from neko_cli.core.errors import ConfigError, CredentialsError
from neko_cli.core.ports import Endpoint
from neko_cli.core.text import one_line

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_REGISTRIES = (registry_openai, registry_gemini, registry_flat, registry_chat)

PROVIDERS: Mapping[str, Provider] = {row.name: row for registry in _REGISTRIES for row in registry.PROVIDERS}
"""All providers by name."""

FAMILIES: Mapping[str, MakeCodec] = {
    name: make for registry in _REGISTRIES for name, make in registry.FAMILIES.items()
}
"""What makes a codec, by family; each imports its module at the first use."""


def find_provider(name: str, region: str = "") -> Provider:
    """The provider of that name, in that region; raises ConfigError that names the known ones."""
    provider = PROVIDERS.get(name)
    if provider is not None:
        return _in_region(provider, region) if region else provider
    near = difflib.get_close_matches(name.lower(), PROVIDERS, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"There is no provider “{one_line(name, 40)}”.", hint=f"{guess}Known are: {', '.join(PROVIDERS)}."
    )


def _in_region(provider: Provider, name: str) -> Provider:
    """The provider as it is reached there; raises ConfigError for a region that it does not have."""
    region = provider.regions.get(name)
    if region is None:
        known = f"Known are: {', '.join(provider.regions)}." if provider.regions else "It has none."
        raise ConfigError(f"{provider.title} has no region “{one_line(name, 40)}”.", hint=known)
    return msgspec.structs.replace(
        provider,
        url=region.url,
        key_page=region.key_page or provider.key_page,
        chat_url=region.chat_url,
        chat_model=provider.chat_model if region.chat_url else "",
    )


def make_codec(
    provider_name: str,
    spec: SessionSpec,
    *,
    region: str = "",
    url: str = "",
    key: str = "",
    model: str = "",
    insecure: bool = False,
) -> Codec:
    """A codec for one link.

    ``model`` goes before the spec's, which goes before the provider's own. An address given as
    ``url`` goes before the provider's in its ``region``; it is used as it is when it has a path, else
    the provider's path is added. A server at a given address may need no key, so there a missing one
    is left to the server to refuse. Raises ConfigError for an unknown provider or region or a bad
    address, CredentialsError for a missing key.
    """
    provider = find_provider(provider_name, region)
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
        raise ConfigError(
            f"{provider.title} has no address.", hint=provider.address_hint or "Give one with --url."
        )
    dialect = provider.dialect
    parts: SplitResult = split_address(given)
    check_encrypted(parts, insecure=insecure)
    path = provider.path if parts.path in ("", "/") else parts.path
    if dialect.base_path:
        path = path.rstrip("/").removesuffix(dialect.base_path).rstrip("/") + dialect.base_path
    if dialect.resume_path and spec.resume_handle:
        path = path.rstrip("/") + dialect.resume_path.format(handle=quote(spec.resume_handle, safe=""))
    parts = parts._replace(path=path)
    if dialect.http:
        parts = parts._replace(scheme=parts.scheme.replace("ws", "http"))
    query = dict(dialect.query)
    if dialect.model_query:
        query[dialect.model_query] = spec.model
    if dialect.resume_query:
        query[dialect.resume_query] = spec.resume_handle
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
