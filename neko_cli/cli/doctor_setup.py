"""Which providers count as set up, and what is to be said about their keys. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from neko_cli.cli.doctor_findings import Finding, Level
from neko_cli.cli.exits import Exit
from neko_cli.cli.key_owners import KeyOwners, listed
from neko_cli.core.codecs import PROVIDERS, Provider, find_provider, missing_key
from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import Profile, ProviderTable


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that is set up: how it is reached, and why it is looked at."""

    table: ProviderTable
    voice: str = ""
    wanted: bool = False
    """Whether the profile or the options ask for it: then a problem of its is ours."""
    named: bool = False
    """Whether a profile of the user names it; else only a key for it was found."""

    @property
    def runs_here(self) -> bool:
        """Whether it is the embedded engine, inside this process."""
        provider = PROVIDERS.get(self.table.name)
        return provider is not None and provider.runs_here and not self.table.url

    @property
    def lacks_key(self) -> bool:
        """Whether it would be refused for certain without a key."""
        provider = PROVIDERS.get(self.table.name)
        return provider is not None and provider.needs_key(self.table.url)


def set_up(wanted: Profile | None, own: Sequence[Profile], keyed: Collection[str]) -> list[Setup]:
    """The providers to look at, each address once, the wanted one first.

    ``own`` are the user's own profiles, ``keyed`` the names of providers for which there is a key. A
    provider that a profile names is looked at as the profile has it, and not at its first region besides.
    """
    found: dict[tuple[str, str, str], Setup] = {}
    if wanted is not None:
        found[_place(wanted)] = Setup(table=wanted.provider, voice=wanted.voice.name, wanted=True, named=True)
    for profile in own:
        setup = Setup(table=profile.provider, voice=profile.voice.name, named=True)
        if not setup.runs_here:
            found.setdefault(_place(profile), setup)
    names = {setup.table.name for setup in found.values()}
    for name in keyed:
        setup = Setup(table=ProviderTable(name=name))
        if name not in names and not setup.runs_here:
            found[(name, "", "")] = setup
    return list(found.values())


def _place(profile: Profile) -> tuple[str, str, str]:
    return (profile.provider.name, profile.provider.region, profile.provider.url)


def judge_keys(
    owners: Sequence[KeyOwners], places: Mapping[str, str], setups: Sequence[Setup]
) -> list[Finding]:
    """Where each key comes from, or how to get it; ``places`` tells where, by the key's first name.

    A missing key is a problem of the wanted provider's, a warning for one that a profile names.
    """
    found = []
    for owner in owners:
        names = {provider.name for provider in owner.providers}
        mine = [setup for setup in setups if setup.table.name in names and setup.lacks_key]
        missing = next((setup for setup in mine if setup.wanted), mine[0] if mine else None)
        first = missing.table.name if missing is not None else owner.first.name
        area = f"key: {first}"
        if place := places.get(owner.names[0]):
            others = [provider.name for provider in owner.providers if provider.name != first]
            also = f", also for {listed(others)}" if others else ""
            found.append(Finding(area, Level.OK, f"from the {place}{also}"))
        elif missing is not None:
            error = missing_key(_as_set_up(missing))
            level = Level.PROBLEM if missing.wanted else Level.WARNING
            found.append(Finding(area, level, error.message, error.hint, Exit.CREDENTIALS))
        elif owner.required:
            found.append(Finding(area, Level.NOTE, "There is none."))
    return found


def _as_set_up(setup: Setup) -> Provider:
    """The provider in its region, where that is one."""
    try:
        return find_provider(setup.table.name, setup.table.region)
    except ConfigError:
        return PROVIDERS[setup.table.name]
