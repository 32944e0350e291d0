"""Which key a profile's provider is talked to with."""

from __future__ import annotations

from neko_cli.core.codecs import find_provider, missing_key
from neko_cli.core.ports import KeyStore
from neko_cli.core.profile import Profile
from neko_cli.wiring.summaries import key_names


def runs_here(profile: Profile) -> bool:
    """Whether the embedded engine answers, inside this process."""
    return find_provider(profile.provider.name).runs_here and not profile.provider.url


def find_key(profile: Profile, keys: KeyStore) -> str:
    """The key for a profile's provider; empty where it needs none. Blocks.

    Raises ConfigError for an unknown provider or region, CredentialsError for a missing key.
    """
    provider = find_provider(profile.provider.name, profile.provider.region)
    url = profile.provider.url
    if not provider.key_names:
        return ""
    # One chat server is like another but for who runs it, and that tells its address.
    known = key_names(url) if provider.dialect.http and url else ()
    key = keys.find((*known, *provider.key_names))
    if not key and provider.needs_key(url):
        raise missing_key(provider)
    return key
