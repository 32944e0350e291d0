"""What becomes of a connection, as a page: every figure and decision from the code that acts on it.

``python -m neko_cli.core.links_page`` writes it; ``docs/links.md`` holds it, and a test keeps the two
alike. What follows a loss is asked of a session, not told again here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from neko_cli.core import classify, next_link
from neko_cli.core.error_tables import (
    BENIGN_CODES,
    CODES,
    DECISIVE_CLOSES,
    FALLBACK_CLOSES,
    STATUSES,
    TYPES,
    WORDS,
)
from neko_cli.core.errors import Category
from neko_cli.core.keeper import ADVICE, USUAL_ADVICE
from neko_cli.core.link_ends import in_words, samples
from neko_cli.core.link_figures import limits, retrying, silence
from neko_cli.core.markdown import listed, table
from neko_cli.core.ports import Closing
from neko_cli.core.resume import is_rejection

_UNKNOWN_CLOSE = 4000
"""Any code that no table has; 4000 to 4999 are for private use (RFC 6455 §7.4.2)."""

MEANINGS: Mapping[int, str] = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1005: "no code was sent",
    1006: "the connection broke",
    1007: "invalid data in a message",
    1008: "policy violation",
    1009: "message too big",
    1011: "internal error",
    1012: "service restart",
    1013: "try again later",
    1014: "bad gateway",
    1015: "TLS handshake",
    3000: "unauthorized",
    3003: "forbidden",
    3008: "timeout",
}
"""Close codes in words (RFC 6455 §7.4.1, and the registry of IANA)."""

_KINDS_OF_STATUS: Mapping[str, int] = {"any 2xx": 200, "any 3xx": 302, "other 4xx": 400, "any 5xx": 500}


def as_text() -> str:
    """The whole of ``docs/links.md``."""
    parts = {
        "What follows": _categories(),
        "Close codes": _closes(),
        "Statuses of the handshake": _statuses(),
        "Codes and types of errors": _codes(),
        "Words": _words(),
        "Trying again": retrying(),
        "Silence": silence(),
        "Before the provider's limit": limits(),
    }
    return _HEAD + "".join(f"\n## {title}\n\n{text.strip()}\n" for title, text in parts.items())


# -- parts ----------------------------------------------------------------------------------------

_HEAD = """\
# Links

Made from the code's own tables: `python -m neko_cli.core.links_page > docs/links.md`.

A *link* is one connection to a provider. A conversation uses many, one after another: a link is lost,
reaches its provider's limit, falls silent, or is closed because nobody talks. This page says for every
way in which a link can end, or not come about, whether it is tried again, how often, and what is final.

What an end means is looked up in this order; the first that says something counts: the HTTP status of
the handshake, the structured code of an error, its type, the close code, the words of the message with
ids taken out. What nothing is known of counts as a fault of the server, and is tried again.

With `--debug` the log tells the life of each link: why it was opened, how long each step took, when it
was live, why it ended and who closed it, the pause before the next one, and what was carried over, in
counts and milliseconds. Words, keys and handles are never in it.
"""


def _categories() -> str:
    rows = [
        (f"`{category}`", in_words(error), in_words(error, lived=0.0), "yes" if error.permanent else "no")
        for category, error in samples().items()
    ]
    return f"""
{table(("category", "neko, when a link ends so", "when none comes about", "final"), rows)}

- *Tries again:* with the pauses below. One line tells of an outage, however many attempts it takes; what
  you were saying is kept and sent again, a reply that was cut is asked for once more.
- *Goes down the energy ladder:* the next model of `[energy]` goes on, at once where it is another one.
  Below the last rung no link is opened, and neko says when to try again.
- *Gives up:* the status is an error and the advice is shown; `/retry` starts again. A profile that was
  chosen while you talk and cannot be used is given up instead, and the old one goes on.
- Where a link resumes a session by a handle and ends within {next_link.FRESH:g} s, the handle is to blame for
  {_rejections()}: a fresh session follows at once, told what was said.
- An error that leaves the link open is told, and fails the turn that waits for it; a rate limit moves that
  turn to another link.
- A limit that `[guard]` sets on connection time is final as well.

Where trying again has not helped, and the error does not say what to do:

{_advice()}
"""


def _rejections() -> str:
    """What a provider that does not know a handle may say, as `resume` takes it."""
    kinds = [f"`{category}`" for category, error in samples().items() if is_rejection(error, "handle")]
    closes = [
        f"close {code}"
        for code in FALLBACK_CLOSES
        if is_rejection(classify.from_close(Closing(code)), "handle")
    ]
    return ", ".join([*kinds, *closes])


def _advice() -> str:
    rows = [*((f"`{category}`", advice) for category, advice in ADVICE.items()), ("any other", USUAL_ADVICE)]
    return table(("last error", "advice"), rows)


def _closes() -> str:
    rows = []
    for code in sorted({*DECISIVE_CLOSES, *FALLBACK_CLOSES, _UNKNOWN_CLOSE}):
        error = classify.from_close(Closing(code))
        name = "any other" if code == _UNKNOWN_CLOSE else str(code)
        words = "no" if code in DECISIVE_CLOSES else "first"
        rows.append(
            (
                name,
                MEANINGS.get(code, ""),
                words,
                f"`{error.category}`",
                in_words(error),
                in_words(error, in_turn=False),
            )
        )
    return f"""
{table(("code", "meaning", "words", "category", "in a turn", "between turns"), rows)}

*Words* says whether the reason's own words go before the code (“first”): providers use these codes for
many things. A structured code within the reason goes before everything.
"""


def _statuses() -> str:
    named = [(str(status), status, HTTPStatus(status).phrase) for status in sorted(STATUSES)]
    kinds = [(name, status, "") for name, status in _KINDS_OF_STATUS.items()]
    rows = []
    for name, status, phrase in [*named, *kinds]:
        error = classify.from_handshake(status)
        rows.append((name, phrase, f"`{error.category}`", in_words(error, lived=0.0)))
    return f"""
{table(("status", "meaning", "category", "what neko does"), rows)}

A code that is known in the answer's body goes before the status, as `insufficient_quota` in a 429.
`Retry-After` and `retry-after-ms` are obeyed, up to {classify.MAX_WAIT / 3600:g} hours.
"""


def _codes() -> str:
    ignored = listed(BENIGN_CODES)
    return f"""
{_by_category(code for code in CODES if code not in BENIGN_CODES)}

These only say that a command came a moment too late or too early, and change nothing: {ignored}.

Where a code is not known, the type decides:

{_by_category(TYPES)}
"""


def _by_category(names: Iterable[str]) -> str:
    known = {**TYPES, **CODES}
    grouped: dict[Category, list[str]] = {}
    for name in names:
        grouped.setdefault(known[name], []).append(name)
    rows = [
        (f"`{category}`", in_words(classify.from_error(found[0], found[0], "")), listed(found))
        for category, found in grouped.items()
    ]
    return table(("category", "what neko does", "codes"), rows)


def _words() -> str:
    lines = "\n".join(f"{category}: {pattern.pattern}" for category, pattern in WORDS)
    return f"""
In lower case, with ids taken out; the first pattern that fits counts.

```text
{lines}
```
"""


if __name__ == "__main__":
    sys.stdout.write(as_text())
