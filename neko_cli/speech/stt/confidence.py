"""How sure the floor recogniser may be of what it heard. Pure.

A closed grammar always finds *some* sentence, and its own posterior says nothing about speech that
is not in it. So the sound is also decoded without any words, as a free string of phones, and two
things are compared with the words that were found:

- ``agreement``: how well the free phones fit the dictionary's phones of the words (1 − edit
  distance / length; phones that are easily confused cost less than others);
- ``fit``: how much worse, for each frame, the words explain the sound than the free phones do
  (difference of the acoustic scores, below 0 when worse).

With the open language model, the posterior of the whole utterance counts as well.

Measured on espeak-ng speech, 20 sentences by 5 voices, 8 of them outside the grammar: in a grammar
the area under the curve (right against wrong) is 0.995, with the posterior alone 0.5; with the open
language model 0.86, with the posterior alone 0.83. The constants come from that measurement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

_CLASSES = (
    "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
    "B P D T G K",
    "CH JH SH ZH S Z",
    "DH TH F V HH",
    "L R W Y",
    "M N NG",
)
_CLASS_OF = {phone: number for number, line in enumerate(_CLASSES) for phone in line.split()}
_ALIKE = frozenset(
    frozenset(pair.split("-"))
    for pair in (
        "B-P D-T G-K CH-JH SH-ZH S-Z DH-TH F-V M-N N-NG DH-D TH-T IH-IY UH-UW AA-AO AH-IH AH-EH EH-IH "
        "AE-EH AA-AH AO-OW ER-R AH-ER L-OW W-UW Y-IY AH-UH S-SH DH-V TH-F EY-EH EY-IY AW-AA AY-AA T-CH "
        "D-JH AA-AW W-L"
    ).split()
)
_ALIKE_COST, _SAME_CLASS_COST, _OTHER_COST = 0.35, 0.7, 1.0

FIT_WEIGHT = 6.0
"""Weight of ``fit`` beside ``agreement`` in a grammar."""

GRAMMAR_MIDDLE, GRAMMAR_SLOPE = 0.16, 14.0
"""Where a grammar's answer is as likely right as wrong, and how fast that changes."""

AGREEMENT_MIDDLE, AGREEMENT_SLOPE = 0.33, 20.0
"""The same for agreement alone."""

WORD_MIDDLE, WORD_SLOPE = 0.5, 4.0
"""The agreement that leaves a word as sure as its utterance; words are short, so it counts less."""

OPEN_SLOPES = (0.32, 3.85, 25.8)
"""Weights of log posterior, agreement and fit with the open language model."""

OPEN_OFFSET = -0.6
"""Where an answer of the open language model is as likely right as wrong."""

_WORST_POSTERIOR = 1e-12


class Span(msgspec.Struct, frozen=True):
    """A word or phone with its first and last frame and its acoustic score."""

    name: str
    first: int
    last: int
    score: float

    @property
    def frames(self) -> int:
        """How many frames it lasts."""
        return self.last - self.first + 1


def is_phone(name: str) -> bool:
    """Whether a segment of the free decoding is a phone, not silence or noise."""
    return name in _CLASS_OF


def agreement(free: Sequence[str], said: Sequence[str]) -> float:
    """How well free phones fit the phones of the words, 0 … 1."""
    longest = max(len(free), len(said))
    return max(0.0, 1.0 - _distances(free, said)[-1][-1] / longest) if longest else 0.0


def agreement_by_word(free: Sequence[str], words: Sequence[Sequence[str]]) -> list[float]:
    """The same for each word (its phones), along the best alignment of the whole, 0 … 1.

    A free phone that fits nowhere is charged to the word before it, or to the first.
    """
    said = [phone for word in words for phone in word]
    owner = [number for number, word in enumerate(words) for _ in word]
    costs = [0.0] * len(words)
    table = _distances(free, said)
    row, column = len(free), len(said)
    while said and (row or column):
        here = table[row][column]
        if row and column:
            cost = _cost(free[row - 1], said[column - 1])
            if math.isclose(here, table[row - 1][column - 1] + cost):
                costs[owner[column - 1]] += cost
                row, column = row - 1, column - 1
                continue
        if column and math.isclose(here, table[row][column - 1] + 1.0):
            costs[owner[column - 1]] += 1.0
            column -= 1
        else:
            costs[owner[max(0, column - 1)]] += 1.0
            row -= 1
    return [
        max(0.0, 1.0 - cost / len(word)) if word else 0.0 for cost, word in zip(costs, words, strict=True)
    ]


def _distances(free: Sequence[str], said: Sequence[str]) -> list[list[float]]:
    """Edit distances of all beginnings of ``free`` (rows) and ``said`` (columns)."""
    table = [[float(column) for column in range(len(said) + 1)]]
    for number, mine in enumerate(free, 1):
        above, row = table[-1], [float(number)]
        for column, theirs in enumerate(said, 1):
            row.append(min(above[column] + 1.0, row[-1] + 1.0, above[column - 1] + _cost(mine, theirs)))
        table.append(row)
    return table


def _cost(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if frozenset((one, other)) in _ALIKE:
        return _ALIKE_COST
    same = _CLASS_OF.get(one, -1) == _CLASS_OF.get(other, -2)
    return _SAME_CLASS_COST if same else _OTHER_COST


def fit(words: Sequence[Span], phones: Sequence[Span]) -> float:
    """Acoustic score of the words less that of the free phones, a frame; 0 without frames."""
    frames = sum(span.frames for span in words if span.frames > 0)
    if frames <= 0:
        return 0.0
    lost = sum(span.score - _free_score(span, phones) for span in words if span.frames > 0)
    return lost / frames


def _free_score(span: Span, phones: Sequence[Span]) -> float:
    total = 0.0
    for phone in phones:
        overlap = min(phone.last, span.last) - max(phone.first, span.first) + 1
        if overlap > 0 and phone.frames > 0:
            total += phone.score * overlap / phone.frames
    return total


def in_grammar(agrees: float, fits: float) -> float:
    """Confidence in an answer of a closed grammar, 0 … 1.

    Agreement is needed whatever the fit, because noise fits any words as badly as any phones.
    """
    both = _logistic(GRAMMAR_SLOPE * (agrees + FIT_WEIGHT * min(0.0, fits) - GRAMMAR_MIDDLE))
    return min(both, _by_agreement(agrees))


def of_word(whole: float, agrees: float) -> float:
    """Confidence in one word: that of the utterance, moved by how well this word's phones agree."""
    return _logistic(_logit(whole) + WORD_SLOPE * (agrees - WORD_MIDDLE))


def in_open_speech(posterior: float, agrees: float, fits: float) -> float:
    """Confidence in an answer of the open language model, 0 … 1."""
    by_posterior, by_agreement, by_fit = OPEN_SLOPES
    weighed = by_posterior * math.log(max(_WORST_POSTERIOR, posterior))
    all_three = _logistic(weighed + by_agreement * agrees + by_fit * min(0.0, fits) - OPEN_OFFSET)
    return min(all_three, _by_agreement(agrees))


def _by_agreement(agrees: float) -> float:
    return _logistic(AGREEMENT_SLOPE * (agrees - AGREEMENT_MIDDLE))


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, value))))


def _logit(share: float) -> float:
    bounded = min(0.999, max(0.001, share))
    return math.log(bounded / (1.0 - bounded))
