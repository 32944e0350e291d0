"""Emotion tags, in the style that the instructions ask for."""

from __future__ import annotations

import re

import msgspec

from neko_cli.local.responder.answer import Mood
from neko_cli.local.responder.wording import sentences

_KNOWN = frozenset(
    """happy happiness joy joyful cheerful sad sadness angry anger neutral calm surprised surprise excited
    curious interested confused shy embarrassed love loving affection fear afraid scared worried nervous
    thinking relaxed disgust disgusted proud playful smile cry laugh amused serious bored tired""".split()
)
_BEST = {
    Mood.HAPPY: ("happy", "joy", "joyful", "cheerful", "happiness", "smile", "excited", "amused", "playful"),
    Mood.SAD: ("sad", "sadness", "cry", "worried", "serious"),
    Mood.SURPRISED: ("surprised", "surprise", "excited"),
    Mood.CURIOUS: ("curious", "interested", "thinking"),
    Mood.NEUTRAL: ("neutral", "calm", "relaxed", "serious"),
}
_ANGLE = re.compile(r"<([a-z_]{2,20})>", re.IGNORECASE)
_BRACKET = re.compile(r"\[([a-z_]{2,20})\]", re.IGNORECASE)
_TAG_TALK = re.compile(r"\b(?:tags?|markers?|labels?)\b", re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"\b(?:no|never|not|don't|without)\b(?: use| write| add| any)*(?: emotion)? (?:tags|markers|labels)\b",
    re.IGNORECASE,
)
_EACH = re.compile(r"\b(?:each|every) sentence\b", re.IGNORECASE)


class TagStyle(msgspec.Struct, frozen=True):
    """How to mark moods: the labels offered, the brackets, and whether each sentence wants a tag."""

    labels: tuple[str, ...]
    before: str = "<"
    after: str = ">"
    each: bool = False

    def label(self, mood: Mood) -> str:
        """The offered label that fits best; the neutral one, else none, where nothing fits."""
        for wanted in (*_BEST[mood], *_BEST[Mood.NEUTRAL]):
            if wanted in self.labels:
                return wanted
        return ""


def tag_style(instructions: str) -> TagStyle | None:
    """The style that the instructions ask for, or None when they ask for no tags.

    ``<happy>`` or ``[happy]`` anywhere is a request; so is talk of tags in brackets together with a
    list of emotion words.
    """
    text = instructions[:8000]
    if _FORBIDDEN.search(text):
        return None
    each = bool(_EACH.search(text))
    for pattern, before, after in ((_ANGLE, "<", ">"), (_BRACKET, "[", "]")):
        found = [name.lower() for name in pattern.findall(text)]
        labels = tuple(dict.fromkeys(name for name in found if name in _KNOWN))
        if found and _TAG_TALK.search(text) and len(labels) < 2:
            labels = _listed_labels(text)  # "<label>, one of: happy, sad"
        if labels:
            return TagStyle(labels, before, after, each)
    if _TAG_TALK.search(text) and re.search(
        r"\b(?:angle|square) brackets?\b|\bemotion tags?\b", text, re.IGNORECASE
    ):
        labels = _listed_labels(text)
        square = re.search(r"\bsquare brackets?\b", text, re.IGNORECASE)
        return TagStyle(labels, *(("[", "]") if square else ("<", ">")), each) if labels else None
    return None


def tagged(text: str, mood: Mood, style: TagStyle | None) -> str:
    """The text with tags in front; unchanged without a style or a fitting label."""
    label = style.label(mood) if style else ""
    if style is None or not label:
        return text
    tag = f"{style.before}{label}{style.after}"
    if not style.each:
        return f"{tag} {text}"
    return " ".join(f"{tag} {sentence}" for sentence in sentences(text))


def without_tags(text: str) -> str:
    """Text without any tag of either style whose word is an emotion."""
    for pattern in (_ANGLE, _BRACKET):
        text = pattern.sub(lambda match: "" if match.group(1).lower() in _KNOWN else match.group(), text)
    return " ".join(text.split())


def _listed_labels(text: str) -> tuple[str, ...]:
    words = re.findall(r"[a-z]+", text.lower())
    return tuple(dict.fromkeys(word for word in words if word in _KNOWN))
