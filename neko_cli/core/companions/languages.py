"""Names of languages in all the ways that people and programs write them. Pure.

Tags are BCP 47 (RFC 5646), kept as short as our purpose allows: the language alone, except for
Chinese, whose two scripts are two languages to a reader: ``zh`` (simplified) and ``zh-Hant``.
"""

from __future__ import annotations

import re

LONGEST = 40
"""Characters of a tag or name; longer ones are none."""

ENGLISH_NAMES = {
    "ar": "Arabic",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Simplified Chinese",
    "zh-Hant": "Traditional Chinese",
}
"""What a model is told; other tags are told as they are."""

_NAMES = {
    "ar": "arabic العربية عربي ara arb",
    "de": "german deutsch ger deu allemand",
    "el": "greek ελληνικά gre ell",
    "en": "english englisch eng anglais inglés",
    "es": "spanish español espanol castellano spa latam",
    "fr": "french français francais fre fra französisch",
    "he": "hebrew עברית heb iw",
    "hi": "hindi हिन्दी हिंदी hin",
    "it": "italian italiano ita",
    "ja": "japanese 日本語 日本语 jpn jp",
    "ko": "korean 한국어 韩语 kor koreana kr",
    "nl": "dutch nederlands dut nld",
    "pl": "polish polski pol",
    "pt": "portuguese português portugues por brazilian",
    "ru": "russian русский rus",
    "sv": "swedish svenska swe",
    "th": "thai ไทย tha",
    "tr": "turkish türkçe turkce tur",
    "uk": "ukrainian українська ukr ua",
    "vi": "vietnamese vie",
    "zh": "chinese 中文 汉语 漢語 普通话 国语 简体中文 简体 simplifiedchinese chinesesimplified schinese "
    "mandarin chi zho cmn hans",
    "zh-Hant": "繁體中文 繁体中文 繁體 繁体 正體中文 traditionalchinese chinesetraditional tchinese "
    "cantonese 粵語 yue hant",
}
_BY_NAME = {name: tag for tag, names in _NAMES.items() for name in names.split()}
_TAG = re.compile(r"(?P<base>[a-z]{2,3})(?P<rest>(?:-[a-z0-9]{1,8})*)")
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def normalise(tag: str) -> str:
    """A tag or a name of a language in our form; empty when it is none.

    ``zh_CN`` → ``zh``, ``zh-TW`` → ``zh-Hant``, ``German`` → ``de``, ``pt-BR`` → ``pt``. A region is
    dropped: its readers understand the language. Well-formed tags that we do not know stay.
    """
    text = tag.strip().casefold()[: LONGEST + 1]
    if not text or len(text) > LONGEST:
        return ""
    # Names may hold blanks and brackets: "Chinese (Simplified)".
    named = _BY_NAME.get(re.sub(r"[\s()_-]+", "", text))
    if named is not None:
        return named
    # A locale may name an encoding or a variant: "de_DE.UTF-8@euro".
    found = _TAG.fullmatch(re.split(r"[.@]", text.replace("_", "-"), maxsplit=1)[0])
    if found is None:
        return ""
    base, parts = found["base"], found["rest"].split("-")
    base = _BY_NAME.get(base, base)
    if base == "zh" and "hans" not in parts and _TRADITIONAL.intersection(parts):
        return "zh-Hant"
    return base


def same_language(one: str, other: str) -> bool:
    """Whether two tags in any form are the same to a reader; an unknown one is like no other."""
    first = normalise(one)
    return bool(first) and first == normalise(other)


def base(tag: str) -> str:
    """The language of a normalised tag without its script."""
    return tag.partition("-")[0]


def english_name(tag: str) -> str:
    """The language's name for a model's instructions; the tag where we know none."""
    return ENGLISH_NAMES.get(tag, tag)
