"""The JSON Schema of ``--json`` lines, generated from the events themselves.

``python -m neko_cli.cli.schema`` prints it; ``docs/events.schema.json`` holds it, and a test keeps
the two alike.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from neko_cli.core.events import PUBLIC_EVENTS


def events_schema() -> dict[str, Any]:
    """One schema that describes any line; each event is a definition of its own."""
    refs, definitions = msgspec.json.schema_components(PUBLIC_EVENTS, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of neko",
        "description": "One line of `neko say --json`.",
        "oneOf": list(refs),
        "$defs": definitions,
    }


def as_text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(events_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
