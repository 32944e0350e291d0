"""What the bundled profiles say in comments is true."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

import msgspec
import pytest

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.profile import Profile, parse

EXAMPLES = {"greeting", "call", "text", "call_prompts", "url", "max_minutes_day"}
"""Keys whose comment is a suggestion, not the default."""

COMMENTED = re.compile(r"^# ([a-z_]+ = .*)$", re.MULTILINE)
"""A setting on a comment line of its own."""


def source(name: str) -> str:
    return (resources.files("neko_cli") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")


def names() -> list[str]:
    folder = resources.files("neko_cli") / "profiles"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


@pytest.mark.parametrize("name", names())
def test_every_setting_in_a_comment_can_be_switched_on(name: str) -> None:
    text, count = COMMENTED.subn(r"\1", source(name))
    assert count >= 1
    parse(tomllib.loads(text), name)


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
    assert parse(tomllib.loads(source(name)), name).provider.name == name


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_the_ladders_of_a_provider_get_smaller_and_begin_with_the_profiles_model(name: str) -> None:
    energy = parse(tomllib.loads(source(name)), name).energy
    for ladder in (energy.call, energy.text):
        models = [rung.model for rung in ladder]
        assert models[0] == ""
        assert len(set(models)) == len(models) > 1


def test_the_place_that_vertex_suggests_makes_an_address() -> None:
    text = COMMENTED.sub(r"\1", source("vertex"))
    table = parse(tomllib.loads(text), "vertex").provider
    url = make_codec("vertex", SessionSpec(model=table.model), url=table.url, key="token").endpoint().url
    assert url.startswith("wss://us-central1-aiplatform.googleapis.com/ws/")
