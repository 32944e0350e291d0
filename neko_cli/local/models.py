"""Ears and voices that can be installed: what there is, where it comes from, what belongs to it. Pure.

Addresses are those of the projects themselves: the CTranslate2 conversions that faster-whisper
loads (Systran), the release files of sherpa-onnx, and the voices of piper. No checksum is known for
certain here, so none is stated; what was downloaded at the first installation is recorded in the
model's manifest. Sizes are approximate, for the list alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from neko_cli.core.errors import ConfigError

HUB = "https://huggingface.co"
"""Where whisper and piper models live; ``HF_ENDPOINT`` names a mirror."""

_RELEASES = "https://github.com/k2-fsa/sherpa-onnx/releases/download/asr-models"


class ModelKind(StrEnum):
    """Which engine loads it."""

    WHISPER = "whisper"
    SHERPA = "sherpa"
    PIPER = "piper"


class ModelFile(msgspec.Struct, frozen=True):
    """A file to fetch: ``path`` inside the model's folder; ``sha256`` empty where it is not known."""

    path: str
    url: str
    sha256: str = ""


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be installed by name. ``archive`` tells that its only file is to be unpacked."""

    kind: ModelKind
    name: str
    title: str
    language: str
    about_mb: int
    files: tuple[ModelFile, ...]
    archive: bool = False

    @property
    def key(self) -> str:
        """``whisper:base``, as in a profile."""
        return f"{self.kind.value}:{self.name}"


def _whisper(
    name: str, title: str, about_mb: int, *, language: str = "many", extra: Sequence[str] = ()
) -> KnownModel:
    base = f"{HUB}/Systran/faster-whisper-{name}/resolve/main"
    files = ("config.json", "model.bin", "tokenizer.json", *(extra or ("vocabulary.txt",)))
    return KnownModel(
        kind=ModelKind.WHISPER,
        name=name,
        title=title,
        language=language,
        about_mb=about_mb,
        files=tuple(ModelFile(file, f"{base}/{file}") for file in files),
    )


def _sherpa(name: str, title: str, language: str, about_mb: int) -> KnownModel:
    file = f"{name}.tar.bz2"
    return KnownModel(
        kind=ModelKind.SHERPA,
        name=name.removeprefix("sherpa-onnx-"),
        title=title,
        language=language,
        about_mb=about_mb,
        files=(ModelFile(file, f"{_RELEASES}/{file}"),),
        archive=True,
    )


def _piper(name: str, title: str, about_mb: int = 63) -> KnownModel:
    place, speaker, quality = name.split("-")
    language = place.split("_")[0]
    folder = f"{HUB}/rhasspy/piper-voices/resolve/main/{language}/{place}/{speaker}/{quality}"
    return KnownModel(
        kind=ModelKind.PIPER,
        name=name,
        title=title,
        language=language,
        about_mb=about_mb,
        files=(*(ModelFile(file, f"{folder}/{file}") for file in (f"{name}.onnx", f"{name}.onnx.json")),),
    )


KNOWN: tuple[KnownModel, ...] = (
    _whisper("tiny", "Whisper tiny: quick, better than the floor", 78),
    _whisper("base", "Whisper base: a good start on any machine", 148),
    _whisper("small", "Whisper small: accurate, needs a quick machine", 486),
    _whisper("medium", "Whisper medium: very accurate, slow without a GPU", 1530),
    _whisper(
        "large-v3",
        "Whisper large: the most accurate, for a GPU",
        3090,
        extra=("vocabulary.json", "preprocessor_config.json"),
    ),
    _sherpa("sherpa-onnx-streaming-zipformer-en-20M-2023-02-17", "Zipformer 20M: small and quick", "en", 128),
    _sherpa(
        "sherpa-onnx-streaming-zipformer-bilingual-zh-en-2023-02-20",
        "Zipformer for two languages",
        "zh en",
        511,
    ),
    _sherpa(
        "sherpa-onnx-sense-voice-zh-en-ja-ko-yue-2024-07-17",
        "SenseVoice for five languages",
        "zh en ja ko yue",
        1000,
    ),
    _piper("en_US-lessac-medium", "American English, woman"),
    _piper("en_US-amy-medium", "American English, woman"),
    _piper("en_US-ryan-high", "American English, man", 121),
    _piper("en_GB-alba-medium", "British English, woman"),
    _piper("en_GB-alan-medium", "British English, man"),
    _piper("de_DE-thorsten-medium", "German, man"),
    _piper("fr_FR-siwis-medium", "French, woman"),
    _piper("es_ES-davefx-medium", "Spanish, man"),
    _piper("zh_CN-huayan-medium", "Mandarin, woman"),
)
"""The catalogue. Further models install from a file, a folder or an address."""

NEEDED: dict[ModelKind, tuple[tuple[str, ...], ...]] = {
    ModelKind.WHISPER: (("model.bin",), ("config.json",)),
    ModelKind.SHERPA: (("tokens.txt", "*-tokens.txt"), ("*.onnx",)),
    ModelKind.PIPER: (("*.onnx",), ("*.onnx.json",)),
}
"""What an engine needs to load a folder: for each group one file that matches a pattern."""


def find_model(name: str, catalogue: Iterable[KnownModel] = KNOWN) -> KnownModel:
    """The model of that name, with or without its kind in front; raises ConfigError with near names."""
    models = list(catalogue)
    wanted = name.strip().lower()
    found = [model for model in models if wanted in (model.key.lower(), model.name.lower())]
    if len(found) == 1:
        return found[0]
    keys = [model.key for model in models]
    bare = {model.name: model.key for model in models}
    near = difflib.get_close_matches(name, [*keys, *bare], n=3, cutoff=0.5)
    shown = list(dict.fromkeys(bare.get(one, one) for one in near))
    hint = f"Near: {', '.join(shown)}." if shown else "`neko local list` shows what there is."
    raise ConfigError(f"No model is called {name[:60]!r}.", hint=hint)


def split_key(key: str) -> tuple[ModelKind, str] | None:
    """Kind and name of ``whisper:base``; None when it is not of that form."""
    kind, colon, name = key.partition(":")
    if not colon or not name or kind not in {member.value for member in ModelKind}:
        return None
    return ModelKind(kind), name


def mirrored(url: str, endpoint: str) -> str:
    """The address at a mirror of the hub, when one is named."""
    if endpoint and url.startswith(f"{HUB}/"):
        return endpoint.rstrip("/") + url[len(HUB) :]
    return url
