"""The catalogue of models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.errors import ConfigError
from neko_cli.local.models import KNOWN, NEEDED, ModelKind, find_model, mirrored, split_key
from neko_cli.services.archive import is_archive
from neko_cli.services.http_rules import checked_url


def test_every_model_has_what_its_engine_needs() -> None:
    for model in KNOWN:
        assert model.files, model.key
        for file in model.files:
            assert checked_url(file.url).scheme == "https"
            assert "/" not in file.path
            assert file.sha256 == "" or len(file.sha256) == 64
        if model.archive:
            assert len(model.files) == 1
            assert is_archive(model.files[0].path)
        else:
            names = [file.path for file in model.files]
            for group in NEEDED[model.kind]:
                assert any(name.endswith(pattern.lstrip("*")) for name in names for pattern in group)


def test_keys_are_unique_and_every_kind_is_there() -> None:
    keys = [model.key for model in KNOWN]
    assert len(set(keys)) == len(keys)
    assert {model.kind for model in KNOWN} == set(ModelKind)
    sizes = [model.name for model in KNOWN if model.kind is ModelKind.WHISPER]
    assert sizes == ["tiny", "base", "small", "medium", "large-v3"]


def test_a_piper_voice_is_found_where_the_project_keeps_it() -> None:
    voice = find_model("en_US-lessac-medium")
    assert [file.url.partition("/resolve/main/")[2] for file in voice.files] == [
        "en/en_US/lessac/medium/en_US-lessac-medium.onnx",
        "en/en_US/lessac/medium/en_US-lessac-medium.onnx.json",
    ]


@pytest.mark.parametrize("name", ["whisper:base", "base", "WHISPER:Base"])
def test_models_are_found_with_and_without_their_kind(name: str) -> None:
    assert find_model(name).key == "whisper:base"


def test_a_wrong_name_gets_near_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        find_model("whisper:bass")
    assert "whisper:base" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        find_model("qqqqqqqq")
    assert "neko local list" in caught.value.hint


@given(st.text(max_size=60))
def test_any_name_is_a_model_or_a_config_error(name: str) -> None:
    try:
        ours = find_model(name) in KNOWN
    except ConfigError as error:
        ours = bool(error.hint)
    assert ours


def test_keys_are_split_only_for_known_kinds() -> None:
    assert split_key("whisper:base") == (ModelKind.WHISPER, "base")
    assert split_key("base") is None
    assert split_key("vosk:small") is None
    assert split_key("piper:") is None


def test_a_mirror_replaces_the_hub_alone() -> None:
    url = find_model("base").files[0].url
    assert mirrored(url, "https://mirror.example/").startswith("https://mirror.example/Systran/")
    assert mirrored(url, "") == url
    release = next(model for model in KNOWN if model.kind is ModelKind.SHERPA).files[0].url
    assert mirrored(release, "https://mirror.example") == release
