"""Reads messages of Gemini's Live API, one JSON object a line, and validates each with google-genai's types.

A line is ``{"service": "gemini" or "vertex", "client": MESSAGE}``, or with ``server`` in place of
``client``. Prints what is wrong, one line each, and exits with 1 when anything is; the last line on
success is ``ok COUNT``.

The SDK's models refuse unknown keys, but take snake_case and values of enumerations that do not exist
(with a warning), so both are looked for here. What a service does not know at all is refused by the SDK's
own converter for that service.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

from google.genai import _live_converters as converters
from google.genai import types
from pydantic import BaseModel, ValidationError

CONVERTERS = {
    "gemini": converters._LiveClientMessage_to_mldev,
    "vertex": converters._LiveClientMessage_to_vertex,
}


def problems(line: dict[str, Any]) -> list[str]:
    """What is wrong with a message; empty when nothing is."""
    if "server" in line:
        return _fits(line["server"], types.LiveServerMessage)
    message = line["client"]
    if len(message) != 1:
        return ["a message of the client holds exactly one thing"]
    found = []
    setup = message.get("setup")
    if isinstance(setup, dict) and "realtimeInputConfig" in setup:
        # The SDK has it in what `connect` takes, not in the message that it makes of that.
        setup = dict(setup)
        found += _fits(setup.pop("realtimeInputConfig"), types.RealtimeInputConfig)
        message = {"setup": setup}
    found += _fits(message, types.LiveClientMessage)
    if not found:
        try:
            CONVERTERS[line["service"]](None, types.LiveClientMessage.model_validate(message))
        except ValueError as error:
            found.append(str(error))
    return found


def _fits(value: Any, model: type[BaseModel]) -> list[str]:
    try:
        made = model.model_validate(value)
    except (ValidationError, UserWarning) as error:
        return [f"{model.__name__}: {error}"]
    spelled = made.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return _misspelled(value, spelled, model.__name__)


def _misspelled(sent: Any, known: Any, path: str) -> list[str]:
    """Paths of keys that have another name on the wire."""
    if isinstance(sent, dict) and isinstance(known, dict):
        found = [f"{path}.{key} is written otherwise" for key in sent if key not in known]
        for key in sent.keys() & known.keys():
            found += _misspelled(sent[key], known[key], f"{path}.{key}")
        return found
    if isinstance(sent, list) and isinstance(known, list):
        return [
            wrong
            for at, pair in enumerate(zip(sent, known, strict=True))
            for wrong in _misspelled(*pair, f"{path}[{at}]")
        ]
    return []


def main() -> int:
    """Validate standard input."""
    warnings.simplefilter("error", UserWarning)
    count, wrong = 0, 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        for problem in problems(json.loads(line)):
            wrong += 1
            print(f"message {count}: {problem}")
    if wrong == 0:
        print(f"ok {count}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
