"""The flat dialect of Qwen-Omni-Realtime, as DashScope speaks it."""

from __future__ import annotations

from functools import partial

from neko_cli.local.wire.qwen_events import error_json, render
from neko_cli.local.wire.qwen_schema import client_events
from neko_cli.local.wire.qwen_session import default_session, settings_of, updated, with_overrides
from neko_cli.local.wire.realtime import Dialect
from neko_cli.local.wire.realtime import serve as serve_dialect

QWEN = Dialect(
    voices=(),
    checks=client_events,
    first_session=default_session,
    updated=updated,
    overridden=with_overrides,
    settings=settings_of,
    render=render,
    error=error_json,
    tells_limits=False,
)

serve = partial(serve_dialect, QWEN)
"""Hold one session; takes the socket, the engine and the model."""
