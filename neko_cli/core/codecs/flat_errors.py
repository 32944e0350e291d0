"""Errors of servers of the flat family, many of which have words and no code; pure.

Each sentence stands for a code that OpenAI has for the same thing, so that nothing else needs to know
it. Sources: the public SDKs and samples of DashScope, StepFun and Zhipu, and messages that users of
these services have published.
"""

from __future__ import annotations

import re

from neko_cli.core import classify
from neko_cli.core.codecs.json_fields import Fields
from neko_cli.core.codecs.openai_session_events import ToldError, as_told
from neko_cli.core.error_tables import CODES

IMAGE_BEFORE_AUDIO = "image_before_audio"
"""A picture came before any sound of its turn: it is lost, the next one will be taken."""

BENIGN_CODES = frozenset({IMAGE_BEFORE_AUDIO})
"""Codes that only say that a command came too late or too early, besides OpenAI's."""

_MEANINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "response_cancel_not_active",
        re.compile(r"(?:none|no) active response|no ongoing response|has no active response"),
    ),
    (
        "conversation_already_has_active_response",
        re.compile(
            r"already has an active response|ongoing response already exists|another response is in progress"
        ),
    ),
    (IMAGE_BEFORE_AUDIO, re.compile(r"append image before append audio")),
    ("input_audio_buffer_commit_empty", re.compile(r"append is not called")),
    ("response_idle_timeout", re.compile(r"no response was generated for")),
    (
        "rate_limit_exceeded",
        re.compile(r"allocated quota exceeded|request rate increased too quickly|requests? rate limit"),
    ),
    ("arrearage", re.compile(r"access denied.{0,40}good standing|overdue payment|欠费")),
)
_GENERAL = frozenset({"invalid_value", "invalid_argument", "invalid_event"})
"""Codes that say less than the words beside them."""

_ALIASES = {"stop_task_error": "response_cancel_not_active"}
"""Codes of a server's own for what has a usual one."""


def read_error(error: Fields) -> ToldError:
    """Code, type and message of an error; the code is the usual one where its words mean that."""
    told = as_told(error)
    code = told.code if isinstance(told.code, str) else ""
    if code in _ALIASES:
        return told._replace(code=_ALIASES[code])
    known = code.lower() in CODES and code.lower() not in _GENERAL
    if known or not isinstance(told.message, str):
        return told
    words = told.message[: classify.MAX_DETAIL * 8].lower()
    meaning = next((name for name, pattern in _MEANINGS if pattern.search(words)), None)
    return told if meaning is None else told._replace(code=meaning)
