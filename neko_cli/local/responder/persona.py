"""Who the instructions say the responder is: name, nature, manner, greeting."""

from __future__ import annotations

import re

import msgspec

from neko_cli.local.responder.wording import clean

DEFAULT_NAME = "Neko"

_NAME = r"([A-ZÀ-\u024f][\w'\u2019-]{0,30}(?: [A-ZÀ-\u024f][\w'\u2019-]{0,30}){0,2})"
_NAMED = (
    re.compile(r"\b[Yy]our name is " + _NAME),
    re.compile(r"\b[Yy]ou(?: are|'re|\u2019re) (?:called |named )?" + _NAME),
    re.compile(r"\b(?:[Aa]ct as|[Pp]lay|[Pp]retend to be|[Tt]he role of) " + _NAME),
    re.compile(r"\b[Dd]u (?:bist|heißt) " + _NAME),
    re.compile(r"\b[Dd]ein Name ist " + _NAME),
    re.compile(r"(?:^|\n)\s*(?:[Nn]ame|[Cc]haracter)\s*[:=]\s*" + _NAME),
)
_NAMED_EAST = (
    re.compile(r"你(?:叫|的名字(?:叫|是)|是)\s*([\w]{1,12}?)(?=[，。,.\s]|$)"),
    re.compile(
        r"(?:あなた(?:の名前)?"
        r"|名前)は\s*([\w]{1,16}?)(?=です|だ|[、。\s]|$)"
    ),
)
_NOT_A_NAME = frozenset({"A", "An", "The", "Not", "Helpful", "Here", "Now", "Speaking", "Talking", "I", "It"})
_NATURE = re.compile(r"^,? (?:who is |is )?((?:a|an|the) [^.;:!?\n]{2,80})")
_USER = re.compile(
    r"\b(?:[Tt]he user(?:'s|\u2019s)? (?:name is|is called|is named)"
    r"|[Yy]ou(?: are|'re) (?:talking|speaking) (?:to|with)|[Tt]he user is)\s+" + _NAME
)
_GREETING = re.compile(
    r"\b(?:greet|welcome)\b[^.\n\"\u201c\u201d]{0,60}?(?:with|by saying|saying"
    r"|:)[: ,]*[\"\u201c「]([^\"\u201d」\n]{1,200})",
    re.IGNORECASE,
)
_FORMAL = re.compile(r"\b(formal|polite|courteous|butler|dignified|respectful|professional)\b")
_PLAYFUL = re.compile(r"\b(playful|cheerful|funny|silly|bubbly|energetic|cheeky|cat|catgirl|kitten|fun)\b")
_SHORT = re.compile(r"\b(short|brief|briefly|concise|terse|one sentence|few words|laconic)\b")
_DENIED = re.compile(r"\b(?:not|never|no|don't|do not|in)\s*(?:be |too |so |very |overly )*$")
_LANGUAGE = re.compile(
    r"\b(?:answer|reply|respond|speak|talk|write)\b[^.\n]{0,30}?\b(english|german|deutsch"
    r"|chinese|mandarin|japanese)\b",
    re.IGNORECASE,
)
_LANGUAGE_ITSELF = (
    ("de", re.compile(r"\bauf deutsch\b|\bsprich deutsch\b", re.IGNORECASE)),
    ("zh", re.compile(r"(?:用|说|講)中文")),
    ("ja", re.compile(r"日本語で")),
)
_LANGUAGES = {
    "english": "en",
    "german": "de",
    "deutsch": "de",
    "chinese": "zh",
    "mandarin": "zh",
    "japanese": "ja",
}


class Persona(msgspec.Struct, frozen=True):
    """The character as far as the responder can play it."""

    name: str = DEFAULT_NAME
    nature: str = ""
    """``a cheerful cat``; empty when the instructions do not say."""
    formal: bool = False
    playful: bool = False
    short: bool = False
    greeting: str = ""
    """Words to greet with, when they are given in quotes."""
    language: str = ""
    """Language that the instructions ask for: en, de, zh, ja, or empty."""
    user: str = ""
    """The user's name, when the instructions tell it."""


def read_persona(instructions: str) -> Persona:
    """The persona in free instructions; whatever is not said keeps its default."""
    text = instructions[:8000]
    low = text.lower()
    name, nature = _name_and_nature(text)
    greeting = _GREETING.search(text)
    user = _USER.search(text)
    asked = _LANGUAGE.search(text)
    language = _LANGUAGES[asked.group(1).lower()] if asked else ""
    language = language or next((tag for tag, pattern in _LANGUAGE_ITSELF if pattern.search(text)), "")
    return Persona(
        name=name or DEFAULT_NAME,
        nature=nature,
        formal=_says(_FORMAL, low),
        playful=_says(_PLAYFUL, low),
        short=_says(_SHORT, low),
        greeting=clean(greeting.group(1)) if greeting else "",
        language=language,
        user=_name_only(user.group(1)) if user else "",
    )


def _name_and_nature(text: str) -> tuple[str, str]:
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            name = _name_only(match.group(1))
            if name:
                nature = _NATURE.match(text[match.end() :])
                said = clean(nature.group(1)) if nature else ""
                return name, "" if re.search(r"\b(?:you|your)\b", said) else said
    for pattern in _NAMED_EAST:
        east = pattern.search(text)
        if east and not east.group(1).startswith(("一", "个")):
            return clean(east.group(1)), ""
    return "", ""


def _name_only(found: str) -> str:
    words = clean(found).split()
    if not words or words[0] in _NOT_A_NAME:
        return ""
    return " ".join(words)


def _says(pattern: re.Pattern[str], low: str) -> bool:
    """Whether a manner is asked for, and not denied (``not formal``, ``informal``)."""
    return any(
        not _DENIED.search(low[max(0, match.start() - 24) : match.start()]) for match in pattern.finditer(low)
    )
