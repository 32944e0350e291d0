"""What a command line says is laid over the profile."""

from __future__ import annotations

import pytest

from neko_cli.core.profile import (
    Duplex,
    EnergyTable,
    Profile,
    ProviderTable,
    Rung,
    SoundTable,
    VoiceTable,
)
from neko_cli.wiring.options import Options, apply

LIVE = Profile(
    provider=ProviderTable(
        name="openai-live", model="m", url="wss://live.test", transcription_model="t", store=True
    ),
    voice=VoiceTable(name="marin", speed=1.2),
    energy=EnergyTable(call=(Rung(), Rung(model="small"))),
)


def test_without_options_a_profile_stays_what_it_is() -> None:
    assert apply(Options(), LIVE) == LIVE


def test_another_provider_takes_nothing_that_belongs_to_the_profiles_own() -> None:
    profile = apply(Options(provider="xai"), LIVE)
    assert profile.provider == ProviderTable(name="xai")
    assert profile.voice == VoiceTable(speed=1.2)
    assert profile.energy == EnergyTable()


def test_a_model_goes_before_the_ladder_and_leaves_the_rest() -> None:
    profile = apply(Options(provider="openai-live", model="other"), LIVE)
    assert profile.provider.model == "other"
    assert profile.provider.store
    assert profile.energy == EnergyTable()
    assert profile.voice == LIVE.voice


@pytest.mark.parametrize(
    ("aec", "echo", "duplex"), [("", "auto", "full"), ("auto", "auto", "auto"), ("off", "off", "full")]
)
def test_cancelling_echo_is_for_speaking_over_the_character(aec: str, echo: str, duplex: str) -> None:
    sound = apply(Options(aec=aec), Profile(sound=SoundTable(duplex=Duplex.FULL))).sound
    assert (sound.echo, sound.duplex) == (echo, duplex)
