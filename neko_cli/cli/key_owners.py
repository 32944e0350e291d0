"""Which providers share a key: OpenAI's three take the same one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from neko_cli.core.codecs import PROVIDERS, Provider


class KeyOwners(msgspec.Struct, frozen=True):
    """The providers that look for a key under the same names, in the order of the registry."""

    names: tuple[str, ...]
    """The environment variables, the usual one first."""
    providers: tuple[Provider, ...]

    @property
    def first(self) -> Provider:
        """The one by which the key is set."""
        return self.providers[0]

    @property
    def required(self) -> bool:
        """Whether one of them does not work without it."""
        return any(provider.capabilities.key_required for provider in self.providers)


def key_owners() -> list[KeyOwners]:
    """All keys that there can be, each once."""
    by_names: dict[tuple[str, ...], list[Provider]] = {}
    for provider in PROVIDERS.values():
        if provider.key_names:
            by_names.setdefault(provider.key_names, []).append(provider)
    return [KeyOwners(names, tuple(providers)) for names, providers in by_names.items()]


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence: “a, b and c”."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
