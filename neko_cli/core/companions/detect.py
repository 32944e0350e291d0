"""Which language a text is written in, told from the text alone. Pure; no network, no model.

First the script, then, where several languages share it, letters and frequent words that only one
of them has. Silence is better than a wrong answer: what cannot be told is the empty string.
"""

from __future__ import annotations

import re

from neko_cli.core.companions.detect_words import (
    CYRILLIC,
    LATIN,
    ONLY_JAPANESE,
    ONLY_SIMPLIFIED,
    ONLY_TRADITIONAL,
    SHARED_WITH_JAPANESE,
    SPECIAL_LETTERS,
)
from neko_cli.core.companions.languages import normalise

READ = 2000
"""Characters that are looked at; more say no more."""

DOMINANT = 0.6
"""Share of the letters that one script needs; a text of two halves has no language."""

KANA_SHARE = 0.1
"""Of kana and Han characters; Japanese has far more kana than this, a Chinese text with a name less."""

FAMILIAR = 0.22
"""Share of the words that must be frequent words of the language. Real sentences have 0.3 to 0.6."""

AHEAD = 1.25
"""How much better than the next language the best one must be."""

SPECIAL_WEIGHT = 1.5
"""A letter that only one language has, in frequent words."""

LATIN_WEIGHT = 0.4
"""A Latin letter against one of Chinese or Japanese: so many more of them say the same."""

_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\S+|`[^`]*`|[@#]\w+|<[^<>]{1,40}>")
_SCRIPTS = {
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "arabic": "\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f",
    "devanagari": "\u0900-\u097f",
    "thai": "\u0e00-\u0e7f",
    "hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3",
    "kana": "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\uff66-\uff9d",
    "han": "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
}
_FINDERS = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
_BY_SCRIPT = {"greek": "el", "hebrew": "he", "thai": "th", "hangul": "ko"}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SETS = {
    script: {tag: frozenset(words.split()) for tag, words in profiles.items()}
    for script, profiles in (("latin", LATIN), ("cyrillic", CYRILLIC))
}
_VIETNAMESE = re.compile("[ăđơưĂĐƠƯ\u1ea0-\u1ef9]")
_PERSIAN_OR_URDU = re.compile("[پچژگکیںےٹڈڑ]")
_MARATHI_OR_NEPALI = re.compile("ळ|(?<!\\w)(?:आहे|आणि|नाही|छ|हुन्छ|तपाईं)(?!\\w)")
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")
_RUSSIAN = re.compile("[ыэъёЫЭЪЁ]")
_OTHER_CYRILLIC = re.compile("[ўЎјљњћђџЈЉЊЋЂЏәөүұқғңһ]")


def letters(text: str) -> int:
    """How many letters a text has, whatever the script."""
    return sum(char.isalpha() for char in text)


def readable(text: str) -> str:
    """What of a text is words: without addresses, code, mentions and tags."""
    return _NO_WORDS.sub(" ", text[:READ])


def detect(text: str, hint: str = "") -> str:
    """The language as a normalised tag; empty when unsure.

    ``hint`` is what is expected; it only decides between languages that fit equally well. ``zh``
    means Chinese that may be either script, ``zh-Hant`` Chinese that is certainly traditional.
    """
    text = readable(text)
    hint = normalise(hint)
    counts = {name: len(found.findall(text)) for name, found in _FINDERS.items()}
    east = counts["han"] + counts["kana"]
    weights = {name: float(count) for name, count in counts.items() if name not in ("han", "kana")}
    weights["east"] = float(east)
    if east or counts["hangul"]:
        # Names of products stand in Latin letters inside Chinese and Japanese sentences.
        weights["latin"] *= LATIN_WEIGHT
    script = max(weights, key=weights.__getitem__)
    total = sum(weights.values())
    if not total or weights[script] < DOMINANT * total:
        return ""
    match script:
        case "east":
            return _chinese_or_japanese(text, counts["kana"], east, hint)
        case "latin":
            return "vi" if len(_VIETNAMESE.findall(text)) >= 2 else _by_words(text, script, hint)
        case "cyrillic":
            return _cyrillic(text, hint)
        case "arabic":
            return "" if _PERSIAN_OR_URDU.search(text) else "ar"
        case "devanagari":
            return "" if _MARATHI_OR_NEPALI.search(text) else "hi"
        case _:
            return _BY_SCRIPT[script]


def chinese_script(text: str) -> str:
    """Which script Chinese text is certainly in: ``Hans`` or ``Hant``; empty when it is as well the other."""
    simple = sum(char in ONLY_SIMPLIFIED for char in text[:READ])
    full = sum(char in ONLY_TRADITIONAL for char in text[:READ])
    if simple == full:
        return ""
    return "Hans" if simple > full else "Hant"


def _chinese_or_japanese(text: str, kana: int, east: int, hint: str) -> str:
    if kana >= KANA_SHARE * east:
        return "ja"
    if any(char in ONLY_JAPANESE for char in text):
        return "ja"
    chinese = any(char in ONLY_SIMPLIFIED and char not in SHARED_WITH_JAPANESE for char in text)
    if hint == "ja" and not chinese:
        return "ja"
    return "zh-Hant" if chinese_script(text) == "Hant" else "zh"


def _cyrillic(text: str, hint: str) -> str:
    if _OTHER_CYRILLIC.search(text):
        return ""
    ukrainian, russian = _UKRAINIAN.search(text), _RUSSIAN.search(text)
    if ukrainian and russian:
        return ""
    if ukrainian:
        return "uk"
    found = _by_words(text, "cyrillic", hint)
    return "ru" if russian and found in ("", "uk") else found


def _by_words(text: str, script: str, hint: str) -> str:
    """The language whose frequent words fill enough of the text, and more than any other's."""
    words = [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
    if not words:
        return ""
    scores: dict[str, float] = {}
    for tag, known in _SETS[script].items():
        score = float(sum(word in known for word in words))
        special = SPECIAL_LETTERS.get(tag, "")
        if special and any(char in text.casefold() for char in special):
            score += SPECIAL_WEIGHT
        scores[tag] = score
    best = max(scores.values())
    if best < FAMILIAR * len(words):
        return ""
    near = [tag for tag, score in scores.items() if score * AHEAD > best]
    if hint in near:
        return hint
    return near[0] if len(near) == 1 else ""
