"""OpenAI's Realtime GA protocol."""

from __future__ import annotations

from functools import partial

from neko_cli.local.wire.openai_events import error_json, render
from neko_cli.local.wire.openai_schema import client_events
from neko_cli.local.wire.openai_session import (
    OPENAI_VOICES,
    default_session,
    settings_of,
    updated,
    with_overrides,
)
from neko_cli.local.wire.realtime import Dialect
from neko_cli.local.wire.realtime import serve as serve_dialect

OPENAI = Dialect(
    voices=OPENAI_VOICES,
    checks=client_events,
    first_session=default_session,
    updated=updated,
    overridden=with_overrides,
    settings=settings_of,
    render=render,
    error=error_json,
)

serve = partial(serve_dialect, OPENAI)
"""Hold one session; takes the socket, the engine and the model."""
