"""What of a written reply is read aloud. Pure."""

from __future__ import annotations

import re

# One or two words in angle or square brackets: <happy>, </happy>, [very sad]; not a<b and not [1].
_TAG = re.compile(r"</?[A-Za-z][\w-]*(?: [\w-]+)?\s*/?>|\[/?[A-Za-z][\w-]*(?: [\w-]+)?\](?!\()")
_LINK = re.compile(r"\[([^\]\n]{1,200})\]\(\S{1,2000}?\)")
_EMPHASIS = re.compile(r"(?<!\w)([*_~`]{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)")
_LINE_MARK = re.compile(r"^\s*(?:#{1,6}|[-*•>])\s+", re.MULTILINE)
_PICTURES = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]+")
_SPACE = re.compile(r"\s+")


def spoken_text(text: str) -> str:
    """A sentence without what is for the eye: emotion tags, markup, pictures; may become empty."""
    text = _TAG.sub(" ", _LINK.sub(r"\1", text))
    text = _EMPHASIS.sub(r"\2", _LINE_MARK.sub("", text))
    text = _SPACE.sub(" ", _PICTURES.sub(" ", text)).strip()
    return text if any(c.isalnum() for c in text) else ""
