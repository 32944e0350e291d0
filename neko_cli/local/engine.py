"""What all sessions of one server share."""

from __future__ import annotations

import asyncio

from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import EngineParts
from neko_cli.local.recognition import EngineLoad
from neko_cli.local.resumption import Resumption


class Engine:
    """Parts, settings and the shared limits of a server.

    ``turnstile`` lets one frame of voice activity detection run in a step of the event loop,
    whichever session it is for: 20 clients speaking at once would otherwise hold the loop for
    20 × 1.5 ms. ``resumption`` holds the conversations that a client may come back to.
    """

    def __init__(self, parts: EngineParts, config: EngineConfig, *, max_session_s: float) -> None:
        self.parts = parts
        self.config = config
        self.max_session_s = max_session_s
        self.turnstile = asyncio.Lock()
        self.load = EngineLoad()
        self.resumption = Resumption()
