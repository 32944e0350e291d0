"""Whether what somebody has said so far reads as finished. Pure.

It decides how long a silence has to be, so a wrong yes interrupts people: when unsure, it is not finished.
"""

from __future__ import annotations

import re

from neko_cli.core.finished_words import (
    ABBREVIATIONS,
    COMPLETE,
    FINISHED_ENDINGS,
    HANGING,
    HESITATIONS,
    JOINING,
    UNFINISHED_ENDINGS,
)

CLOSING = "\"'”’»›」』)]）】》〉 \t\n"
"""What may stand behind a full stop."""

STOPS = ".。．｡।։።۔"
ASKS = "!?！？؟‽"
GOES_ON = (
    ",",
    "，",
    "、",
    "،",
    ";",
    "；",
    ":",
    "：",
    "-",
    "–",
    "—",
    "~",
    "〜",
    "…",
    "⋯",
    "‥",
    "..",
    "。。",
    "・・",
)
"""At the end of a text, these say that it goes on."""

_NUMBER = re.compile(r"\d$")
_INITIALS = re.compile(r"(?:^|[\s.(])[^\W\d_]$")
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SPEAKS_WITHOUT_BLANKS = frozenset(UNFINISHED_ENDINGS) | frozenset(FINISHED_ENDINGS)


def reads_as_finished(text: str, language: str = "") -> bool:
    """Whether a sentence, or a short request, is complete.

    Args:
        text: what a recogniser has made of it so far, with or without punctuation.
        language: the speaker's language tag; may be wrong, or empty.
    """
    text = text.strip().rstrip(CLOSING)
    tongue = language.partition("-")[0].lower()
    if not text or text.endswith(GOES_ON):
        return bool(text) and tongue == "el" and text.endswith(";")  # the Greek question mark
    said = text.rstrip(STOPS + ASKS).rstrip(CLOSING)
    words = [word.lower().replace("’", "'") for word in _WORDS.findall(said)]
    if not words or _hesitates(said, words):
        return False
    if text[-1] in ASKS:
        return True
    if _goes_on(said, words, tongue):
        return False
    if text[-1] in STOPS:
        return text[-1] != "." or not _is_dot_of_a_word(said, words)
    return _is_complete_without_stop(said, words, tongue)


def _hesitates(said: str, words: list[str]) -> bool:
    """Whether it ends with a sound of thinking; a pointing word is one only where it stands alone."""
    last = words[-1]
    if last in HESITATIONS:
        # "I like it very well." ends with a word that may as well be thought about.
        return True
    return said[-1:] in ("嗯", "呃", "额", "唔") or said.endswith(
        ("えっと", "ええと", "えーと", "うーん", "あのー")
    )


def _goes_on(said: str, words: list[str], tongue: str) -> bool:
    last = words[-1]
    if last in JOINING or last in HANGING.get(tongue, "").split():
        return True
    return any(said.endswith(_unfinished(name)) for name in _tongues_of(said, tongue))


def _is_dot_of_a_word(said: str, words: list[str]) -> bool:
    """Whether the dot belongs to a number or an abbreviation, and ends no sentence."""
    return bool(_NUMBER.search(said) or _INITIALS.search(said)) or words[-1] in ABBREVIATIONS


def _is_complete_without_stop(said: str, words: list[str], tongue: str) -> bool:
    if " ".join(words) in COMPLETE:
        return True
    if len(words) > 2 and words[-1] in ("please", "bitte"):
        return True
    if _is_latin(said):
        return False
    names = _tongues_of(said, tongue)
    return any(said.endswith(tuple(FINISHED_ENDINGS.get(name, "").split() or ("\0",))) for name in names)


def _unfinished(name: str) -> tuple[str, ...]:
    return tuple(UNFINISHED_ENDINGS.get(name, "").split()) or ("\0",)


def _tongues_of(said: str, tongue: str) -> tuple[str, ...]:
    """By what endings a text can be judged: its script says it better than the profile."""
    if any("\u3040" <= char <= "\u30ff" for char in said):
        return ("ja",)
    if any("\uac00" <= char <= "\ud7a3" for char in said):
        return ("ko",)
    if any("\u4e00" <= char <= "\u9fff" for char in said):
        return ("ja",) if tongue == "ja" else ("zh",)
    if any("\u0e00" <= char <= "\u0e7f" for char in said):
        return ("th",)
    return ()


def _is_latin(said: str) -> bool:
    return not _tongues_of(said, "")
