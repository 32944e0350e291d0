"""Text from outside, made safe to show, to log and to print.

Models, transcripts, agents and files can carry terminal escape sequences, control characters and
invisible or direction-changing characters. :func:`sanitise` removes them; everything that reaches a
terminal goes through it (``--json`` through :func:`to_json`; keys are ``core/redaction``'s business).

Sources: ECMA-48 (control functions), xterm's ``ctlseqs`` (what ends a string sequence), Unicode
Standard Annex 9 (bidirectional formatting), Unicode Technical Standard 51 (emoji sequences).
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any

import msgspec

_INVISIBLE = (
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SUSPECT = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_INVISIBLE}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")

_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_BEFORE_EMOJI_JOINER = re.compile(f"{_EMOJI.pattern}|\ufe0f")
_BEFORE_PRESENTATION = re.compile(f"{_EMOJI.pattern}|[0-9#*]")
_JOINING_SCRIPT = re.compile(
    # Arabic, Syriac, N'Ko, the scripts of India, Sinhala, Tibetan, Myanmar, Khmer and Mongolian
    # need joiners to spell words; one after a letter is kept.
    "[\u0620-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1820-\u18aa\ufb50-\ufdff\ufe70-\ufefc]"
)
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MONGOLIAN = re.compile("[\u1820-\u18aa]")

_STRING_END = re.compile("[\x18\x1a\x1b\x9c]")
_OSC_END = re.compile("[\x07\x18\x1a\x1b\x9c]")


class _In(Enum):
    """Where in an escape sequence the text is."""

    TEXT = "text"
    ESCAPE = "escape"
    INTERMEDIATE = "intermediate"
    CSI = "csi"
    OSC = "osc"
    STRING = "string"
    STRING_ESCAPE = "string escape"


_AFTER_ESCAPE = {
    "[": _In.CSI,
    "]": _In.OSC,
    "P": _In.STRING,
    "X": _In.STRING,
    "^": _In.STRING,
    "_": _In.STRING,
}
_EIGHT_BIT = {
    "\x9b": _In.CSI,
    "\x9d": _In.OSC,
    "\x90": _In.STRING,
    "\x98": _In.STRING,
    "\x9e": _In.STRING,
    "\x9f": _In.STRING,
    "\x1b": _In.ESCAPE,
}


class Sanitiser:
    """The streaming form of :func:`sanitise`: what it returns, joined, does not depend on the split.

    It holds back one character at most (half of a surrogate pair, or a joiner whose right to stay
    depends on what follows), and keeps no text of a sequence that it is inside of.
    """

    def __init__(self) -> None:
        """Start at the beginning of a text."""
        self._reset()

    def _reset(self) -> None:
        self._where = _In.TEXT
        self._high = ""
        self._joiner = False
        self._after_cr = False
        self._last = ""
        self._out: list[str] = []

    def feed(self, delta: str) -> str:
        """The safe part of a further piece."""
        text = self._pair(delta)
        if (
            self._where is _In.TEXT
            and not self._joiner
            and not self._after_cr
            and _SUSPECT.search(text) is None
        ):
            self._last = text[-1:] or self._last
            return text
        position = 0
        while position < len(text):
            position = self._step(text, position)
        return self._taken()

    def flush(self) -> str:
        """What was held back; the next piece starts a new text. An open sequence is dropped."""
        # A high surrogate or a joiner that nothing followed means nothing.
        self._reset()
        return ""

    def _taken(self) -> str:
        result = "".join(self._out)
        self._out.clear()
        return result

    def _pair(self, delta: str) -> str:
        """Join surrogate pairs (some servers cut deltas by UTF-16 units); hold an open half."""
        if not self._high and _SURROGATE.search(delta) is None:
            return delta
        text = self._high + delta
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        return join_surrogates(text)

    def _step(self, text: str, position: int) -> int:
        """Handle what starts at ``position``; returns where to go on."""
        where = self._where
        if where is _In.TEXT:
            return self._text(text, position)
        if where in (_In.STRING, _In.OSC):
            return self._string(text, position)
        return self._sequence(text, position)

    def _string(self, text: str, position: int) -> int:
        found = (_OSC_END if self._where is _In.OSC else _STRING_END).search(text, position)
        if found is None:
            return len(text)
        self._where = _In.STRING_ESCAPE if found.group() == "\x1b" else _In.TEXT
        return found.end()

    def _sequence(self, text: str, position: int) -> int:
        """Inside an escape or control sequence."""
        char = text[position]
        code = ord(char)
        if char in "\x18\x1a":
            self._where = _In.TEXT
            return position + 1
        if char in _EIGHT_BIT:
            self._where = _EIGHT_BIT[char]
            return position + 1
        if code < 0x20:
            # A terminal carries out a control character inside a sequence and goes on with it.
            if char in "\t\n\r":
                self._text(char, 0)
            return position + 1
        self._after_cr = False
        if self._where is _In.STRING_ESCAPE and char == "\\":
            self._where = _In.TEXT
            return position + 1
        if code >= 0x7F:
            self._where = _In.TEXT
            return position
        if self._where is _In.CSI:
            if code >= 0x40:
                self._where = _In.TEXT
        elif 0x20 <= code <= 0x2F:
            self._where = _In.INTERMEDIATE
        elif self._where is _In.INTERMEDIATE:
            self._where = _In.TEXT
        else:
            self._where = _AFTER_ESCAPE.get(char, _In.TEXT)
        return position + 1

    def _text(self, text: str, position: int) -> int:
        found = _SUSPECT.search(text, position)
        end = len(text) if found is None else found.start()
        if end > position:
            self._keep(text[position:end])
            self._after_cr = False
        if found is None:
            return end
        self._special(found.group())
        return found.end()

    def _special(self, char: str) -> None:
        self._after_cr = False
        if char in "\r\u2028\u2029":
            self._keep("\n")
            self._after_cr = char == "\r"
        elif char in _EIGHT_BIT:
            self._where = _EIGHT_BIT[char]
        elif char == "\u200d" and _matches(_BEFORE_EMOJI_JOINER, self._last):
            self._joiner = True
        elif self._may_stay(char):
            self._keep(char)

    def _may_stay(self, char: str) -> bool:
        """Whether an invisible character does its duty after the last one shown."""
        if char in "\u200c\u200d":
            return _matches(_JOINING_SCRIPT, self._last)
        if char in "\ufe0e\ufe0f":
            return _matches(_BEFORE_PRESENTATION, self._last)
        if "\U000e0100" <= char <= "\U000e01ef":
            return _matches(_IDEOGRAPH, self._last)
        return "\u180b" <= char <= "\u180f" and _matches(_MONGOLIAN, self._last)

    def _keep(self, text: str) -> None:
        if self._after_cr and text[0] == "\n":
            text = text[1:]
            if not text:
                return
        if self._joiner:
            self._joiner = False
            if _EMOJI.match(text):
                self._out.append("\u200d")
        self._out.append(text)
        self._last = text[-1]


def _matches(pattern: re.Pattern[str], char: str) -> bool:
    return bool(char) and pattern.match(char) is not None


def sanitise(text: str) -> str:
    r"""Text that is safe to show: no escape sequences, control or hidden characters.

    Removed are whole escape sequences with their payload (an unterminated one up to the end), C0
    except ``\n`` and ``\t``, DEL, C1, bidirectional formatting, zero-width and other invisible
    format characters, and lone surrogates. ``\r\n``, ``\r`` and the Unicode line and paragraph
    separators become ``\n``. Joiners and variation selectors stay where emoji or a script need
    them. What comes out is left unchanged by a second call.
    """
    if _SUSPECT.search(text) is None:
        return text
    machine = Sanitiser()
    return machine.feed(text) + machine.flush()


def join_surrogates(text: str) -> str:
    """Surrogate pairs as the characters that they stand for; lone halves are left alone."""
    return _PAIR.sub(
        lambda pair: chr(0x10000 + ((ord(pair[1]) - 0xD800) << 10) + ord(pair[2]) - 0xDC00), text
    )


def one_line(text: str, limit: int = 200) -> str:
    """Sanitised text as one line of at most ``limit`` characters, cut with an ellipsis."""
    # What cannot be shown is not worth cleaning: escape sequences may hide megabytes.
    line = " ".join(sanitise(text[: limit * 8 + 4096]).split())
    return line if len(line) <= limit else line[: max(0, limit - 1)].rstrip() + "…"


def paragraphs(*texts: str) -> str:
    """Texts with an empty line between them; empty ones are left out."""
    return "\n\n".join(text for text in texts if text).strip()


_JSON_ESCAPED = re.compile(
    "[\x7f-\x9f\u00ad\u034f\u061c\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0d\ufeff"
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def to_json(obj: Any) -> str:
    r"""One line of JSON in which dangerous and hidden characters stand as ``\u`` escapes.

    Nothing is lost: a reader gets the text as it was (a lone surrogate, which JSON text cannot hold,
    becomes U+FFFD). ``obj`` is anything that msgspec encodes; raises TypeError for the rest.
    """
    try:
        text = msgspec.json.encode(obj).decode()
    except UnicodeEncodeError:
        plain = json.dumps(msgspec.to_builtins(obj), ensure_ascii=False, separators=(",", ":"))
        text = _SURROGATE.sub("\ufffd", join_surrogates(plain))
    if text.isascii() and "\x7f" not in text:
        return text  # JSON has escaped all other control characters of ASCII
    return _JSON_ESCAPED.sub(lambda found: _escape(found.group()), text)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
