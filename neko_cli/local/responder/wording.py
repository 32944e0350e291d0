"""Small helpers for English words: cleaning, splitting, turning the speaker around, lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MAX_TEXT = 2000
"""Characters of one message that are looked at; keeps every answer quick."""

_CONTRACTIONS = (
    (r"\bcan[' ]?not\b|\bcan'?t\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"\b(do|does|did|is|are|was|were|have|has|had|would|should|could)n't\b", r"\1 not"),
    (r"\b(do|does|did|is|was|have|has|would|should|could)nt\b", r"\1 not"),
    (r"\bi'?m\b", "I am"),
    (r"\b(what|who|where|when|how|that|it|there|he|she|here)'s\b", r"\1 is"),
    (r"\b(what|who|where|how)s\b", r"\1 is"),
    (r"\b(you|we|they|what|who|where|how)'re\b", r"\1 are"),
    (r"\b(i|you|we|they)'ve\b", r"\1 have"),
    (r"\b(i|you|he|she|it|we|they|that|what)'ll\b", r"\1 will"),
    (r"\b(i|you|he|she|we|they)'d\b", r"\1 would"),
    (r"\blet's\b", "let us"),
)
_EXPAND = tuple((re.compile(pattern, re.IGNORECASE), into) for pattern, into in _CONTRACTIONS)

_FLIP = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
    "you": "I", "your": "my", "yours": "mine", "yourself": "myself", "was": "was",
    "we": "you", "us": "you", "our": "your", "ours": "yours",
}  # fmt: skip

STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being but by can
    cannot could did do does doing done down each else ever every few for from get gets getting go
    goes going got had has have having he her here hers him his how i if in into is it its just
    know let like lot made make makes many may me might mine more most much must my need no not
    now of off oh ok okay on once one only or other our out over own please put quite really said
    same say says see shall she should since so some something such tell than thank thanks that
    the their them then there these they thing things think this those though through to told too
    under until up us very want wants was we well went were what when where which while who whom
    whose why will with would yeah yes yet you your yours today tomorrow yesterday always never
    sometimes maybe actually much quite bit little day time good bad""".split()
)


def clean(text: str) -> str:
    """Printable text on one line, composed (NFC), at most ``MAX_TEXT`` characters."""
    kept = "".join(char if _is_visible(char) else " " for char in text[: MAX_TEXT * 2])
    return " ".join(unicodedata.normalize("NFC", kept).split())[:MAX_TEXT].strip()


def _is_visible(char: str) -> bool:
    return unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029"


def expand(text: str) -> str:
    """Contractions written out and apostrophes made straight, so that patterns stay simple."""
    out = text.replace("\u2019", "'").replace("\u2018", "'").replace("`", "'")
    for pattern, into in _EXPAND:
        out = pattern.sub(into, out)
    return out


def words_only(text: str) -> str:
    """Lower-case words with single blanks; only apostrophes and hyphens inside words stay."""
    low = text.lower()
    kept = "".join(char if char.isalnum() or char in "'-" else " " for char in low)
    return " ".join(word.strip("'-") for word in kept.split() if word.strip("'-"))


def sentences(text: str) -> list[str]:
    """Sentences of a message, their marks kept; a point inside a number or an initial is none."""
    parts = re.split(r"(?<=[.!?。！？…])(?<!\b[A-Za-z]\.)\s+|(?<=[。！？])", text)
    return [part.strip() for part in parts if part and part.strip()]


def flip(text: str) -> str:
    """The same words from the other side of the conversation: ``my cat`` → ``your cat``."""
    words = text.split(" ")
    out: list[str] = []
    for index, word in enumerate(words):
        bare = word.strip(".,!?;:\"'")
        low = bare.lower()
        turned = _FLIP.get(low)
        if low == "are" and index and words[index - 1].lower() == "you":
            turned = "am"
        elif low in ("was", "were") and index:
            before = words[index - 1].lower()
            turned = {"i": "were", "you": "was"}.get(before)
        elif low == "you" and index and index == len(words) - 1:
            turned = "me"
        out.append(word.replace(bare, turned, 1) if turned and bare else word)
    return " ".join(out)


def as_sentence(text: str) -> str:
    """First letter large and a mark at the end."""
    out = text.strip()
    if not out:
        return out
    out = out[0].upper() + out[1:]
    return out if out[-1] in ".!?。！？" else out + "."


def listed(items: Sequence[str], joiner: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {joiner} {items[-1]}"


def topic_words(text: str) -> list[str]:
    """Words that carry the subject, in order, each once."""
    found = [word for word in words_only(expand(text)).split() if word not in STOP_WORDS and len(word) > 2]
    return list(dict.fromkeys(found))


def as_written(fragment: str, text: str) -> str:
    """A lower-case fragment as it stands in the text, with its capitals, when it can be found there."""
    at = text.lower().find(fragment)
    return text[at : at + len(fragment)] if at >= 0 and len(text.lower()) == len(text) else fragment


def shortened(text: str, limit: int = 80) -> str:
    """At most ``limit`` characters, cut at a word, without a mark at the end."""
    out = text.strip().rstrip(".!?,;: ")
    if len(out) <= limit:
        return out
    return out[:limit].rsplit(" ", 1)[0].rstrip(".!?,;: ") or out[:limit]
