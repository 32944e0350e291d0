"""Which voices espeak-ng has, read from its data folder without loading the library.

The folder holds one small file a language (``lang/<family>/<name>`` with ``language <tag> <rank>``
lines, a lower rank being the better match) and one a variant (``voices/!v/<name>``), which is put
behind a language with a plus sign: ``en-us+f3``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from neko_cli.core.errors import ConfigError

PREFERRED: Mapping[str, str] = {"en": "en-us", "pt": "pt-br", "zh": "cmn", "no": "nb"}
"""Voices for tags where espeak's own first choice is not what most people expect."""

OFFERED_VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
"""The plain female and male variants; the rest are characters (robots, croaks) or duplicates."""

_LANGUAGE_LINE = re.compile(r"^language\s+(\S+)(?:\s+(\d+))?", re.MULTILINE)
_DICTIONARY_LINE = re.compile(r"^(?:dictionary|phonemes|translator)\s+([^\s-]+)", re.MULTILINE)
_OWN_TAG = -1
_DEFAULT_RANK = 5


class VoiceTable(msgspec.Struct, frozen=True):
    """Language tags with the voice that speaks each, all voice names, and all variants."""

    by_tag: Mapping[str, str]
    names: frozenset[str]
    variants: Mapping[str, str]
    """Variant names as the files spell them, by their lower-case form."""

    def for_language(self, tag: str) -> str:
        """The voice for a language tag (``en``, ``zh-CN``, ``pt_BR``).

        The tag is shortened from the right until something matches; raises ConfigError.
        """
        wanted = tag.strip().lower().replace("_", "-") or "en"
        parts = wanted.split("-")
        for length in range(len(parts), 0, -1):
            short = "-".join(parts[:length])
            found = PREFERRED.get(short, "")
            if found in self.names:
                return found
            if short in self.by_tag:
                return self.by_tag[short]
        raise ConfigError(
            f"There is no voice for the language {tag!r}.",
            hint="Choose a language such as en, de, fr, es, it, ja, zh or ru.",
        )

    def resolve(self, voice: str, language: str) -> str:
        """The name to give to espeak for a wanted voice and language.

        ``en-us+f3`` names a voice and a variant, ``+f3`` or ``f3`` a variant of the language's own
        voice. A voice that espeak does not have (another provider's ``marin``) gives the
        language's own voice, so that a client written for that provider still speaks.
        """
        base, _, variant = voice.strip().partition("+")
        base = base.strip().lower().replace("_", "-")
        if not variant and base in self.variants:
            base, variant = "", base
        if base not in self.names:
            base = self.by_tag.get(base) or self.for_language(language)
        found = self.variants.get(variant.strip().lower(), "")
        return f"{base}+{found}" if found else base

    def offered(self, language: str) -> tuple[str, ...]:
        """Names to offer: the language's voice with its variants first, then every language."""
        own = self.for_language(language)
        variants = tuple(f"{own}+{name}" for name in OFFERED_VARIANTS if name in self.variants)
        return (own, *variants, *sorted(self.names - {own}))


@lru_cache(maxsize=4)
def read_voices(data_folder: Path) -> VoiceTable:
    """Read the voices of an espeak-ng data folder; raises ConfigError when it holds none."""
    ranked: dict[str, tuple[int, str]] = {}
    names: set[str] = set()
    for path in sorted((data_folder / "lang").rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        tags = [(tag.lower(), int(rank or _DEFAULT_RANK)) for tag, rank in _LANGUAGE_LINE.findall(text)]
        stems = {tag.partition("-")[0] for tag, _ in tags} | set(_DICTIONARY_LINE.findall(text))
        if not any((data_folder / f"{stem}_dict").exists() for stem in stems):
            continue  # a language that this build ships without its dictionary
        name = path.name.lower()
        names.add(name)
        for tag, rank in [*tags, (name, _OWN_TAG)]:
            if tag not in ranked or rank < ranked[tag][0]:
                ranked[tag] = (rank, name)
    if not names:
        raise ConfigError(
            "The espeak-ng voice data is incomplete.",
            hint="Run: pip install --force-reinstall espeakng-loader",
        )
    folder = data_folder / "voices" / "!v"
    variants = {path.name.lower(): path.name for path in sorted(folder.glob("*")) if path.is_file()}
    return VoiceTable({tag: name for tag, (_, name) in ranked.items()}, frozenset(names), variants)


def installed_voices() -> VoiceTable:
    """The voices of the installed ``espeakng-loader``; raises ConfigError when it is missing."""
    try:
        import espeakng_loader  # part of the extra `local`
    except ImportError as missing:
        raise ConfigError(
            "The voice needs the package espeakng-loader, which is not installed.",
            hint="Run: pip install 'neko-cli[local]'",
        ) from missing
    return read_voices(Path(espeakng_loader.get_data_path()))
