"""What the command line asks of the composition root."""

from __future__ import annotations

from pathlib import Path

import msgspec

from neko_cli.core.profile import Duplex, Echo, EnergyTable, Profile, SoundTable


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options laid over the profile; an empty text leaves the profile's value."""

    profile: str = ""
    provider: str = ""
    model: str = ""
    url: str = ""
    voice: str = ""
    microphone: str = ""
    speaker: str = ""
    aec: str = ""
    """``auto`` cancels echo and lets the user speak over the character; ``off`` does not."""
    system: str = ""
    """Instructions instead of the character's persona."""
    insecure: bool = False
    allow_tools: bool = False
    """Whether every tool runs without asking."""
    agents: bool = False
    """Whether agents may reach this run."""
    asks: bool = False
    """Whether there is somebody who can be asked."""
    record: Path | None = None
    resume: bool = False
    """Go on with the last conversation."""
    session: str = ""
    """Go on with this one: its id, the beginning of it, or ``last``."""
    want_audio: bool = True
    use_microphone: bool = False
    use_speaker: bool = False
    greet: bool = False
    keep_standby: bool = True
    """Whether a second link may be kept ready; not worth it for a single turn."""


def apply(options: Options, profile: Profile) -> Profile:
    """The profile with the options laid over it. Pure.

    Another provider than the profile's takes none of the profile's models, address, region or voice, and
    may not keep what is said: all that belongs to the provider that it was written for.
    """
    replace = msgspec.structs.replace
    provider, voice, energy = profile.provider, profile.voice, profile.energy
    if options.provider and options.provider != provider.name:
        provider = replace(
            provider,
            name=options.provider,
            model="",
            region="",
            url="",
            transcription_model="",
            store=False,
        )
        voice = replace(voice, name="")
        energy = EnergyTable()
    if options.model:
        energy = EnergyTable()  # the ladder's models would go before it
    provider = replace(
        provider,
        model=options.model or provider.model,
        url=options.url or provider.url,
        insecure=options.insecure or provider.insecure,
    )
    character = profile.character
    if options.system:
        character = replace(character, persona=options.system)
    tools = replace(profile.tools, allow=("*",)) if options.allow_tools else profile.tools
    return replace(
        profile,
        provider=provider,
        energy=energy,
        voice=replace(voice, name=options.voice or voice.name),
        sound=_sound(options, profile.sound),
        character=character,
        tools=tools,
    )


def _sound(options: Options, sound: SoundTable) -> SoundTable:
    if not options.aec:
        return sound
    duplex = Duplex.AUTO if options.aec == Echo.AUTO else sound.duplex
    return msgspec.structs.replace(sound, echo=Echo(options.aec), duplex=duplex)
