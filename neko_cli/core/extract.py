"""A summary made of the conversation's own sentences, by this machine alone; pure.

No model is asked: sentences are scored by how much the words that they share with the rest of the
conversation count, by where they stand, and by whether they tell something worth keeping (names,
numbers, what the user says about themselves or asks to remember). The best ones that fit are kept, in
order, behind the name of who said them. The same input always gives the same summary.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

SUMMARY_LIMIT = 1200
"""Characters of a summary: some 300 tokens."""

SENTENCE_LIMIT = 240
"""Characters of one sentence that are kept."""

LINE_LIMIT = 2000
"""Characters of one message that are read, which bounds the time."""

_STOP = re.compile("[.!?…。！？｡\n]+[\"'”’»)\\]」』）]*")
_ENDS_AT_ONCE = frozenset("。！？｡\n")
"""Stops of scripts without blanks; the others end a sentence only before a blank (3.5, neko.example)."""

_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|Mrs?|Ms|Dr|Prof|St|Nr|No|vs|ca|bzw|usw|etc|e\.g|i\.e|z\.\s?B|d\.\s?h|u\.\s?a)\.$"
)

_WORD = re.compile(r"[^\W\d_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_NUMBER = re.compile(r"\d")
_NAME = re.compile(r" [A-Z\u00c0-\u00de][a-z\u00df-\u00ff]")

_STOP_WORDS = frozenset(
    # English; also the pieces that an apostrophe leaves (don't, I'll, we've)
    """
    a about after again all also am an and any are as at be because been but by can could d did do does don
    for from get go going good got had has have he her here him his how i if in into is it its just know let
    like ll m me more my no not now of oh ok okay on one or our out re really right s say see she should so
    some t than thank thanks that the their them then there they think this to too up us ve very want was we
    well were what when where which who why will with would yes you your
    """
    # German
    """
    aber alle als also am an auch auf aus bei bin bist bitte da danke das dass dein dem den der des dich die
    dir doch du ein eine einem einen einer er es für gut haben hast hat ich ihm ihr im in ist ja jetzt kann
    kein mal man mehr mein mich mir mit nach nein nicht noch nur oder schon sehr sein sich sie sind so und uns
    von war was wenn wie wir wird wo zu zum zur über
    """
    # Chinese and Japanese, as the pairs of characters in which they are counted
    """
    这个 那个 什么 怎么 我们 你们 他们 可以 没有 就是 不是 但是 因为 所以 现在 一个 是的 好的
    です ます した して する いる ある こと これ それ あれ この その ため から まで ので けど でも ない
    """.split()
)

_FACTS = re.compile(
    # English
    r"\b(?:my (?:full |first |last )?name(?: is|[’']s)|call me|remember|don[’']?t forget|remind me"
    r"|i (?:live|work|study|come from|was born|prefer|love|like|hate|need|own|play|speak)"
    r"|i(?:[’']m| am) (?:an?|from|allergic|called|\d+)"
    r"|my (?:birthday|wife|husband|partner|son|daughter|mother|father|brother|sister|dog|cat|job|favou?rite)"
    # German
    r"|mein name|merk dir|vergiss nicht|denk daran|erinnere"
    r"|ich (?:heiße|heisse|wohne|lebe|arbeite|komme aus|mag|liebe|hasse|brauche)"
    r"|ich bin (?:eine?|\d+|allergisch|aus)"
    r"|meine? (?:frau|mann|sohn|tochter|mutter|vater|bruder|schwester|hund|katze|geburtstag|beruf))\b"
)
"""What is worth remembering, in scripts with blanks; looked for in lower case."""

_FACT_WORDS = frozenset("my call remember forget remind i mein meine merk vergiss denk erinnere ich".split())
"""One of these is in whatever ``_FACTS`` finds, which is slow to look everywhere."""

_CJK_FACTS = re.compile(
    # Chinese
    r"我叫|我的名字|我姓|我住|我在.{0,12}(?:工作|上学)|我来自|我最?喜欢|我讨厌|我过敏|记住|记得|别忘|生日"
    r"|我(?:妻子|老婆|丈夫|老公|儿子|女儿|妈妈|爸爸|哥哥|弟弟|姐姐|妹妹|家的?[狗猫])"
    # Japanese
    r"|名前は|と申します|といいます|に住んで|で働いて|出身|が好き|が嫌い|アレルギー|覚えて|忘れないで|誕生日"
    r"|私の(?:妻|夫|息子|娘|母|父|兄|弟|姉|妹|犬|猫)"
)
"""The same in Chinese and Japanese."""

_FRAMED = re.compile(r"(?P<who>[^:\n]{1,60}): (?P<what>.+)")
_TITLES = {"user": "User", "assistant": "Assistant"}
_EARLIER = "Earlier"
"""Stands before sentences of an earlier summary that names nobody."""

_FACT_BONUS = 3.0
_USER_FACT_BONUS = 6.0
_NUMBER_BONUS = 0.6
_NAME_BONUS = 0.6
_USER_BONUS = 0.4
_EARLIER_BONUS = 0.5
_EDGE_BONUS = 0.8
_SHORT_PENALTY = 1.5
"""Weights beside a word score of about 1 for an average sentence; chosen by trying on conversations."""


class _Sentence(msgspec.Struct, frozen=True):
    """A sentence, who said it, and the words that count in it."""

    who: str
    text: str
    words: frozenset[str]
    fact: bool
    """Whether it tells something worth remembering."""
    earlier: bool
    """Whether it comes from the earlier summary, where it was chosen once before."""


def summarise(earlier: str, lines: Sequence[tuple[str, str]], *, limit_chars: int = SUMMARY_LIMIT) -> str:
    """Sum up an earlier summary and what was said since.

    Args:
        earlier: the summary so far; its sentences compete with the new ones, so that what matters
            stays however often it is summed up again.
        lines: (speaker, text) pairs, oldest first; ``user`` and ``assistant`` are written as names.
        limit_chars: how long the summary may be at most, in characters.

    Returns:
        Lines of the form ``User: sentence sentence``; empty when nothing was said.
    """
    sentences = _sentences(earlier, lines)
    if not sentences:
        return ""
    chosen = _choose(sentences, _scores(sentences), limit_chars)
    return _framed([sentences[index] for index in sorted(chosen)])


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, in scripts with and without blanks, each on one line."""
    found = []
    start = 0
    for match in _STOP.finditer(text):
        stop, end = match[0], match.end()
        if _ENDS_AT_ONCE.isdisjoint(stop):
            if end < len(text) and not text[end].isspace():
                continue
            if stop == "." and _ABBREVIATION.search(text[max(start, end - 8) : end]):
                continue
        found.append(text[start:end])
        start = end
    found.append(text[start:])
    return [flat for piece in found if (flat := " ".join(piece.split()))]


