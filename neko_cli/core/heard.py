"""What was really heard of a reply, in ms and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

FAST = 25.0
FAST_UNSPACED = 8.0
"""Characters a second of a fast speaker, in scripts with and without blanks between words."""


class CaptionMark(msgspec.Struct, frozen=True):
    """A piece of a reply's words, and how much of its sound (ms) had come when the piece came."""

    sound_ms: float
    text: str


def words_heard(marks: Sequence[CaptionMark], heard_ms: float, total_ms: float) -> str:
    """The words of a reply that were spoken within its first ``heard_ms``.

    Providers send captions ahead of, or in step with, the sound: a piece is taken to last from the
    sound that had come with it until the sound that had come with the next later piece. Within a
    piece the cut is proportional, and always between words.

    Args:
        marks: the reply's pieces in order.
        heard_ms: how much sound was played.
        total_ms: how much sound there is.
    """
    if heard_ms >= total_ms:
        return "".join(mark.text for mark in marks)
    out: list[str] = []
    index = 0
    while index < len(marks):
        start = marks[index].sound_ms
        stop = index
        while stop < len(marks) and marks[stop].sound_ms <= start:
            stop += 1
        text = "".join(mark.text for mark in marks[index:stop])
        end = marks[stop].sound_ms if stop < len(marks) else total_ms
        if heard_ms >= end:
            out.append(text)
        else:
            share = (heard_ms - start) / (end - start) if end > start else 0.0
            out.append(_cut_between_words(text, share))
            break
        index = stop
    return "".join(out).rstrip()


def marks_voiced(marks: Sequence[CaptionMark], received_ms: float) -> list[CaptionMark]:
    """The pieces of a cut reply as far as its sound had come.

    Captions run ahead of the sound, and how long the rest would have been nobody knows: for the last
    piece that has a sound at all, a fast speaker is assumed, because asking for a heard word again is
    worse than leaving an unheard one out.
    """
    out: list[CaptionMark] = []
    for mark in marks:
        if mark.sound_ms < received_ms:
            out.append(mark)
    if not out:
        return out
    last = out[-1].sound_ms
    first = next(index for index, mark in enumerate(out) if mark.sound_ms == last)
    text = "".join(mark.text for mark in out[first:])
    length_ms = len(text) / (FAST_UNSPACED if _is_unspaced(text) else FAST) * 1000.0
    voiced = _cut_between_words(text, (received_ms - last) / length_ms) if length_ms > 0 else text
    return [*out[:first], CaptionMark(last, voiced)]


def _cut_between_words(text: str, share: float) -> str:
    """The first part of a text, ended at the last whole word."""
    if share <= 0:
        return ""
    size = int(len(text) * share)
    if size >= len(text) or text[size].isspace():
        return text[:size]
    head = text[:size]
    cut = max(head.rfind(" "), head.rfind("\n"))
    if cut >= 0:
        return head[:cut]
    return head if _is_unspaced(head) else ""


def _is_unspaced(text: str) -> bool:
    """Whether the script writes no blanks between words (Chinese, Japanese)."""
    return any("\u3040" <= char <= "\u30ff" or "\u4e00" <= char <= "\u9fff" for char in text)
