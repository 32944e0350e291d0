"""Reads client events, one JSON object a line, and validates each with the openai SDK's types.

Prints what is wrong, one line each, and exits with 1 when anything is; the last line on success
is ``ok COUNT``.
"""

from __future__ import annotations

import json
import sys

from openai_types import CLIENT, problems


def main() -> int:
    """Validate standard input."""
    count, wrong = 0, 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        for problem in problems(json.loads(line), CLIENT):
            wrong += 1
            print(f"event {count}: {problem}")
    if wrong == 0:
        print(f"ok {count}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
