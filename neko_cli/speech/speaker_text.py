"""Pieces of a reply for a voice, while the reply is being written. Pure.

A piece is a sentence. The first one comes early: a long first sentence is cut behind a clause, so that
the voice begins while the rest is still being written. Pieces do not depend on how the text was cut
into deltas: the splitter is fed at places that the characters alone decide.
"""

from __future__ import annotations

import re

from neko_cli.core.sentences import SentenceSplitter
from neko_cli.core.text import Sanitiser
from neko_cli.speech.aloud import AloudText

EARLY_WEIGHT = 60
"""How much of a first sentence may wait for its end: characters, an ideograph counting for three."""

CLAUSE_WEIGHT = 24
"""How much a first piece has at least that ends behind a clause."""

MAX_RUN = 100
"""Characters without a blank after which the splitter looks at the text."""

_WIDE_MARKS = "。！？…，、；："
_CLAUSE = re.compile(r"[,;:]\s+(?=\S)|[，、；：](?=\S)|\s[–—-]\s+(?=\S)")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")

_LINE_MARK = re.compile(r"^[ \t]*(?:(?:#{1,6}|[-*+•])[ \t]+|>[ \t]?)+", re.MULTILINE)
_EMOJI = re.compile(
    "[0-9#*]\ufe0f?\u20e3|[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff"
    "\ufe0e\ufe0f\u200d\u20e3\U000e0020-\U000e007f]+"
)
_ARMS = "ヽヾ＼╰٩ᕙᕦ┐┌└┬ʕʔ¯︵┻┳━ﾉﾊ╯۶ᕗ╭┘┛彡☆★♡♪"
_FACE = re.compile(rf"[{_ARMS}\\_]*[(（]([^()（）\n]{{1,24}})[)）][{_ARMS}/_ノ〜~゛ゞ]*")
_FACE_PLAIN = re.compile(r"[\w\s.,'\"%/+\-–—:;!?&°$€£¥#@=。、，！？：；…]")
_SMILEY = re.compile(
    r"(?<!\S)(?:[:;=8xX][-o^']?[)(DPpO3|*]+|[)(][-']?[:;=]|<3+|\^[_.-]?\^|[>T;-][_.]+[<T;-]|[oO0]_+[oO0])(?=[\s.,!?]|$)"
)
_SHRUG = re.compile(r"¯\\?_?[(（]ツ[)）]_?/?¯")
_MARKS = re.compile(r"(?<!\w)[*_~]+(?=\S)|(?<=\S)[*_~]+(?!\w)|[*_~]{2,}")
_EMPTY = re.compile(r"[(（\[<「『]\s*[)）\]>」』]")
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?)，。！？；：、）])")


class SpeakerText:
    """Cuts one speech into pieces."""

    def __init__(self) -> None:
        self._safe = Sanitiser()
        self._aloud = AloudText()
        self._splitter = SentenceSplitter()
        self._run = ""
        self._after_mark = False
        self._head: str | None = ""
        """The text so far, while nothing has been given; None afterwards."""

    def push(self, delta: str) -> list[str]:
        """Add text; returns the pieces that are complete."""
        return self._feed(self._aloud.push(self._safe.feed(delta)))

    def flush(self) -> list[str]:
        """The rest, when no more text will come; the next text begins another speech."""
        pieces = self._feed(self._aloud.push(self._safe.flush()))
        pieces += self._feed(self._aloud.flush())
        run, self._run = self._run, ""
        pieces += self._polished(self._splitter.push(run) + self._splitter.flush())
        self._aloud, self._splitter, self._head = AloudText(), SentenceSplitter(), ""
        self._after_mark = False
        return pieces

    def _feed(self, text: str) -> list[str]:
        pieces: list[str] = []
        for char in text:
            self._run += char
            mark = char.isspace() or char in _WIDE_MARKS
            # What follows a mark tells whether a sentence has ended there: it is looked at alone.
            if mark or self._after_mark or len(self._run) >= MAX_RUN:
                run, self._run = self._run, ""
                pieces += self._split(run)
            self._after_mark = mark
        return pieces

    def _split(self, run: str) -> list[str]:
        pieces = self._polished(self._splitter.push(run))
        if pieces or self._head is None:
            self._head = None
            return pieces
        self._head += run
        cut = _early_cut(self._head)
        if not cut:
            return []
        head, rest = self._head[:cut], self._head[cut:]
        self._splitter = SentenceSplitter()
        pieces = self._polished([head])
        self._head = None if pieces else ""
        return pieces + self._polished(self._splitter.push(rest))

    @staticmethod
    def _polished(sentences: list[str]) -> list[str]:
        return [piece for sentence in sentences if (piece := polish(sentence))]


def _early_cut(head: str) -> int:
    """Where a first sentence that has no end yet may be cut; 0 for nowhere."""
    if _weight(head) < EARLY_WEIGHT:
        return 0
    for found in _CLAUSE.finditer(head):
        before = head[: found.end()]
        if _weight(before) >= CLAUSE_WEIGHT and _closed(before):
            return found.end()
    return 0


def _weight(text: str) -> int:
    return len(text) + 2 * len(_WIDE.findall(text))


def _closed(text: str) -> bool:
    return text.count("(") <= text.count(")") and text.count("（") <= text.count("）")


def polish(piece: str) -> str:
    """A piece without marks for the eye: headings, bullets, emphasis, emoji, faces; may become empty."""
    text = _LINE_MARK.sub("", piece)
    if text.lstrip().startswith("|"):
        text = ", ".join(cell.strip() for cell in text.strip().strip("|").split("|"))
    text = _FACE.sub(_without_face, _SHRUG.sub(" ", text))
    text = _SMILEY.sub(" ", _EMOJI.sub(" ", text))
    text = _EMPTY.sub(" ", _MARKS.sub("", text))
    text = _SPACE_BEFORE.sub("", _SPACE.sub(" ", text)).strip()
    return text if any(char.isalnum() for char in text) else ""


def _without_face(found: re.Match[str]) -> str:
    """Nothing for a face such as ``(^_^)``, all of it for words in brackets."""
    inside = found.group(1).strip()
    letters = [char for char in inside if char.isalnum()]
    odd = _FACE_PLAIN.sub("", inside)
    twins = len(letters) == 2 and letters[0].lower() == letters[1].lower()
    looks = len(inside) >= 2 and (not letters or len(letters) == 1 or twins)
    is_face = looks and (odd or (twins and "_" in inside)) and not any(char.isdigit() for char in letters)
    return " " if is_face else found.group()
