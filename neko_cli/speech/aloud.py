"""What of a written reply is for the ear, while it is being written. Pure.

Code blocks, inline code, addresses, pictures, tags and the targets of links go; what a mark means may
only be known some characters later, so an open mark is held back, never longer than its limit. What
comes out, joined, does not depend on how the text was cut: every decision is taken on characters alone.
Marks that need no looking ahead (emphasis, emoji) are for ``speaker_text``, which sees whole pieces.
"""

from __future__ import annotations

import re

MAX_MARKS = 32
MAX_CODE = 300
"""Characters of inline code; what is longer without an end is text."""

MAX_TAG = 120
MAX_LABEL = 300
MAX_DEPTH = 4
"""Brackets inside brackets; more are no link, and bound the work that a hostile text makes."""

MAX_URL = 2048
MAX_FENCE_LINE = 100

_STARTERS = ("https://", "http://", "www.")
_URL = re.compile(r"[^\s<>\"`\u3000-\uffef]*")
_URL_TAIL = ".,;:!?*_'\"~|\u2026"
_MARKS = re.compile(r"`+|~+")
_TICKS = re.compile(r"`+")
_TICK_OR_LINE = re.compile(r"[`\n]")
# By ASCII words: an address may follow an ideograph without a blank.
_PLAIN = re.compile(r"[A-Za-z0-9_]+|[^A-Za-z0-9_`~<\[!]+")
_TAG = re.compile(
    r"/?[^\W\d_][\w-]*(?: [\w-]+)?\s*/?"
    r"|/?[A-Za-z][\w-]*(?:\s+[\w:-]+=(?:\"[^\"]*\"|'[^']*'))+\s*/?"
    r"|https?://[^\s<>]+|!--[^<>]*--"
)
_BRACKET_TAG = re.compile(r"/?[^\W\d_][\w-]{0,29}(?: [\w-]{1,29})?|\s?|\^?\d{1,4}")

Step = tuple[int, str] | None
"""Where to go on, and what is for the ear; None when more text is needed to decide."""


