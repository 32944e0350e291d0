"""What the user told in this conversation, derived from the lines each time; no state anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from neko_cli.local.ports import Line
from neko_cli.local.responder.wording import clean, expand, sentences, shortened, words_only

MAX_LINES = 300
"""User lines that are looked at, newest last; older ones are forgotten."""

MAX_ITEMS = 50
"""Facts kept of each kind."""

_FILL = r"(?:(?:and|but|so|also|well|oh|yes|no|hi|hello|hey|by the way|actually|then) )*"
_NAME_WORD = r"([^\W\d_][\w'-]{0,30}(?: [^\W\d_][\w'-]{0,30}){0,2})"
_NAME = re.compile(
    rf"(?:^|\b)(?:my name is|i am called|(?:people|friends|they) call me|you (?:can"
    rf"|may) call me|call me) {_NAME_WORD}",
    re.IGNORECASE,
)
_I_AM_NAME = re.compile(
    r"(?:^|[,!] )(?:[Hh]i,? |[Hh]ello,? |[Hh]ey,? )?(?:I|i) am ([A-Z][a-z\u00df-\u024f'-]{1,30})[.!]?$"
)
_ATTRIBUTE = re.compile(rf"^{_FILL}my ([\w' -]{{1,40}}?) (is|are|was|were) (.{{1,120}})$", re.IGNORECASE)
_LIKE = re.compile(
    rf"^{_FILL}i (?:really |also |just |absolutely |do |quite |still )*(?:like|love|enjoy"
    rf"|adore|prefer) (.{{1,120}})$",
    re.IGNORECASE,
)
_FAN = re.compile(
    rf"^{_FILL}i am (?:a (?:big |great |huge )?fan of|fond of|into) (.{{1,120}})$", re.IGNORECASE
)
_DISLIKE = re.compile(
    rf"^{_FILL}i (?:really |absolutely |just )*(?:hate|dislike|detest|cannot stand"
    rf"|do not (?:really )?(?:like|love|enjoy))"
    r" (.{1,120})$",
    re.IGNORECASE,
)
_ABOUT = (
    ("live", re.compile(rf"^{_FILL}i (?:now |currently )?(live .{{1,80}})$", re.IGNORECASE)),
    ("from", re.compile(rf"^{_FILL}i ((?:am|come) from .{{1,80}})$", re.IGNORECASE)),
    ("work", re.compile(rf"^{_FILL}i ((?:work|am working) .{{1,80}})$", re.IGNORECASE)),
    ("age", re.compile(rf"^{_FILL}i (am [\w -]{{1,30}} years? old)$", re.IGNORECASE)),
    ("born", re.compile(rf"^{_FILL}i (was born .{{1,60}})$", re.IGNORECASE)),
    ("study", re.compile(rf"^{_FILL}i (study .{{1,60}})$", re.IGNORECASE)),
    ("speak", re.compile(rf"^{_FILL}i (speak .{{1,60}})$", re.IGNORECASE)),
    ("job", re.compile(rf"^{_FILL}i (am an? [\w -]{{1,60}})$", re.IGNORECASE)),
)
_HAVE = re.compile(
    rf"^{_FILL}i have (?:got )?((?:an?|one|two|three|four|five|six|some|many|\d{{1,4}}) [\w' -]{{1,60}}?)"
    r"(?: (?:called|named|whose name is) ([\w' -]{1,40}))?$",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"^(?:please |can you |could you )*(?:remember|note|keep in mind|make a note|do not forget)"
    r"(?: that|:|,|;)? (?!me$|my name|what|when|who|how|if\b)(.{2,200})$",
    re.IGNORECASE,
)
_FORGET_ALL = re.compile(
    r"^(?:please )?forget (?:everything|it all|all|all of it|what i (?:said|told you))\b"
)
_FORGET_ONE = re.compile(r"^(?:please )?forget my ([\w' -]{1,40})$")
_CLAUSE = re.compile(r",? (?:but|and|while) (?=i |my )|; ", re.IGNORECASE)
_ENDS = re.compile(r" (?:very much|a lot|so much|too|as well|the most|of course|please|now)$", re.IGNORECASE)
_NOT_NAMES = frozenset(
    """later back tomorrow when if maybe soon again a an the not what your my so just happy sad tired
    german french english spanish italian american british chinese japanese russian polish dutch swedish
    indian canadian australian austrian swiss greek turkish korean irish scottish portuguese brazilian
    mexican sorry fine good okay ok well here ready back sure hungry""".split()
)
_CUT_NAME = frozenset("and but by from i please now who the a an in at is am so or because what how".split())


class Facts(msgspec.Struct):
    """What is known about the user, as said; newest last."""

    name: str = ""
    has: dict[str, str] = {}
    """``favourite colour`` → ``is blue``."""
    likes: list[str] = []
    dislikes: list[str] = []
    about: dict[str, str] = {}
    """``live`` → ``live in Berlin``."""
    owns: dict[str, str] = {}
    """``a dog`` → its name, or empty."""
    notes: list[str] = []

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(
            self.name or self.has or self.likes or self.dislikes or self.about or self.owns or self.notes
        )


class Told(msgspec.Struct, frozen=True):
    """One fact in one clause: ``kind`` is name, has, like, dislike, about, owns, note or forget."""

    kind: str
    key: str
    value: str


def gather(lines: Sequence[Line], user: str = "") -> Facts:
    """Facts in the user's lines, in order, so that a correction wins; ``user`` is a known name."""
    facts = Facts(name=user)
    said = [line for line in lines if line.role == "user"][-MAX_LINES:]
    for line in said:
        for told in told_in(line.text):
            _apply(facts, told)
    return facts


