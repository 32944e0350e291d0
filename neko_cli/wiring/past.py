"""Session ids, and the earlier conversation that a run goes on with."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import Past
from neko_cli.core.text import one_line
from neko_cli.wiring.options import Options

if TYPE_CHECKING:
    from neko_cli.services.store_reading import History

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that are taken for one another."""

_LIST = "`neko history list` shows what there is."


def new_session_id(now: float) -> str:
    """An id that sorts by time (UTC) and that nobody else has made: ``20261121-101500-x7k2``.

    ``now`` is Unix time in seconds.
    """
    random = "".join(secrets.choice(_LETTERS) for _ in range(4))
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{random}"


def find_past(options: Options, history: History, profile: str) -> Past | None:
    """The conversation that the options ask to go on with; None when they ask for none. Blocks.

    ``profile`` is the name of the profile that was asked for; empty takes the last of any.

    Raises:
        ConfigError: there is none.
        StoreError: the history cannot be read.
    """
    if options.session:
        wanted = history.session(options.session).id
    elif options.resume:
        last = history.last_session(profile)
        if last is None:
            whose = f" with {one_line(profile, 60)!r}" if profile else ""
            raise ConfigError(f"There is no earlier conversation{whose} to go on with.", hint=_LIST)
        wanted = last
    else:
        return None
    past = history.past(wanted)
    if past is None:
        raise ConfigError(f"The conversation {one_line(wanted, 60)!r} is not there any more.", hint=_LIST)
    return past