class AloudText:
    """The streaming filter; one for each speech."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._line_start = True
        self._in_word = False
        self._fence = ""
        self._fence_line = False
        self._in_url = False

    def push(self, text: str) -> str:
        """Add text; returns what of it, and of what was held back, is certain."""
        return self._run(text, final=False)

    def flush(self) -> str:
        """The rest, when no more text will come. Nothing of a code block that never ended."""
        return self._run("", final=True)

    def _run(self, text: str, *, final: bool) -> str:
        self._text = self._text[self._at :] + text
        self._at = 0
        out: list[str] = []
        while self._at < len(self._text):
            step = self._step(self._at, final)
            if step is None:
                break
            source = self._text[self._at : step[0]]
            self._at = step[0]
            if source:
                self._look_back(source)
            out.append(step[1])
        return "".join(out)

    def _look_back(self, source: str) -> None:
        """Remember what stands before the next character."""
        line = source.rpartition("\n")
        self._line_start = (bool(line[1]) or self._line_start) and not line[2].strip()
        self._in_word = source[-1].isascii() and (source[-1].isalnum() or source[-1] == "_")

    def _step(self, at: int, final: bool) -> Step:
        if self._fence:
            return self._inside_fence(at, final)
        if self._in_url:
            end = self._url_end(at)
            self._in_url = end == len(self._text)
            return end, ""
        char = self._text[at]
        if char in "`~":
            return self._marks(at, final)
        if char == "<":
            return self._angle(at, final)
        if char == "[":
            return self._bracket(at, at, final)
        if char == "!":
            return self._exclamation(at, final)
        if char in "hHwW" and not self._in_word:
            return self._address(at, final)
        return self._plain(at)

    def _plain(self, at: int) -> Step:
        found = _PLAIN.match(self._text, at)
        end = found.end() if found is not None else at + 1
        return end, self._text[at:end]

    # -- addresses -----------------------------------------------------------------------------

    def _url_end(self, at: int) -> int:
        found = _URL.match(self._text, at)
        return found.end() if found is not None else at

    def _address(self, at: int, final: bool) -> Step:
        head = self._text[at : at + len(_STARTERS[0])].lower()
        starter = next((one for one in _STARTERS if head.startswith(one)), "")
        if not starter:
            open_ended = at + len(head) == len(self._text) and not final
            if open_ended and any(one.startswith(head) for one in _STARTERS):
                return None
            return self._plain(at)
        end = self._url_end(at + len(starter))
        if end - at >= MAX_URL:
            self._in_url = True
            return at + MAX_URL, ""
        if end == len(self._text) and not final:
            return None
        return self._without_tail(at, end), ""

    def _without_tail(self, at: int, end: int) -> int:
        """The end of an address without the sentence's own punctuation behind it."""
        while end > at + 1:
            last = self._text[end - 1]
            url = self._text[at:end]
            if last in _URL_TAIL or (last in ")]" and url.count(")") + url.count("]") > _openers(url)):
                end -= 1
            else:
                break
        return end

    # -- code ----------------------------------------------------------------------------------

    def _marks(self, at: int, final: bool) -> Step:
        found = _MARKS.match(self._text, at)
        assert found is not None
        end = found.end()
        count = end - at
        if count >= MAX_MARKS:
            return at + MAX_MARKS, ""
        if end == len(self._text) and not final:
            return None
        if count >= 3 and (self._line_start or self._text[at] == "`"):
            fence = self._opens_fence(at, end, final)
            if fence is None:
                return None
            if fence:
                self._fence, self._fence_line = self._text[at:end], False
                return end, ""
        if self._text[at] == "~":
            return end, self._text[at:end]
        return self._inline_code(end, count, final)

    def _opens_fence(self, at: int, end: int, final: bool) -> bool | None:
        """Whether the marks open a block: behind backticks its line holds no further one."""
        if self._text[at] == "~":
            return True
        limit = end + MAX_CODE
        found = _TICK_OR_LINE.search(self._text, end, limit)
        if found is None:
            return True if final or len(self._text) >= limit else None
        return found.group() == "\n"

    def _inline_code(self, start: int, count: int, final: bool) -> Step:
        limit = start + MAX_CODE
        line = self._text.find("\n", start, limit)
        stop = limit if line < 0 else line
        for found in _TICKS.finditer(self._text, start, min(stop, len(self._text))):
            if found.end() == len(self._text) and not final and found.end() < stop:
                return None
            if found.end() - found.start() == count:
                return found.end(), " "
        if line < 0 and len(self._text) < limit and not final:
            return None
        return start, ""

    def _inside_fence(self, at: int, final: bool) -> Step:
        end = self._text.find("\n", at)
        if not self._fence_line:
            self._fence_line = end >= 0
            return (end + 1 if end >= 0 else len(self._text)), ""
        line = self._text[at : end if end >= 0 else len(self._text)]
        marks = line.strip()
        closes = (
            len(line) < MAX_FENCE_LINE and not line.startswith("    ") and not marks.strip(self._fence[0])
        )
        if end < 0 and not final:
            if closes:
                return None
            self._fence_line = False
            return len(self._text), ""
        if closes and len(marks) >= len(self._fence):
            self._fence = ""
            return (end + 1 if end >= 0 else len(self._text)), "\n"
        return (end + 1 if end >= 0 else len(self._text)), ""

    # -- tags and links ------------------------------------------------------------------------

    def _angle(self, at: int, final: bool) -> Step:
        following = self._text[at + 1 : at + 2]
        if following and not (following.isalpha() or following in "/!"):
            return at + 1, "<"
        limit = at + MAX_TAG
        for end in range(at + 1, min(limit, len(self._text))):
            char = self._text[end]
            if char == ">":
                return (end + 1, " ") if _TAG.fullmatch(self._text, at + 1, end) else (at + 1, "<")
            if char in "<\n":
                return at + 1, "<"
        return (at + 1, "<") if final or len(self._text) >= limit else None

    def _exclamation(self, at: int, final: bool) -> Step:
        following = self._text[at + 1 : at + 2]
        if not following and not final:
            return None
        return self._bracket(at, at + 1, final) if following == "[" else (at + 1, "!")

    def _bracket(self, at: int, bracket: int, final: bool) -> Step:
        """A link, a picture (``at`` is the ``!`` before ``bracket``), a tag, or just a bracket."""
        literal = at + 1, self._text[at]
        close = self._closing(bracket, "[]", MAX_LABEL, final)
        if close is None or close < 0:
            return None if close is None else literal
        label = self._text[bracket + 1 : close]
        following = self._text[close + 1 : close + 2]
        if not following and not final:
            return None
        if following == "(":
            end = self._closing(close + 1, "()", MAX_URL, final)
            if end is None:
                return None
            if end > 0:
                if at != bracket:
                    return end + 1, " "
                # The label takes the link's place and is read like other text.
                self._text = label + self._text[end + 1 :]
                self._at = 0
                return 0, ""
        if at == bracket and _BRACKET_TAG.fullmatch(label):
            return close + 1, " "
        return literal

    def _closing(self, at: int, pair: str, limit: int, final: bool) -> int | None:
        """Where the bracket at ``at`` closes on its line: -1 when it does not, None when that is open."""
        depth = 0
        for end in range(at, min(at + limit, len(self._text))):
            char = self._text[end]
            if char == pair[0]:
                depth += 1
                if depth > MAX_DEPTH:
                    return -1
            elif char == pair[1]:
                depth -= 1
                if depth == 0:
                    return end
            elif char == "\n":
                return -1
        return -1 if final or len(self._text) >= at + limit else None


def _openers(url: str) -> int:
    return url.count("(") + url.count("[")
