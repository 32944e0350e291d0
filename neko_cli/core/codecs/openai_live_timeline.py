"""What OpenAI's Live timeline is made of: our sound, the track's, and what the user says on it."""

from __future__ import annotations

import msgspec

from neko_cli.core.pcm import duration_ms

FLOOR = 64
"""Largest sample that counts as silence, about -54 dBFS: the idle track holds a little dither."""

MAX_CHARS = 20_000
"""Text of one utterance that is kept."""

SILENCES = 256
"""Gaps in the microphone's sound that are remembered apart; older ones only by their sum."""


_LOW = bytes(0 if low <= FLOOR else 255 if low >= 256 - FLOOR else 1 for low in range(256))
_HIGH = bytes(high if high in (0, 255) else 2 for high in range(256))
"""Signs of the two bytes of a sample; they are the same where it is no louder than FLOOR."""


def is_voiced(pcm: bytes) -> bool:
    """Whether sound (16-bit little-endian) holds more than the idle track's silence.

    Each sample of an endless track passes here, so it is looked at without a loop in Python.
    """
    even = len(pcm) & ~1
    return pcm[0:even:2].translate(_LOW) != pcm[1:even:2].translate(_HIGH)


def joined(before: str, after: str) -> str:
    """A fragment with the blank that the provider leaves out where a new segment begins."""
    return f" {after}" if before[-1:] in (".", "!", "?") and after[:1].isupper() else after


class Utterance(msgspec.Struct):
    """Something that the user says; times on the session's timeline, in ms."""

    item_id: str
    start_ms: float
    end_ms: float
    words: list[str] = []
    size: int = 0

    @property
    def text(self) -> str:
        return "".join(self.words)

    def add(self, delta: str, end_ms: float) -> str:
        """The fragment as it joins the ones before; nothing of what is too much."""
        self.end_ms = max(self.end_ms, end_ms)
        piece = joined(self.words[-1] if self.words else "", delta)[: MAX_CHARS - self.size]
        if not piece:
            return ""
        self.words.append(piece)
        self.size += len(piece)
        return piece


class SentSound:
    """The sound that we send, by which the provider's time goes: the microphone's, and what fills gaps."""

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self._rate = rate
        self._sent_ms = 0.0
        self._filled_ms = 0.0
        self._silences: list[tuple[float, float]] = []  # where silence stood for the microphone, how long

    def add(self, n_bytes: int, *, filling: bool = False) -> None:
        """So much sound went to the provider; ``filling`` is silence that no microphone sent."""
        ms = duration_ms(n_bytes, self._rate)
        if filling and ms > 0.0:
            if self._silences and self._silences[-1][0] + self._silences[-1][1] >= self._sent_ms:
                at, length = self._silences[-1]
                self._silences[-1] = (at, length + ms)
            else:
                self._silences.append((self._sent_ms, ms))
                if len(self._silences) > SILENCES:
                    self._filled_ms += self._silences.pop(0)[1]
        self._sent_ms += ms

    def microphone_ms(self, at_ms: float) -> float:
        """A time on the timeline as one that counts the microphone's sound alone."""
        filled = self._filled_ms + sum(min(length, at_ms - at) for at, length in self._silences if at < at_ms)
        return max(0.0, at_ms - filled)
