"""Reading Gemini's JSON: both spellings of a name, both alphabets of base64.

The service writes ``serverContent``; proxies and older servers write ``server_content``. Bytes come in
the standard alphabet or the URL-safe one, with padding or without (protobuf's JSON form allows all).
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from neko_cli.core.codecs.json_fields import Fields

_CAPITAL = re.compile("[A-Z]")
_SNAKE: dict[str, str] = {}
_STANDARD = str.maketrans("-_", "+/")

TEXT_LIMIT = 8192
"""Characters of a resumption handle that are believed; real ones have some hundred."""


def spelled(fields: Fields, name: str) -> str:
    """The spelling of a camelCase name that is present; the name itself when neither is."""
    if name in fields:
        return name
    other = _SNAKE.get(name)
    if other is None:
        other = _SNAKE[name] = snake(name)
    return other if other in fields else name


def snake(name: str) -> str:
    """The other spelling of a camelCase name."""
    return _CAPITAL.sub(lambda found: "_" + found[0].lower(), name)


def is_true(fields: Fields, name: str) -> bool:
    """Whether a flag is set; protobuf leaves out those that are not."""
    return fields.get(spelled(fields, name)) is True


def decode_bytes(text: str) -> bytes | None:
    """The bytes of a base64 text in either alphabet; None when it is none."""
    plain = "".join(text.split()).rstrip("=").translate(_STANDARD)
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
