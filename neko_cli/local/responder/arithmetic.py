"""Arithmetic from words and signs: a tokeniser and a recursive-descent parser, exact and bounded.

Nothing is evaluated by Python itself. Sizes, depth and exponents are limited, so every input ends
within milliseconds.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

import msgspec

from neko_cli.local.responder.numbers import LITERAL, NUMBER_WORDS, read_literal, read_words

MAX_TOKENS = 200
MAX_DEPTH = 40
MAX_BITS = 4096
"""Size of a number on either side of the fraction bar; beyond it the answer is a refusal."""

_SIGNS = {"+": "+", "-": "-", "\u2212": "-", "\u2013": "-", "*": "*", "\u00d7": "*", "\u00b7": "*", "/": "/",
          "\u00f7": "/", "^": "^", "(": "(", ")": ")", "%": "%", "\u221a": "root"}  # fmt: skip
_PHRASES = (
    (r"to the power of|raised to(?: the power of)?|to the power", "^"),
    (r"multiplied (?:by|with)|times", "*"),
    (r"divided by|over", "/"),
    (r"added to|plus", "+"),
    (r"minus|less|take away", "-"),
    (r"(?:the )?square root (?:of|from)|sqrt(?: of)?", "root"),
    (r"per ?cent(?: of)|% of", "%of"),
    (r"per ?cent", "%"),
    (r"modulo|modulus|mod", "mod"),
    (r"squared", "^2"),
    (r"cubed", "^3"),
    (r"(?:the )?factorial of", "fact"),
    (r"factorial", "!"),
    (r"twice|double", "2*"),
    (r"(?:one )?half of|half", "half"),
    (r"(?:a |one )third of", "third"),
    (r"(?:a |one )quarter of", "quarter"),
    (r"x", "*"),
    (r"pi|\u03c0", "pi"),
)
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>{LITERAL.pattern})|(?P<power>\*\*)|(?P<phrase>(?:"
    + "|".join(f"(?:{pattern})" for pattern, _ in _PHRASES)
    + r")(?![^\W\d_]))|(?P<sign>[-+*/^()%\u2212\u2013\u00d7\u00b7\u00f7\u221a])"
    r"|(?P<word>[^\W\d_]+(?:-[^\W\d_]+)*))"
)
_PHRASE_LIST = tuple((re.compile(pattern), token) for pattern, token in _PHRASES)
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))")
_FRACTIONS = {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4)}
_PI = Fraction(314159265358979323846, 10**20)


class SumTrouble(Exception):
    """The expression is understood and has no answer that can be given; the text says why."""


class Result(msgspec.Struct, frozen=True):
    """A value; ``exact`` is False when a root or pi made it a rounded one."""

    value: Fraction
    exact: bool = True


class _NotASum(Exception):
    """The text is not an expression."""


def evaluate(text: str) -> Result | None:
    """The value of an expression, or None when the text is none or holds no operation.

    Raises SumTrouble for a division by zero, a root of a negative number and results that are
    too large.
    """
    try:
        tokens = _tokens(_DECIMAL_COMMA.sub(".", text.lower()))
        if len([token for token in tokens if not isinstance(token, Fraction)]) == 0:
            return None
        parser = _Parser(tokens)
        value = parser.whole()
    except _NotASum:
        return None
    return Result(value, parser.exact)


def _tokens(text: str) -> list[Fraction | str]:
    out: list[Fraction | str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        if len(out) > MAX_TOKENS:
            raise _NotASum
        match = _TOKEN.match(text, at)
        if match is None:
            raise _NotASum
        if match["number"]:
            number = read_literal(match["number"])
            if number is None:
                raise _NotASum
            out.append(number)
            at = match.end()
            at = _scaled(text, at, out)
        elif match["word"]:
            at = _number_in_words(text, match.start("word"), out)
        else:
            found = match["power"] or match["sign"] or match["phrase"]
            out.append("^" if match["power"] else _SIGNS.get(found) or _phrase(found))
            at = match.end()
    return out


def _scaled(text: str, at: int, out: list[Fraction | str]) -> int:
    """``3 million``: a scale word behind digits."""
    match = re.compile(r"\s*(hundred|thousand|million|billion|trillion|dozen)\b").match(text, at)
    if match is None:
        return at
    factor = read_words(["one", match[1]])
    number = out.pop()
    if factor is None or not isinstance(number, Fraction):
        raise _NotASum
    out.append(number * factor[0])
    return match.end()


def _number_in_words(text: str, at: int, out: list[Fraction | str]) -> int:
    """Reads as many words as form one number and goes on behind them."""
    spans = [(match.group(), match.end()) for match in re.compile(r"[^\W_]+").finditer(text, at, at + 200)]
    words = [word for word, _ in spans]
    if not words or (words[0] not in NUMBER_WORDS and words[0] not in ("a", "an")):
        raise _NotASum
    found = read_words(words)
    if found is None or words[0] == "point":
        raise _NotASum
    out.append(found[0])
    return spans[found[1] - 1][1]


def _phrase(found: str) -> str:
    return next(token for pattern, token in _PHRASE_LIST if pattern.fullmatch(found))


class _Parser:
    """Precedence from low to high: sums, products, signs, powers (right to left), what follows a number."""

    def __init__(self, tokens: list[Fraction | str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self.exact = True

    def whole(self) -> Fraction:
        value, _ = self._sum()
        if self._at != len(self._tokens):
            raise _NotASum
        return value

    def _peek(self, ahead: int = 0) -> Fraction | str | None:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else None

    def _sum(self) -> tuple[Fraction, bool]:
        """A sum; ``200 + 10 %`` adds a tenth of what stands before, as on a pocket calculator."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _NotASum
        value, share = self._product()
        while self._peek() in ("+", "-"):
            sign = self._tokens[self._at]
            self._at += 1
            right, of_left = self._product()
            if of_left:
                right = value * right
            value = _bounded(value + right if sign == "+" else value - right)
            share = False
        self._depth -= 1
        return value, share

    def _product(self) -> tuple[Fraction, bool]:
        value, share = self._signed()
        while True:
            sign = self._peek()
            if sign not in ("*", "/", "mod", "%of", "2*"):
                return value, share
            if sign == "2*":
                raise _NotASum
            self._at += 1
            right, _ = self._signed()
            value = self._times(value, sign, right)
            share = False

    def _times(self, left: Fraction, sign: Fraction | str | None, right: Fraction) -> Fraction:
        if sign == "*":
            return _bounded(left * right)
        if sign == "%of":
            return _bounded(left * right / 100)
        if right == 0:
            raise SumTrouble("Nothing can be divided by zero.")
        return _bounded(left / right if sign == "/" else left % right)

    def _signed(self) -> tuple[Fraction, bool]:
        token = self._peek()
        if token in ("-", "+"):
            self._at += 1
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise _NotASum
            value, share = self._signed()
            self._depth -= 1
            return (-value if token == "-" else value), share
        if token == "2*" or token in _FRACTIONS:
            factor = Fraction(2) if token == "2*" else _FRACTIONS[str(token)]
            self._at += 1
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise _NotASum
            value, _ = self._signed()
            self._depth -= 1
            return _bounded(value * factor), False
        return self._power()

    def _power(self) -> tuple[Fraction, bool]:
        value = self._atom()
        while self._peek() in ("^2", "^3", "!"):
            token = self._tokens[self._at]
            self._at += 1
            value = _factorial(value) if token == "!" else self._raise(value, Fraction(int(str(token)[1])))
        if self._peek() == "%" and not self._starts_number(1):
            self._at += 1
            return value / 100, True
        if self._peek() == "%":
            self._tokens[self._at] = "mod"
        if self._peek() == "^":
            self._at += 1
            exponent, _ = self._signed()
            value = self._raise(value, exponent)
        return value, False

    def _starts_number(self, ahead: int) -> bool:
        token = self._peek(ahead)
        return isinstance(token, Fraction) or token in ("(", "root", "pi", "fact")

    def _atom(self) -> Fraction:
        token = self._peek()
        self._at += 1
        if isinstance(token, Fraction):
            return token
        if token == "pi":
            self.exact = False
            return _PI
        if token == "(":
            value, _ = self._sum()
            if self._peek() != ")":
                raise _NotASum
            self._at += 1
            return value
        if token in ("root", "fact"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise _NotASum
            minus = self._peek() == "-"
            self._at += minus
            value = -self._atom() if minus else self._atom()
            self._depth -= 1
            return _factorial(value) if token == "fact" else self._root(value)
        raise _NotASum

    def _raise(self, base: Fraction, exponent: Fraction) -> Fraction:
        if exponent.denominator == 1:
            power = abs(exponent.numerator)
            if base == 0 and exponent < 0:
                raise SumTrouble("Nothing can be divided by zero.")
            if base in (0, 1):
                return Fraction(1) if power == 0 else base
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if power > MAX_BITS or power * bits > MAX_BITS + bits:
                raise SumTrouble("That number is too large for me.")
            return _bounded(base**exponent.numerator)
        if base < 0:
            raise SumTrouble("A negative number has no such root among the real numbers.")
        if exponent == Fraction(1, 2):
            return self._root(base)
        self.exact = False
        try:
            return _bounded(Fraction(float(base) ** float(exponent)))
        except (OverflowError, ZeroDivisionError, ValueError):
            raise SumTrouble("That number is too large for me.") from None

    def _root(self, value: Fraction) -> Fraction:
        if value < 0:
            raise SumTrouble("A negative number has no square root among the real numbers.")
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above * above == value.numerator and below * below == value.denominator:
            return Fraction(above, below)
        self.exact = False
        scale = 10**30
        return Fraction(
            math.isqrt(value.numerator * value.denominator * scale * scale), value.denominator * scale
        )


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or value < 0:
        raise SumTrouble("A factorial needs a whole number that is not negative.")
    if value > 400:
        raise SumTrouble("That number is too large for me.")
    return _bounded(Fraction(math.factorial(value.numerator)))


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise SumTrouble("That number is too large for me.")
    return value
