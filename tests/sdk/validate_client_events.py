"""Reads client events, one JSON object a line, and validates each with the openai SDK's types.

Takes the protocol's name, ``realtime`` when there is none (see ``openai_types.CHECKS``).
Prints what is wrong, one line each, and exits with 1 when anything is; the last line on success
is ``ok COUNT``.
"""

from __future__ import annotations

import json
import sys

from openai_types import CHECKS


def main() -> int:
    """Validate standard input."""
    check = CHECKS[sys.argv[1] if len(sys.argv) > 1 else "realtime"]
    count, wrong = 0, 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        for problem in check(json.loads(line)):
            wrong += 1
            print(f"event {count}: {problem}")
    if wrong == 0:
        print(f"ok {count}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
