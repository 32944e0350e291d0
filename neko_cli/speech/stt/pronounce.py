"""How an English word that the dictionary lacks is probably said. Pure.

Spelling rules give phones of the CMU set. They are meant for names and invented words in a
vocabulary (``Neko``, ``Miso``), where a rough guess is enough to tell one entry from another.
Digits are spelt out as words before (:func:`spell_number`).
"""

from __future__ import annotations

import re
import unicodedata

_RULES: tuple[tuple[str, str], ...] = (
    ("tion", "SH AH N"), ("sion", "ZH AH N"), ("ough", "AO"), ("augh", "AO"), ("eigh", "EY"),
    ("igh", "AY"), ("tch", "CH"), ("dge", "JH"), ("sch", "SH"), ("eau", "OW"),
    ("ch", "CH"), ("sh", "SH"), ("th", "TH"), ("ph", "F"), ("wh", "W"), ("ck", "K"), ("gh", "G"),
    ("ng", "NG"), ("qu", "K W"), ("kn", "N"), ("wr", "R"), ("ts", "T S"), ("zh", "ZH"),
    ("ee", "IY"), ("ea", "IY"), ("ie", "IY"), ("ei", "EY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"),
    ("oa", "OW"), ("oe", "OW"), ("oi", "OY"), ("oy", "OY"), ("ai", "EY"), ("ay", "EY"), ("ey", "IY"),
    ("au", "AO"), ("aw", "AO"), ("ew", "UW"), ("ue", "UW"), ("ui", "UW"),
    ("ar", "AA R"), ("er", "ER"), ("ir", "ER"), ("ur", "ER"), ("or", "AO R"),
    ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"), ("g", "G"), ("h", "HH"),
    ("i", "IH"), ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "AA"), ("p", "P"),
    ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"), ("u", "AH"), ("v", "V"), ("w", "W"), ("x", "K S"),
    ("y", "IY"), ("z", "Z"),
)  # fmt: skip
"""Letters and their phones; the first rule that fits is taken."""

_AT_END = {"a": "AH", "i": "IY", "o": "OW", "u": "UW", "y": "IY", "e": ""}
_LONG = {"a": "EY", "i": "AY", "o": "OW", "u": "UW", "e": "IY"}
_SOFT = {"c": "S", "g": "JH"}
_VOWELS = "aeiouy"

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SAID_WHOLE = 6
"""Longest number, in digits, that is said as one number; a longer one is read digit by digit."""

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)*'?|'[a-z]+|[0-9]+|[^\W\d_]+")
_SIGNS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at ", "’": "'"}


def words_of(text: str) -> list[str]:
    """The spoken words of a text: lower case, no punctuation, accents dropped, numbers as words."""
    for sign, said in _SIGNS.items():
        text = text.replace(sign, said)
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    words: list[str] = []
    for token in _TOKEN.findall(plain):
        if token.isascii() and token.isdigit():
            words += spell_number(token)
        else:
            words.append(token)
    return words


def spell_number(digits: str) -> list[str]:
    """Words for a string of digits: ``42`` gives forty, two."""
    if len(digits) > _SAID_WHOLE or (len(digits) > 1 and digits[0] == "0"):
        return [_UNITS[int(digit)] for digit in digits]
    return _number(int(digits))


def _number(value: int) -> list[str]:
    if value < len(_UNITS):
        return [_UNITS[value]]
    if value < 100:
        tens, rest = divmod(value, 10)
        return [_TENS[tens], *(_number(rest) if rest else [])]
    base, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    count, rest = divmod(value, base)
    return [*_number(count), name, *(_number(rest) if rest else [])]


def guess_phones(word: str) -> str:
    """Phones for a word by its spelling; empty when it has no letters of the Latin alphabet."""
    letters = re.sub(r"[^a-z]", "", word.lower())
    phones: list[str] = []
    at = 0
    while at < len(letters):
        char, rest = letters[at], letters[at + 1 :]
        if char not in _VOWELS and rest[:1] == char:
            at += 1  # a doubled consonant sounds once
            continue
        if char in _SOFT and rest[:1] in ("e", "i", "y"):
            phones.append(_SOFT[char])
            at += 1
            continue
        if not rest and char in _AT_END and phones:
            phones.append(_AT_END[char])
            break
        if char in _LONG and len(rest) == 2 and rest[1] == "e" and rest[0] not in _VOWELS + "r":
            phones.append(_LONG[char])  # a silent e makes the vowel long: name, like, home
            at += 1
            continue
        spelling, sound = next(rule for rule in _RULES if letters.startswith(rule[0], at))
        phones.append(sound)
        at += len(spelling)
    return " ".join(phone for phone in phones if phone)