def _sentences(earlier: str, lines: Sequence[tuple[str, str]]) -> list[_Sentence]:
    """All different sentences in order; one that comes again counts where it first stood."""
    before = list(_said_earlier(earlier))
    seen: set[tuple[str, str]] = set()
    names: dict[str, str] = {}
    out = []
    for index, (who, text) in enumerate([*before, *lines]):
        name = names.get(who) or names.setdefault(who, _name(who))
        for sentence in split_sentences(text[:LINE_LIMIT]):
            lower = sentence.lower()
            if (name, lower) not in seen:
                seen.add((name, lower))
                out.append(_Sentence(name, sentence, *_read(lower), index < len(before)))
    return out


def _name(who: str) -> str:
    """How a speaker stands in the summary."""
    return _TITLES.get(who.casefold()) or " ".join(who.replace(":", " ").split())[:60] or _EARLIER


def _said_earlier(earlier: str) -> Iterator[tuple[str, str]]:
    """The lines of an earlier summary; the speaker is known where we made it ourselves."""
    for line in earlier.splitlines():
        framed = _FRAMED.fullmatch(line.strip())
        yield (framed["who"], framed["what"]) if framed else (_EARLIER, line)


def _read(lower: str) -> tuple[frozenset[str], bool]:
    """The words that count in a sentence of lower case, and whether it tells a fact.

    Words are taken as they are in scripts with blanks, and as pairs of characters in the others.
    """
    pairs: set[str] = set()
    fact = False
    if not lower.isascii():
        runs = _CJK.findall(lower)
        pairs = {run[at : at + 2] for run in runs for at in range(max(1, len(run) - 1))}
        fact = bool(runs) and _CJK_FACTS.search(lower) is not None
        lower = _CJK.sub(" ", lower)
    words = frozenset(_WORD.findall(lower))
    fact = fact or (not words.isdisjoint(_FACT_WORDS) and _FACTS.search(lower) is not None)
    return (words | pairs) - _STOP_WORDS, fact and not lower.endswith(("?", "？"))


def _scores(sentences: Sequence[_Sentence]) -> list[float]:
    """How much each sentence is worth keeping."""
    counts = Counter(chain.from_iterable(sentence.words for sentence in sentences))
    most = max(counts.values(), default=1)
    last = len(sentences) - 1
    return [
        _score(sentence, counts, most) + (_EDGE_BONUS if index in (0, last) else 0.0)
        for index, sentence in enumerate(sentences)
    ]


def _score(sentence: _Sentence, counts: Counter[str], most: int) -> float:
    # Whole numbers are added up, so that the order of a set plays no part. The root of the number of
    # words keeps long sentences from winning by length alone.
    words = len(sentence.words)
    score = sum(map(counts.__getitem__, sentence.words)) / most / math.sqrt(max(1, words))
    by_user = sentence.who == _TITLES["user"]
    if sentence.fact:
        score += _USER_FACT_BONUS if by_user else _FACT_BONUS
    if _NUMBER.search(sentence.text):
        score += _NUMBER_BONUS
    if _NAME.search(sentence.text):
        score += _NAME_BONUS
    if by_user:
        score += _USER_BONUS
    if sentence.earlier:
        score += _EARLIER_BONUS
    if words < 2:
        score -= _SHORT_PENALTY
    return score


def _choose(sentences: Sequence[_Sentence], scores: Sequence[float], limit: int) -> set[int]:
    """The best sentences that fit, the better first; of equals the earlier one."""
    chosen: set[int] = set()
    room = limit
    for index in sorted(range(len(sentences)), key=lambda at: (-scores[at], at)):
        # Counted as if each stood on a line of its own, which is never too little.
        cost = len(sentences[index].who) + 3 + min(len(sentences[index].text), SENTENCE_LIMIT)
        if cost <= room:
            chosen.add(index)
            room -= cost
    return chosen


def _framed(sentences: Sequence[_Sentence]) -> str:
    """One line for each run of sentences of the same speaker."""
    runs: list[tuple[str, list[str]]] = []
    for sentence in sentences:
        text = sentence.text
        if len(text) > SENTENCE_LIMIT:
            text = text[: SENTENCE_LIMIT - 1].rstrip() + "…"
        if runs and runs[-1][0] == sentence.who:
            runs[-1][1].append(text)
        else:
            runs.append((sentence.who, [text]))
    return "\n".join(f"{who}: {' '.join(texts)}" for who, texts in runs)