def told_in(text: str) -> list[Told]:
    """Facts told in a message; questions tell nothing."""
    out: list[Told] = []
    for sentence in sentences(clean(text)):
        if not sentence.endswith("?"):
            for clause in _CLAUSE.split(expand(sentence.rstrip(".!? "))):
                out += _clause(clause.strip(" ,"))
    return out


def key_of(subject: str) -> str:
    """A subject in the form under which it is kept: lower case, British, without ``'s name``."""
    words = words_only(subject).replace("favorite", "favourite").replace("colour", "color")
    return words.removesuffix("'s name").removesuffix("s name").removeprefix("the ").strip()


def _clause(clause: str) -> Iterable[Told]:
    low = clause.lower()
    note = _NOTE.match(clause)
    if note:
        said = note.group(1).strip()
        return [*_clause(said), Told("note", "", said)]
    if _FORGET_ALL.match(low):
        return [Told("forget", "", "")]
    one = _FORGET_ONE.match(low)
    if one:
        return [Told("forget", key_of(one.group(1)), "")]
    if " my " not in f" {low} " and " i " not in f" {low} " and "call me" not in low:
        return []
    name = _NAME.search(clause)
    found = _as_name(name.group(1)) if name else ""
    if not found:
        stated = _I_AM_NAME.search(clause)
        found = _as_name(stated.group(1)) if stated else ""
    if found:
        return [Told("name", "", found)]
    return _about(clause)


def _about(clause: str) -> Iterable[Told]:
    attribute = _ATTRIBUTE.match(clause)
    if attribute:
        subject, verb, value = attribute.groups()
        if key_of(subject) in ("", "name") or words_only(value) in ("", "what", "who", "not"):
            return []
        called = subject.lower().endswith("name") and not value.lower().startswith(("called ", "named "))
        return [Told("has", key_of(subject), f"{verb.lower()} {'called ' if called else ''}{_value(value)}")]
    for pattern, kind in ((_DISLIKE, "dislike"), (_LIKE, "like"), (_FAN, "like")):
        match = pattern.match(clause)
        if match:
            return [Told(kind, "", _value(match.group(1)))]
    have = _HAVE.match(clause)
    if have:
        return [Told("owns", _value(have.group(1)), (have.group(2) or "").strip())]
    for key, pattern in _ABOUT:
        match = pattern.match(clause)
        if match:
            return [Told("about", key, _value(match.group(1)))]
    return []


def _value(text: str) -> str:
    return shortened(_ENDS.sub("", text.strip(" .,!")), 100)


def _as_name(found: str) -> str:
    words: list[str] = []
    for word in found.split():
        if word.lower() in _CUT_NAME or (words and words[0][0].isupper() and not word[0].isupper()):
            break
        words.append(word)
    if not words or words[0].lower() in _NOT_NAMES:
        return ""
    return " ".join(word if any(char.isupper() for char in word) else word.capitalize() for word in words)


def _apply(facts: Facts, told: Told) -> None:
    if told.kind == "forget":
        _forget(facts, told.key)
    elif told.kind == "name":
        facts.name = told.value
    elif told.kind in ("like", "dislike"):
        ours, theirs = facts.likes, facts.dislikes
        if told.kind == "dislike":
            ours, theirs = theirs, ours
        for where in (ours, theirs):
            where[:] = [item for item in where if item.lower() != told.value.lower()]
        _add(ours, told.value)
    elif told.kind == "note":
        _add(facts.notes, told.value)
    else:
        table = {"has": facts.has, "about": facts.about, "owns": facts.owns}[told.kind]
        table.pop(told.key, None)
        table[told.key] = told.value
        if len(table) > MAX_ITEMS:
            del table[next(iter(table))]


def _add(items: list[str], value: str) -> None:
    items.append(value)
    del items[:-MAX_ITEMS]


def _forget(facts: Facts, key: str) -> None:
    if not key:
        facts.name = ""
        for table in (facts.has, facts.likes, facts.dislikes, facts.about, facts.owns, facts.notes):
            table.clear()
    elif key == "name":
        facts.name = ""
    else:
        facts.has.pop(key, None)
