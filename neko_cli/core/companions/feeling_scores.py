"""How strongly a sentence tells each feeling: by words, emoji, faces and punctuation. Pure.

English goes by whole words; Chinese and Japanese by what stands anywhere in the text, the longest
first. A negation turns a word's feeling, others around it raise or lower it.
"""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from neko_cli.core.companions.feeling_words import Lexicon, entries
from neko_cli.core.companions.feeling_words.chinese import CHINESE
from neko_cli.core.companions.feeling_words.english import ENGLISH
from neko_cli.core.companions.feeling_words.japanese import JAPANESE
from neko_cli.core.companions.feeling_words.signs import EMOJI, KAOMOJI, TYPED

READ = 400
"""Characters that are looked at; about the longest sentence that a voice is given."""

SIGN = 1.5
"""What an emoji, a face or typed laughter counts: they stand for a feeling and nothing else."""

MORE, LESS = 1.4, 0.6
"""What "very" and "a bit" do to the word that they belong to."""

TURNED = {"happy": ("sad", 0.6), "sad": ("happy", 0.3)}
"""What "not happy" and "not sad" say, and how strongly; "not angry" says nothing."""

BEFORE_BUT, AFTER_BUT = 0.5, 1.3

QUESTION = 0.3
""""Are you sad?" asks about another's feeling; only surprise is shown by asking."""

SHOUT = 0.15
"""Each exclamation mark, up to three, raises what is felt loudly."""

CAPITALS = 1.25

ASTONISHED = 0.9
"""What "?!" counts."""

