"""Closed grammars for the floor recogniser: a vocabulary or a user's JSGF text. Pure.

JSGF: the Java Speech Grammar Format, a W3C note of 2000.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.speech.stt.pronounce import words_of

log = logging.getLogger(__name__)

MAX_ENTRIES = 2_000
"""Entries of a vocabulary; the search costs memory for each."""

MAX_CHARS = 65_536
"""Characters of a grammar or a vocabulary."""

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r"^\s*import\b", re.MULTILINE)
_RULE_OR_TAG = re.compile(r"<[^<>]*>|\{[^{}]*\}|/[\d.\s]*/|[|()\[\]*+=;\"]")
_HEADER = re.compile(r"^\s*#JSGF[^;]*;|\bgrammar\s+[^;]+;|\bpublic\b")


class Grammar(msgspec.Struct, frozen=True):
    """A grammar that the recogniser can load.

    ``words`` are all words in it, as they stand there. ``printed`` gives the entry as the user
    wrote it for what was heard, word by word (``what time is it`` → ``What time is it?``).
    """

    jsgf: str
    words: tuple[str, ...]
    printed: Mapping[str, str]


def from_vocabulary(entries: Sequence[str], can_say: Callable[[str], bool]) -> Grammar:
    """A grammar in which one whole entry is said; raises ConfigError.

    When every entry is a single word, any sequence of them may be said. Only letters and
    apostrophes reach the grammar, so nothing in an entry can act as syntax. Entries without a
    word, or with a word for which ``can_say`` is false, are left out and counted in the log.
    """
    if len(entries) > MAX_ENTRIES or sum(map(len, entries)) > MAX_CHARS:
        raise ConfigError(
            f"The vocabulary is too large (at most {MAX_ENTRIES:,} entries, {MAX_CHARS:,} characters)."
        )
    printed: dict[str, str] = {}
    for entry in entries:
        words = words_of(entry)
        if words and all(map(can_say, words)):
            printed.setdefault(" ".join(words), entry.strip())
    if not printed:
        raise ConfigError(
            "The vocabulary holds no English words.", hint="The floor recogniser understands English only."
        )
    if len(printed) < len(entries):
        log.warning(
            "%d of %d vocabulary entries are double or unsayable", len(entries) - len(printed), len(entries)
        )
    every = {word: None for said in printed for word in said.split()}
    single = all(" " not in said for said in printed)
    body = f"( {' | '.join(printed)} ){'+' if single else ''}"
    return Grammar(f"#JSGF V1.0;\ngrammar vocabulary;\npublic <said> = {body};\n", tuple(every), printed)


def from_jsgf(text: str) -> Grammar:
    """A user's own grammar, checked for what must not be in it; raises ConfigError.

    ``import`` is refused, because it would read other files.
    """
    if len(text) > MAX_CHARS:
        raise ConfigError(f"The grammar is too large (at most {MAX_CHARS:,} characters).")
    if "\0" in text:
        raise ConfigError("The grammar holds a null character.")
    bare = _COMMENT.sub(" ", text)
    if _IMPORT.search(bare):
        raise ConfigError("The grammar imports another one.", hint="Put all rules into one text.")
    if "public" not in bare:
        raise ConfigError("The grammar has no public rule.", hint="Begin with: public <said> = …;")
    with_header = text if bare.lstrip().startswith("#JSGF") else f"#JSGF V1.0;\ngrammar own;\n{text}"
    body = _RULE_OR_TAG.sub(" ", _HEADER.sub(" ", _HEADER.sub(" ", bare)))
    words = {word: None for word in body.split() if re.search(r"\w", word)}
    return Grammar(with_header, tuple(words), {})
