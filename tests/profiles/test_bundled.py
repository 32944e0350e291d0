"""What the bundled profiles say in comments is true."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

import msgspec
import pytest

from neko_cli.core.codecs import find_provider
from neko_cli.core.profile import Profile, parse

EXAMPLES = {"greeting", "call", "text", "call_prompts", "url", "max_minutes_day"}
"""Keys whose comment is a suggestion, not the default."""

NAMES = sorted(
    entry.name.removesuffix(".toml") for entry in (resources.files("neko_cli") / "profiles").iterdir()
)

COMMENTED = re.compile(r"^# ([a-z_]+ = .*)$", re.MULTILINE)
"""A setting on a comment line of its own."""


def source(name: str) -> str:
    return (resources.files("neko_cli") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_in_a_comment_can_be_switched_on(name: str) -> None:
    text = source(name)
    settings = COMMENTED.findall(text)
    assert settings
    for setting in settings:  # one by one: some stand for what is set already
        key = setting.partition(" ")[0]
        alone = re.sub(rf"^{key} = (?!\[$).*$\n", "", text, flags=re.MULTILINE)
        parse(tomllib.loads(alone.replace(f"# {setting}", setting, 1)), name)


@pytest.mark.parametrize("table", ["swap", "memory", "guard"])
def test_what_stands_in_a_comment_is_the_default(table: str) -> None:
    shown: dict[str, Any] = tomllib.loads(COMMENTED.sub(r"\1", source("default")))[table]
    real: dict[str, Any] = msgspec.to_builtins(getattr(Profile(), table))
    assert set(shown) == set(real), "a table of the default profile shows all that it can hold"
    assert {key: value for key, value in shown.items() if key not in EXAMPLES} == {
        key: value for key, value in real.items() if key not in EXAMPLES
    }


@pytest.mark.parametrize("name", ["openai", "openai-live", "xai"])
def test_the_ladders_of_a_provider_get_smaller_and_begin_with_the_profiles_model(name: str) -> None:
    energy = parse(tomllib.loads(source(name)), name).energy
    for ladder in (energy.call, energy.text):
        models = [rung.model for rung in ladder]
        assert models[0] == ""
        assert len(set(models)) == len(models) > 1


@pytest.mark.parametrize("name", [name for name in NAMES if name != "default"])
def test_a_provider_has_a_profile_of_its_own_name_that_extends_the_default(name: str) -> None:
    profile = parse(tomllib.loads(source(name)), name)
    assert profile.provider.name == name
    assert find_provider(profile.provider.name).family
    assert profile.extends == "default"
    assert profile.title


def test_what_the_profiles_say_of_defaults_is_what_the_registry_says() -> None:
    for name, word in (("azure", "gpt-realtime-2.1"), ("azure", "marin"), ("xai", "eve"), ("xai", "0.7")):
        provider = find_provider(name)
        assert word in source(name)
        known = {provider.model, provider.voice, str(getattr(provider.dialect, "speeds", (0,))[0])}
        assert word in known
    assert "gpt-4o-mini-transcribe" in source("azure")
    assert getattr(find_provider("azure").dialect, "transcription_model", "") == "gpt-4o-mini-transcribe"
    assert f"takes {find_provider('openai-live').model}." in source("openai-live")
    assert find_provider("openai-live").capabilities.resume_ttl == 30 * 86_400
    for name in ("openai", "azure", "xai", "openai-live"):
        assert any(key in source(name) for key in find_provider(name).key_names)
