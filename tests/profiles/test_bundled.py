"""What the bundled profiles say in comments is true."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

import msgspec
import pytest

from neko_cli.core.codecs import PROVIDERS, find_provider, make_codec
from neko_cli.core.codecs.base import Detection, SessionSpec
from neko_cli.core.profile import Profile, parse

EXAMPLES = {"greeting", "call", "text", "call_prompts", "url", "max_minutes_day"}
"""Keys whose comment is a suggestion, not the default."""

WITHOUT = {"embedded": "it is the default profile's"}
"""Providers without a bundled profile of their own name, and why."""

COMMENTED = re.compile(r"^# ([a-z_]+ = .*)$", re.MULTILINE)
"""A setting on a comment line of its own."""


def source(name: str) -> str:
    return (resources.files("neko_cli") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")


def names() -> list[str]:
    folder = resources.files("neko_cli") / "profiles"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@pytest.mark.parametrize("name", names())
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


@pytest.mark.parametrize("name", [name for name in names() if name != "default"])
def test_a_profile_is_answered_by_the_provider_of_its_name(name: str) -> None:
    profile = parse(tomllib.loads(source(name)), name)
    provider = find_provider(profile.provider.name, profile.provider.region)
    assert provider.name == name
    assert profile.extends == "default"
    assert profile.title
    # What is asked for can be done there.
    assert profile.turns.detection is not Detection.SEMANTIC or provider.capabilities.semantic_vad


def test_every_provider_has_a_profile() -> None:
    assert set(PROVIDERS) - set(WITHOUT) == set(names()) - {"default"}
    assert all(WITHOUT.values())
    assert parse(tomllib.loads(source("default")), "default").provider.name == "embedded"


@pytest.mark.parametrize("name", ["openai", "openai-live", "xai", "gemini", "qwen", "stepfun", "glm"])
def test_the_ladders_of_a_provider_get_smaller_and_begin_with_the_profiles_model(name: str) -> None:
    energy = parse(tomllib.loads(source(name)), name).energy
    for ladder in (energy.call, energy.text):
        models = [rung.model for rung in ladder]
        assert models[0] == ""
        assert len(set(models)) == len(models) > 1
        assert find_provider(name).model not in models, "an empty one stands for it"


def test_what_the_profiles_say_of_defaults_is_what_the_registry_says() -> None:
    for name, word in (("azure", "gpt-realtime-2.1"), ("azure", "marin"), ("xai", "eve"), ("xai", "0.7")):
        provider = find_provider(name)
        assert word in source(name)
        known = {provider.model, provider.voice, str(getattr(provider.dialect, "speeds", (0,))[0])}
        assert word in known
    assert "gpt-4o-mini-transcribe" in source("azure")
    assert getattr(find_provider("azure").dialect, "transcription_model", "") == "gpt-4o-mini-transcribe"
    for name in ("openai-live", "openai-chat"):
        assert f"takes {find_provider(name).model}." in source(name)
    assert find_provider("openai-live").capabilities.resume_ttl == 30 * 86_400
    for name in ("openai", "azure", "xai", "openai-live", "openai-chat"):
        assert any(key in source(name) for key in find_provider(name).key_names)


def test_the_place_that_vertex_suggests_makes_an_address() -> None:
    text = COMMENTED.sub(r"\1", source("vertex"))
    table = parse(tomllib.loads(text), "vertex").provider
    url = make_codec("vertex", SessionSpec(model=table.model), url=table.url, key="token").endpoint().url
    assert url.startswith("wss://us-central1-aiplatform.googleapis.com/ws/")
