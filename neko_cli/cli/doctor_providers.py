"""The examinations of ``neko doctor`` that concern providers: profile, keys, and the way to each server."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from neko_cli.cli import doctor_reach
from neko_cli.cli.doctor_findings import Finding, Level
from neko_cli.cli.doctor_setup import Setup, judge_keys, set_up
from neko_cli.cli.exits import Exit
from neko_cli.cli.key_owners import key_owners
from neko_cli.core.codecs import find_provider
from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.core.profile import Profile
from neko_cli.services.folders import Folders
from neko_cli.services.profile_files import ProfileFiles
from neko_cli.services.reach_records import Target
from neko_cli.services.secrets import Keys
from neko_cli.wiring.options import Options, apply
from neko_cli.wiring.provider_keys import find_key


class Survey(msgspec.Struct, frozen=True):
    """What there is before anything is sent: the findings about keys, and whom to visit."""

    findings: list[Finding]
    visits: list[tuple[Setup, Target]]


def check_profile(asked: Options) -> tuple[Profile | None, list[Finding]]:
    """The profile that would be used, with the options laid over it; None where it cannot be."""
    try:
        loaded = ProfileFiles(Folders.find().profiles).resolve(asked.profile)
        profile = apply(asked, loaded.profile)
        find_provider(profile.provider.name, profile.provider.region)
    except ConfigError as error:
        return None, [Finding("profile", Level.PROBLEM, error.message, error.hint, Exit.USAGE)]
    text = f"{loaded.files[0].name}, answered by {profile.provider.name}"
    return profile, [Finding("profile", Level.OK, text)]


async def check_providers(profile: Profile | None, *, reach: bool) -> list[Finding]:
    """Keys, and every provider that is set up: visited side by side, or with ``reach`` false not at all."""
    # A keyring may ask its daemon, which takes its time.
    survey = await asyncio.to_thread(survey_providers, profile)
    if not reach:
        return [*survey.findings, *(_not_tried(*visit) for visit in survey.visits if visit[0].wanted)]
    from neko_cli.services.reach import reach_all

    visits = [visit for visit in survey.visits if not visit[0].runs_here]
    found = await reach_all([target for _, target in visits])
    reached = [doctor_reach.judge(one, setup) for (setup, _), one in zip(visits, found, strict=True)]
    here = [doctor_reach.RUNS_HERE for setup, _ in survey.visits if setup.runs_here]
    return [*survey.findings, *here, *reached]


def survey_providers(profile: Profile | None) -> Survey:
    """Look for keys and profiles; blocks."""
    folders = Folders.find()
    keys = Keys(folders.config)
    owners = key_owners()
    places: dict[str, str] = {}
    broken: ConfigError | None = None
    for owner in owners:
        try:
            stored = keys.where(owner.names)
        except ConfigError as error:
            broken = error
        else:
            places.update({owner.names[0]: stored.place.value} if stored is not None else {})
    keyed = [provider.name for owner in owners if owner.names[0] in places for provider in owner.providers]
    setups = set_up(profile, _own_profiles(folders), keyed)
    findings = judge_keys(owners, places, setups)
    if broken is not None:
        findings.append(Finding("keys", Level.PROBLEM, broken.message, broken.hint, Exit.USAGE))
    return Survey(findings, [(setup, _target(setup, keys)) for setup in setups])


def _own_profiles(folders: Folders) -> list[Profile]:
    """The user's own profiles; one that is broken names no provider (`neko profiles check` tells why)."""
    files = ProfileFiles(folders.profiles)
    found = []
    for file in files.all():
        if not file.bundled:
            with contextlib.suppress(ConfigError):
                found.append(files.load(file.name))
    return found


def _target(setup: Setup, keys: Keys) -> Target:
    """Whom to visit, with the key that a conversation would take."""
    table, key = setup.table, ""
    # What is missing or broken is told by the findings about keys and by the visit itself.
    with contextlib.suppress(NekoError):
        key = find_key(Profile(provider=table), keys)
    return Target(
        provider=table.name,
        region=table.region,
        url=table.url,
        model=table.model,
        voice=setup.voice,
        transcription_model=table.transcription_model,
        insecure=table.insecure,
        key=key,
    )


def _not_tried(setup: Setup, target: Target) -> Finding:
    """What can be said of the wanted provider without sending anything."""
    from neko_cli.services.reach import endpoint_of

    if setup.runs_here:
        return doctor_reach.RUNS_HERE
    try:
        endpoint_of(target)
    except ConfigError as error:
        return Finding(target.provider, Level.PROBLEM, error.message, error.hint, Exit.USAGE)
    return Finding(target.provider, Level.NOTE, "not tried")
