"""The character's feeling in sentences that carry no tag, and, apart from it, the user's mood. Pure.

What the model says itself by a tag counts more than what its words look like: the classifier only
speaks where there were no tags lately.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from neko_cli.core.companions.emotion import DEFAULT_LABELS
from neko_cli.core.companions.feeling_scores import FeelingScores
from neko_cli.core.sentences import SentenceSplitter

FLOOR = 0.55
"""Confidence below which a sentence is neutral. One plain word for a feeling gives 0.62 and passes; a
weak one ("nice") gives 0.5, and so does one of two feelings in a sentence at most."""

HALF = 0.6
"""The score at which confidence is a half; chosen so that one plain word passes and a weak one does not."""

OWN_FIRST = 0.9
"""A label of the profile's own wins against one of the usual five from this share of its score on: it
is the closer word, and its author wanted it."""

QUIET = 3
"""Sentences that a tag speaks for, its own one included. Characters answer in one to three sentences,
so a reply that begins with a tag is its tag's; a long story may move on."""

RATE = 0.4
"""What one utterance changes of the mood. The last three make up 78 % of it."""

REST = 0.2
"""Arousal of a calm voice."""

ALIASES = {
    "happy": "happiness joy joyful cheerful glad smile amused playful 开心 高兴 快乐 嬉しい 楽しい 喜び",
    "sad": "sadness unhappy cry crying sorrow 难过 伤心 悲伤 悲しい 哀しい",
    "angry": "anger mad annoyed furious 生气 愤怒 怒り 怒",
    "surprised": "surprise amazed astonished shocked 惊讶 驚き 驚いた",
    "shy": "embarrassed blushing bashful 害羞 恥ずかしい 照れ",
    "scared": "fear afraid worried nervous anxious 害怕 怖い 不安",
    "loving": "love affection affectionate 爱 愛",
    "curious": "interested curiosity 好奇 興味",
    "confused": "puzzled confusion 困惑 混乱",
    "tired": "sleepy exhausted 累 疲れ 眠い",
    "bored": "boredom 无聊 退屈",
    "proud": "pride 骄傲 得意 誇り",
    "excited": "excitement thrilled 兴奋 興奮",
}
"""Other names for the families of words that the lexicons have."""

_NEUTRAL = frozenset("neutral calm normal relaxed none 平静 普通 普通の 中立 平常".split())
_FAMILY = {alias: family for family, names in ALIASES.items() for alias in (family, *names.split())}


class FeelingClassifier:
    """Judges sentences by the labels of a profile; under a millisecond each after the first."""

    def __init__(
        self, labels: Sequence[str] = DEFAULT_LABELS, words: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """``words`` are more words by label; a label's own name is always one of its words."""
        self._labels: dict[str, str] = {}
        """Family, or the label itself, to the label as the profile writes it."""
        self._neutral = ""
        own: dict[str, list[str]] = {}
        more = {label.casefold(): listed for label, listed in (words or {}).items()}
        for label in labels:
            folded = label.casefold()
            if folded in _NEUTRAL:
                self._neutral = self._neutral or label
                continue
            family = _FAMILY.get(folded, folded)
            if family in self._labels:
                family = folded
            self._labels[family] = label
            named = [] if family in DEFAULT_LABELS else [label.replace("_", " ").replace("-", " ")]
            own[family] = [word for word in (*named, *more.get(folded, ())) if word.strip()]
        self._scores = FeelingScores(set(self._labels) & set(ALIASES), own)

    @property
    def neutral(self) -> str:
        """The profile's label for no feeling; empty when it has none."""
        return self._neutral

    def scores(self, sentence: str) -> dict[str, float]:
        """Scores by label, as the profile writes them."""
        return {self._labels[key]: score for key, score in self._scores.of(sentence).items()}

    def judge(self, sentence: str) -> tuple[str, float]:
        """The label and its confidence, 0 … 1; neutral below ``FLOOR``.

        The label is empty for a neutral sentence where the profile has no such label.
        """
        scores = self.scores(sentence)
        if not scores:
            return self._neutral, 1.0 - HALF / 2
        best = max(scores, key=scores.__getitem__)
        usual = {label for family, label in self._labels.items() if family in DEFAULT_LABELS}
        own = {label: score for label, score in scores.items() if label not in usual}
        if best in usual and own:
            closest = max(own, key=own.__getitem__)
            best = closest if own[closest] >= OWN_FIRST * scores[best] else best
        # Two words for the same thing do not contradict each other: "love" is happy and loving.
        against = sum(score for label, score in scores.items() if (label in usual) == (best in usual))
        share = scores[best] / max(against, scores[best])
        confidence = scores[best] / (scores[best] + HALF) * share
        if confidence < FLOOR:
            return self._neutral, round(1.0 - confidence, 2)
        return best, round(confidence, 2)


class Feelings:
    """Follows a reply as it streams, its tags already taken out; one for each session."""

    def __init__(self, classifier: FeelingClassifier) -> None:
        self._classifier = classifier
        self._last = ""
        self.start()

    @property
    def last(self) -> str:
        """The sentence that was judged last, for a second opinion; empty before the first."""
        return self._last

    def start(self) -> None:
        """A new reply begins."""
        self._splitter = SentenceSplitter()
        self._quiet = 0

    def tagged(self) -> None:
        """A tag stands here: it speaks for its sentence and the next ones."""
        # What is not judged yet came before the tag, and would be told after it.
        self._splitter = SentenceSplitter()
        self._quiet = QUIET

    def feed(self, delta: str) -> list[tuple[str, float]]:
        """Label and confidence of each sentence that is complete with this piece and has no tag."""
        return self._judged(self._splitter.push(delta))

    def flush(self) -> list[tuple[str, float]]:
        """The same for what is left at the end of the reply."""
        return self._judged(self._splitter.flush())

    def _judged(self, sentences: Sequence[str]) -> list[tuple[str, float]]:
        found: list[tuple[str, float]] = []
        for sentence in sentences:
            if not sentence.strip():
                continue
            if self._quiet:
                self._quiet -= 1
                continue
            label, confidence = self._classifier.judge(sentence)
            if label:
                self._last = sentence.strip()
                found.append((label, confidence))
        return found


class MoodReading(msgspec.Struct, frozen=True):
    """A mood: ``valence`` from -1 (bad) to 1 (good), ``arousal`` from 0 (calm) to 1 (stirred up)."""

    valence: float = 0.0
    arousal: float = REST


_PLACES = {"happy": (0.8, 0.6), "sad": (-0.7, 0.3), "angry": (-0.8, 0.9), "surprised": (0.1, 0.8)}
"""Where the families lie, after Russell's circle of affect (1980)."""


class Mood:
    """The user's mood from their own words, smoothed; never told as the character's emotion."""

    def __init__(self) -> None:
        self._scores = FeelingScores(_PLACES)
        self._now = MoodReading()

    @property
    def now(self) -> MoodReading:
        """The mood over the last utterances."""
        return self._now

    def heard(self, text: str) -> MoodReading:
        """The mood with one more utterance; one without letters or signs changes nothing."""
        scores = self._scores.of(text)
        if not scores and not any(map(str.isalpha, text)):
            return self._now
        total = sum(scores.values())
        certain = total / (total + HALF)
        valence = arousal = 0.0
        for family, score in scores.items():
            good, stirred = _PLACES[family]
            valence += certain * good * score / total
            arousal += certain * (stirred - REST) * score / total
        self._now = MoodReading(
            valence=self._now.valence + RATE * (valence - self._now.valence),
            arousal=self._now.arousal + RATE * (REST + arousal - self._now.arousal),
        )
        return self._now
