"""Emotion tags in the character's words: taken out of what is shown and spoken, told as marks.

A tag is a label in brackets, such as ``<happy>`` or ``[sad]``, also in a closing form, which is only
removed. Anything else in brackets is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import TagStyle
from neko_cli.core.text import one_line

DEFAULT_LABELS = ("happy", "sad", "angry", "neutral", "surprised")

LOOKAHEAD = 32
"""Longest tag in characters, brackets included; what is longer is text."""

BLANKS = 32
"""Blanks that may wait for what follows them."""

__all__ = ["DEFAULT_LABELS", "EmotionMark", "EmotionTags", "TagStyle", "tag_instructions"]

_CLOSERS = {"<": ">", "[": "]"}
_OPENERS = {
    TagStyle.ANGLE: "<",
    TagStyle.BRACKET: "[",
    TagStyle.BOTH: "<[",
    TagStyle.OFF: "",
}
_LABEL = re.compile(r"[\w-]{1,24}")
_INSIDE = re.compile(r"[ \t]*(?P<closing>/?)[ \t]*(?P<word>[\w-]*)(?P<rest>[ \t]*/?[ \t]*)")
_PUNCTUATION = ".,!?;:…。，！？；：、)]}»”’"


class EmotionMark(msgspec.Struct, frozen=True):
    """From here on the character feels this; ``label`` is one of the given labels."""

    label: str


class EmotionTags:
    """Takes tags out of a streamed reply.

    What it returns, joined, does not depend on how the reply was cut into pieces. It holds back only
    what may still become a tag, and blanks that a tag may follow.
    """

    def __init__(self, labels: Sequence[str] = DEFAULT_LABELS, style: TagStyle | str = TagStyle.BOTH) -> None:
        """Labels count without case; raises ConfigError for a label that cannot stand in a tag."""
        for label in labels:
            if _LABEL.fullmatch(label) is None:
                raise ConfigError(
                    f"“{one_line(label, 40)}” cannot be an emotion label.",
                    hint="Use up to 24 letters, digits, - and _.",
                )
        self._labels = {label.casefold(): label for label in labels}
        self._openers = _OPENERS[TagStyle(style)] if labels else ""
        self._special = re.compile("[" + re.escape(self._openers + " \t") + "]")
        self._reset()

    def _reset(self) -> None:
        self._held = ""
        """An opening bracket and what follows it, while that may be a tag."""
        self._blanks = ""
        """Blanks before the place where we are."""
        self._tagged = False
        """A tag was taken out here, and nothing but blanks came since."""
        self._spaced = False
        """Blanks came since the last tag."""
        self._last = ""
        """The last character given out."""
        self._out: list[str | EmotionMark] = []

    def feed(self, delta: str) -> list[str | EmotionMark]:
        """Text and marks of a further piece, in order."""
        if not self._openers:
            return [delta] if delta else []
        position = 0
        while position < len(delta):
            if self._held:
                self._hold(delta[position])
                position += 1
            else:
                position = self._plain(delta, position)
        return self._taken()

    def flush(self) -> list[str | EmotionMark]:
        """What was held back, at the end of a reply; the next piece starts a new one."""
        held, self._held = self._held, ""
        if held:
            self._release(held)
        if not self._tagged:
            self._give(self._blanks)
        result = self._taken()
        self._reset()
        return result

    def _taken(self) -> list[str | EmotionMark]:
        parts, self._out = self._out, []
        joined: list[str | EmotionMark] = []
        for part in parts:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            else:
                joined.append(part)
        return joined

    def _plain(self, delta: str, position: int) -> int:
        found = self._special.search(delta, position)
        end = len(delta) if found is None else found.start()
        if end > position:
            self._text(delta[position:end])
        if found is None:
            return end
        if found.group() in " \t":
            self._blank(found.group())
        else:
            self._held = found.group()
        return found.end()

    def _hold(self, char: str) -> None:
        """One more character after an opening bracket."""
        held = self._held + char
        inside = held[1:]
        if char == _CLOSERS[held[0]] and self._tag(inside[:-1]):
            self._held = ""
        elif len(held) < LOOKAHEAD and self._possible(inside):
            self._held = held
        else:
            self._held = ""
            self._release(held)

    def _release(self, held: str) -> None:
        """It was no tag: its bracket is text, and what follows may hold blanks or open a tag."""
        self._text(held[0])
        position = 1
        while position < len(held):
            position = self._plain(held, position)

    def _possible(self, inside: str) -> bool:
        """Whether this can be the beginning of what stands in a tag."""
        found = _INSIDE.fullmatch(inside)
        if found is None:
            return False
        word = found["word"].casefold()
        if not word or not found["rest"]:
            return any(label.startswith(word) for label in self._labels)
        return word in self._labels

    def _tag(self, inside: str) -> bool:
        """Take out a tag; False when this is none."""
        found = _INSIDE.fullmatch(inside)
        label = self._labels.get(found["word"].casefold()) if found is not None else None
        if found is None or label is None:
            return False
        self._tagged = True
        self._spaced = False
        if not found["closing"]:
            self._out.append(EmotionMark(label))
        return True

    def _blank(self, char: str) -> None:
        if self._tagged:
            self._spaced = True
            # Two blanks say as much as more: one of several is given out at most.
            self._blanks = self._blanks or char
        elif len(self._blanks) < BLANKS:
            self._blanks += char
        else:
            self._give(self._blanks)
            self._blanks = char

    def _text(self, text: str) -> None:
        """Text without blanks and tags; first settles the blanks before it."""
        blanks, self._blanks = self._blanks, ""
        tagged, self._tagged = self._tagged, False
        if tagged:
            text = self._beside_tag(blanks, text)
        else:
            self._give(blanks)
        self._give(text)

    def _beside_tag(self, blanks: str, text: str) -> str:
        """Tidy up where a tag was; returns the text to give out."""
        if not self._last:
            # A reply does not start with blanks or empty lines.
            text = text.lstrip("\r\n")
            self._tagged = not text
        elif self._last == "\n":
            # A tag that stood alone on its line goes with the line.
            text = text.removeprefix("\n")
        elif blanks and text[0] not in "\r\n" and (self._spaced or text[0] not in _PUNCTUATION):
            self._give(" ")
        return text

    def _give(self, text: str) -> None:
        if text:
            self._out.append(text)
            self._last = text[-1]


def tag_instructions(labels: Sequence[str] = DEFAULT_LABELS, style: TagStyle | str = TagStyle.ANGLE) -> str:
    """The sentences that ask a model for tags; empty when there is nothing to ask for."""
    openers = _OPENERS[TagStyle(style)]
    if not openers or not labels:
        return ""
    opener = openers[0]
    tags = ", ".join(f"{opener}{label}{_CLOSERS[opener]}" for label in labels)
    return (
        f"Show how you feel with tags: {tags}. Begin each reply with one of these tags, and write another "
        "one where your feeling changes. Use no other tags. They are not shown and not read aloud."
    )