_LOUD = ("happy", "angry", "surprised", "excited")
_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|`[^`]*`|\ufe0f")
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*|[?!.,;:]+")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_HAN = re.compile("[\u3400-\u9fff]")
_CLAUSE_END = re.compile("[，,。.！!？?；;：:、…\n]")
_HELPLESS = re.compile("^[\u3041-\u3096]{0,3}(?:仕方|しかた|たまら|しょうが|しょうがな)")
"""Japanese "cannot help being": a negation in form, and very much in meaning."""

ALIKE = 16
"""Sets of words that are kept ready; a profile has one, and the user's mood another."""

Scores = dict[str, float]
Own = tuple[tuple[str, tuple[str, ...]], ...]
"""Words of a profile's own, by label."""


class FeelingScores:
    """Scores for some families of words; made at its first text, in about 10 ms, once for all alike."""

    def __init__(self, families: Iterable[str], own: Mapping[str, Sequence[str]] | None = None) -> None:
        """``families`` are keys of the lexicons; ``own`` are further words by label, which may be new."""
        self._families = frozenset(families)
        self._own: Own = tuple((label, tuple(words)) for label, words in (own or {}).items())

    def of(self, sentence: str) -> Scores:
        """Scores above 0 by family or label; 1 is a plain word for it."""
        text = _NO_WORDS.sub(" ", sentence[:READ]).replace("’", "'")
        scores: Scores = defaultdict(float)
        signs: Scores = defaultdict(float)
        text = self._by_signs(text, signs)
        if any(char.isascii() and char.isalpha() for char in text):
            self._finder("english").find(text, scores)
        if _KANA.search(text):
            self._finder("japanese").find(text, scores)
        elif _HAN.search(text):
            self._finder("chinese").find(text, scores)
        self._by_punctuation(text, scores)
        for label, score in signs.items():
            scores[label] += score
        return {label: score for label, score in scores.items() if score > 0}

    def _finder(self, language: str) -> _Finder:
        return _make_finder(language, self._families, self._own)

    def _by_signs(self, text: str, scores: Scores) -> str:
        """Count faces and emoji; returns the text without them, as they hold letters of all kinds."""
        signs, typed = _make_signs(self._families, self._own)
        for pattern, meanings in signs:
            for found in dict.fromkeys(pattern.findall(text)):
                for label, strength in meanings[found].items():
                    scores[label] += strength
            text = pattern.sub(" ", text)
        for label, laughter in typed:
            if laughter.search(text):
                scores[label] += SIGN
        return text

    def _by_punctuation(self, text: str, scores: Scores) -> None:
        end = text.rstrip(" \"')]}»”’」』）")
        asks = end.endswith(("?", "？"))
        shouts = min(3, text.count("!") + text.count("！"))
        if asks and not shouts:
            for label in scores:
                if label != "surprised":
                    scores[label] *= QUESTION
        for label in _LOUD:
            if label in scores:
                scores[label] *= 1 + SHOUT * shouts
        if "surprised" in self._families and re.search("[?？][!！]|[!！][?？]", text):
            scores["surprised"] += ASTONISHED


class _Finder(ABC):
    """Finds one language's words in a text and adds what they tell."""

    def __init__(self, lexicon: Lexicon, words: list[tuple[str, str, float]], *, behind: bool) -> None:
        self._lexicon = lexicon
        self._behind = behind
        """Whether negations stand behind their word."""
        self._prepare(words)

    @abstractmethod
    def _prepare(self, words: list[tuple[str, str, float]]) -> None: ...

    @abstractmethod
    def find(self, text: str, scores: Scores) -> None:
        """Add to the scores."""


class _WholeWords(_Finder):
    """English: tokens, and phrases of up to a few of them."""

    def _prepare(self, words: list[tuple[str, str, float]]) -> None:
        phrases: dict[tuple[str, ...], dict[str, float]] = {}
        for label, word, strength in words:
            tokens = _tokens(word.lower())
            if tokens:
                phrases.setdefault(tuple(tokens), {})[label] = strength
        self._by_first: dict[str, list[tuple[tuple[str, ...], dict[str, float]]]] = {}
        for phrase, meaning in sorted(phrases.items(), key=lambda item: -len(item[0])):
            self._by_first.setdefault(phrase[0], []).append((phrase, meaning))

    def find(self, text: str, scores: Scores) -> None:
        """Add to the scores."""
        tokens = _tokens(text.lower())
        shouted = {word.lower() for word in re.findall(r"\b[A-Z]{3,}\b", text)}
        turn = max((at for at, token in enumerate(tokens) if token in self._lexicon.turns), default=-1)
        at = 0
        while at < len(tokens):
            phrase, meaning = self._phrase(tokens, at)
            if not phrase:
                at += 1
                continue
            factor = CAPITALS if shouted.intersection(phrase) else 1.0
            if turn > 0:
                factor *= AFTER_BUT if at > turn else BEFORE_BUT
            _add(scores, meaning, factor * self._around(tokens, at), self._is_negated(tokens, at))
            at += len(phrase)

    def _phrase(self, tokens: list[str], at: int) -> tuple[tuple[str, ...], dict[str, float]]:
        for phrase, meaning in self._by_first.get(tokens[at], ()):
            if tuple(tokens[at : at + len(phrase)]) == phrase:
                return phrase, meaning
        return (), {}

    def _clause_before(self, tokens: list[str], at: int, count: int) -> list[str]:
        found: list[str] = []
        for token in reversed(tokens[max(0, at - count) : at]):
            if not token[0].isalpha() or token in self._lexicon.turns:
                break
            found.append(token)
        return found

    def _around(self, tokens: list[str], at: int) -> float:
        near = self._clause_before(tokens, at, 2)
        if self._lexicon.dampeners.intersection(near):
            return LESS
        return MORE if self._lexicon.intensifiers.intersection(near) else 1.0

    def _is_negated(self, tokens: list[str], at: int) -> bool:
        near = self._clause_before(tokens, at, 3)
        if "never" in near and ("so" in near or tokens[at].endswith("er")):
            return False  # "never been so happy"
        return bool(self._lexicon.negations.intersection(near))


class _Anywhere(_Finder):
    """Chinese and Japanese: no blanks between words."""

    def _prepare(self, words: list[tuple[str, str, float]]) -> None:
        self._meanings: dict[str, dict[str, float]] = {}
        for label, word, strength in words:
            self._meanings.setdefault(word, {})[label] = strength
        self._words = _alternatives(self._meanings)
        lexicon = self._lexicon
        self._more, self._less = _alternatives(lexicon.intensifiers), _alternatives(lexicon.dampeners)
        self._not = _alternatives(lexicon.negations)
        self._turns = _alternatives(lexicon.turns)

    def find(self, text: str, scores: Scores) -> None:
        """Add to the scores."""
        turn = max((found.start() for found in self._turns.finditer(text)), default=-1)
        for found in self._words.finditer(text):
            before = _CLAUSE_END.split(text[max(0, found.start() - 4) : found.start()])[-1]
            after = _CLAUSE_END.split(text[found.end() : found.end() + 8])[0]
            factor = 1.0
            if self._less.search(before):
                factor = LESS
            elif self._more.search(before):
                factor = MORE
            if turn > 0:
                factor *= AFTER_BUT if found.start() > turn else BEFORE_BUT
            negated = False
            if not self._behind:
                negated = self._not.search(before) is not None
            elif _HELPLESS.search(after):
                factor *= MORE
            else:
                denial = self._not.search(after)
                negated = denial is not None and denial.start() <= 4
            _add(scores, self._meanings[found.group()], factor, negated)


@functools.lru_cache(maxsize=ALIKE)
def _make_finder(language: str, families: frozenset[str], own: Own) -> _Finder:
    lexicon = {"english": ENGLISH, "chinese": CHINESE, "japanese": JAPANESE}[language]
    kind = _WholeWords if language == "english" else _Anywhere
    words: list[tuple[str, str, float]] = []
    for label, listed in lexicon.words.items():
        if label in families:
            words += [(label, word, strength) for word, strength in entries(listed)]
    for label, listed_own in own:
        fitting = [word for word in listed_own if word.isascii() == (language == "english")]
        words += [(label, word, 1.6) for word in fitting]
    return kind(lexicon, words, behind=language == "japanese")


@functools.lru_cache(maxsize=ALIKE)
def _make_signs(
    families: frozenset[str], own: Own
) -> tuple[list[tuple[re.Pattern[str], Mapping[str, Scores]]], list[tuple[str, re.Pattern[str]]]]:
    """Faces and emoji with their meanings, and typed laughter by its label."""
    typed = [
        (label, re.compile("|".join(patterns.split()), re.IGNORECASE))
        for label, patterns in TYPED.items()
        if label in families
    ]
    return [_pattern(KAOMOJI, families, own), _pattern(EMOJI, families, own)], typed


def _pattern(
    signs: Mapping[str, str], families: frozenset[str], own: Own
) -> tuple[re.Pattern[str], Mapping[str, Scores]]:
    meanings: dict[str, Scores] = {}
    for label, listed in signs.items():
        for sign in listed.split():
            meaning = meanings.setdefault(sign.replace("\ufe0f", ""), {})
            if label in families:
                meaning[label] = SIGN
    for label, words in own:
        for sign in (word.replace("\ufe0f", "") for word in words):
            if signs is EMOJI and sign and not any(map(str.isalnum, sign)):
                meanings.setdefault(sign, {})[label] = SIGN
    longest = sorted(meanings, key=len, reverse=True)
    return re.compile("|".join(map(_bounded, longest))), meanings


def _add(scores: Scores, meaning: Mapping[str, float], factor: float, negated: bool) -> None:
    for label, strength in meaning.items():
        if not negated:
            scores[label] += strength * factor
        elif label in TURNED:
            turned, share = TURNED[label]
            scores[turned] += strength * factor * share


def _tokens(text: str) -> list[str]:
    found = []
    for token in _TOKEN.findall(text):
        if token[0].isalpha():
            found.append(token)
        elif "?" in token:
            found.append("?!" if "!" in token else "?")
        else:
            found.append(token[0])
    return found


def _alternatives(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or r"(?!)")


def _bounded(sign: str) -> str:
    """A face as a pattern; one that begins or ends with letters is no part of a word."""
    before = "(?<![A-Za-z0-9])" if sign[0].isascii() and (sign[0].isalnum() or sign[0] in ":;=") else ""
    after = "(?![A-Za-z0-9])" if sign[-1].isascii() and sign[-1].isalnum() else ""
    return f"{before}{re.escape(sign)}{after}"
