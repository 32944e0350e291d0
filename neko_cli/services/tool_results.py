"""What becomes of what a tool says: its result as JSON text of bounded length, its failure. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from neko_cli.core.errors import ToolError
from neko_cli.core.redaction import redact
from neko_cli.core.text import one_line, sanitise, to_json

MAX_CHARS = 16_000
"""Of one result; a model reads no more than that with profit, and has to pay for it."""

MAX_FAILURE_CHARS = 300

NOTHING_SAID = '{"ok":true}'
"""The result of a tool that did its work and had nothing to say."""


def json_text(value: Any) -> str:
    """Compact JSON in which nothing can harm a terminal; what JSON does not know is told as text."""
    try:
        return to_json(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return to_json({"text": str(value)})


def result_of(output: bytes | str) -> str:
    """JSON as it is, compact; any other text as ``{"text": …}``."""
    text = output if isinstance(output, str) else output.decode("utf-8", "replace")
    text = text.strip()
    if not text:
        return NOTHING_SAID
    try:
        return json_text(msgspec.json.decode(text))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return json_text({"text": sanitise(text)})


def bounded(result: str, limit: int = MAX_CHARS) -> str:
    """JSON text of at most ``limit`` characters; a longer one is cut, says so, and is still JSON."""
    if len(result) <= limit:
        return result
    text = _text_of(result)
    keep = limit
    while True:
        note = f"Cut: these are the first {keep} of {len(text)} characters."
        made = json_text({"text": text[:keep], "note": note})
        if len(made) <= limit or keep == 0:
            return made
        # Escapes take more room than what they stand for; how much is not known beforehand.
        keep = max(0, min(keep - 1, keep * limit // len(made) - 32))


def _text_of(result: str) -> str:
    """What is cut: the words of a result that is words alone, else its JSON."""
    value = msgspec.json.decode(result)
    if isinstance(value, dict) and set(value) == {"text"}:
        value = value["text"]
    return value if isinstance(value, str) else result


def last_line(errors: bytes) -> str:
    """The last line of standard error, fit to be shown and without keys; empty when there is none."""
    lines = [line for line in sanitise(errors.decode("utf-8", "replace")).splitlines() if line.strip()]
    return one_line(redact(lines[-1]), MAX_FAILURE_CHARS) if lines else ""


def failure(what: str, code: int, errors: bytes) -> ToolError:
    """The error of a program that ended with an exit code, negative for a signal."""
    if said := last_line(errors):
        return ToolError(f"{what} failed: {said}")
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    return ToolError(f"{what} {how}.")
