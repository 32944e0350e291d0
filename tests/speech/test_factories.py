"""What is told when a package or a model is missing, and what folders are understood."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.speech.model_folder import find_model_folder
from neko_cli.speech.stt.base import Expected
from neko_cli.speech.stt.factory import make_recogniser
from neko_cli.speech.stt.sherpa import files_of, loader_for
from neko_cli.speech.tts.factory import list_voices, make_engine
from neko_cli.speech.tts.piper import speaker_names, voice_files


def folder_with(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_bytes(b"{}")
    return path


@pytest.mark.parametrize("name", ["whisper:base", "sherpa:zipformer"])
def test_a_recogniser_that_is_not_installed_is_told_with_its_command(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"neko local install {name}"):
        make_recogniser(name, tmp_path, Expected())


def test_a_voice_that_is_not_installed_is_told_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neko local install piper:amy"):
        make_engine("piper:amy", tmp_path)
    with pytest.raises(ConfigError, match="neko local install piper:amy"):
        list_voices("piper:amy", tmp_path, "en")


@pytest.mark.parametrize("name", ["vosk", "vosk:small", "whisper", "piper:amy"])
def test_an_unknown_recogniser_is_told_with_the_allowed_ones(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Allowed: pocketsphinx|not installed"):
        make_recogniser(name, tmp_path, Expected())


def test_an_unknown_synthesiser_is_told_with_the_allowed_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Allowed: espeak, piper:NAME"):
        make_engine("festival", tmp_path)


@pytest.mark.parametrize(
    ("name", "module", "hint"),
    [
        ("whisper:base", "faster_whisper", r"neko-cli\[whisper\]"),
        ("sherpa:base", "sherpa_onnx", r"neko-cli\[sherpa\]"),
    ],
)
def test_a_missing_package_is_told_with_its_extra(
    name: str, module: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    folder_with(tmp_path / name.replace(":", "/"), "model.bin", "tokens.txt", "model.onnx")
    with pytest.raises(ConfigError, match=hint):
        make_recogniser(name, tmp_path, Expected())


def test_missing_piper_is_told_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    folder_with(tmp_path / "piper" / "amy", "amy.onnx", "amy.onnx.json")
    with pytest.raises(ConfigError, match=r"neko-cli\[piper\]"):
        make_engine("piper:amy", tmp_path)


@pytest.mark.parametrize("module", ["pocketsphinx", "espeakng_loader"])
def test_without_the_floor_the_hint_names_the_extra(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    make = {
        "pocketsphinx": lambda: make_recogniser("pocketsphinx", tmp_path, Expected()),
        "espeakng_loader": lambda: make_engine("espeak", tmp_path),
    }
    with pytest.raises(ConfigError, match=r"pip install 'neko-cli\[local\]'"):
        make[module]()


def test_a_model_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "models" / "whisper" / "base", "model.bin")
    assert find_model_folder(tmp_path / "models", "whisper", "base") == folder
    assert find_model_folder(tmp_path, "whisper", str(folder)) == folder
    assert find_model_folder(tmp_path, "whisper", str(folder / "model.bin")) == folder


@pytest.mark.parametrize("name", ["", " ", "..", "../secrets"])
def test_a_name_that_is_no_model_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "whisper").mkdir()
    with pytest.raises(ConfigError, match="is not installed"):
        find_model_folder(tmp_path, "whisper", name)


TRANSDUCER = ["tokens.txt", "encoder-1.onnx", "decoder-1.onnx", "joiner-1.onnx"]


@pytest.mark.parametrize(
    ("names", "metadata", "loader"),
    [
        (TRANSDUCER, b"T decode_chunk_len", "streaming transducer"),
        (TRANSDUCER, b"zipformer2", "transducer"),
        (TRANSDUCER, b"pred_rnn_layers", "nemo transducer"),
        (["base-tokens.txt", "base-encoder.onnx", "base-decoder.onnx"], b"n_mels", "whisper"),
        (["tokens.txt", "model.onnx"], b"lang_zh with_itn lfr_window_size", "sense voice"),
        (["tokens.txt", "model.int8.onnx"], b"lfr_window_size neg_mean", "paraformer"),
        (["tokens.txt", "model.onnx"], b"model_type zipformer2_ctc", "zipformer ctc"),
        (["tokens.txt", "model.onnx"], b"zipformer2 decode_chunk_len", "streaming zipformer ctc"),
        (["tokens.txt", "model.onnx"], b"EncDecCTCModelBPE", "nemo ctc"),
    ],
)
def test_a_sherpa_folder_tells_its_loader(names: list[str], metadata: bytes, loader: str) -> None:
    assert loader_for(files_of(names), metadata) == loader


def test_the_smaller_of_two_sherpa_models_is_taken() -> None:
    assert files_of(["tokens.txt", "model.onnx", "model.int8.onnx"])["model"] == "model.int8.onnx"


@pytest.mark.parametrize("names", [[], ["tokens.txt"], ["model.onnx"], ["tokens.txt", "encoder.onnx"]])
def test_a_folder_that_is_no_sherpa_model_is_told(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="holds no sherpa-onnx recogniser"):
        files_of(names)


def test_a_sherpa_model_of_another_kind_is_not_tried() -> None:
    with pytest.raises(ConfigError, match="not supported"):
        loader_for(files_of(["tokens.txt", "model.onnx"]), b"something else")


def test_the_speakers_of_a_piper_voice_are_listed_without_loading_it(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "piper" / "duo", "duo.onnx")
    settings = folder / "duo.onnx.json"
    settings.write_text('{"speaker_id_map": {"mia": 1, "leo": 0}}')
    assert voice_files(folder) == (folder / "duo.onnx", settings)
    assert list_voices("piper:duo", tmp_path, "en") == ["leo", "mia"]
    settings.write_text("[]")
    with pytest.raises(ConfigError, match="cannot be read"):
        speaker_names(settings)
    settings.unlink()
    with pytest.raises(ConfigError, match="holds no piper voice"):
        voice_files(folder)
