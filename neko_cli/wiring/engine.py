"""The embedded engine inside this process: made at the first dial, closed with the composition."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from neko_cli.core.profile import Profile
from neko_cli.core.tasks import TaskOwner

if TYPE_CHECKING:
    import ssl

    from neko_cli.local.config import EngineConfig
    from neko_cli.local.parts import LocalParts
    from neko_cli.local.server import EngineServer

TOKEN_BYTES = 24
SESSION_LIMIT = 3600.0
"""Seconds until the engine ends a session, as OpenAI does."""

CLOSE_TIMEOUT = 8.0
"""Seconds for the engine to end its sessions and workers."""


def engine_config(profile: Profile) -> EngineConfig:
    """The engine's settings as the profile has them."""
    from neko_cli.local.config import EngineConfig

    local = profile.local
    return EngineConfig(
        recogniser=local.recogniser,
        synthesiser=local.synthesiser,
        brain=local.brain,
        brain_model=local.brain_model,
        language=profile.character.language,
        vocabulary=local.vocabulary,
        grammar=local.grammar,
    )


class EngineHost:
    """Starts one engine on a free loopback port with a random token, at its first use."""

    def __init__(self, profile: Profile, models_dir: Path, log_path: Path | None) -> None:
        self._config = engine_config(profile)
        self._models_dir = models_dir
        self._log_path = log_path
        self._lock = asyncio.Lock()
        self._server: EngineServer | None = None
        self._parts: LocalParts | None = None
        # A preparation that fails shows at the first reply, which tries again and tells it.
        self._tasks = TaskOwner(lambda error: None)
        self.token = secrets.token_urlsafe(TOKEN_BYTES)

    @property
    def parts(self) -> LocalParts | None:
        """Ears, voice and brain, once the engine runs."""
        return self._parts

    async def start(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        session_limit: float = SESSION_LIMIT,
        tls: ssl.SSLContext | None = None,
    ) -> EngineServer:
        """The running server; started when it is not yet. Raises ConfigError, LinkError.

        ``session_limit`` is how long it lets a session live, in seconds.
        """
        async with self._lock:
            if self._server is None:
                self.token = token or self.token
                self._server = await self._make(host, port, session_limit, tls)
            return self._server

    async def _make(
        self, host: str, port: int, session_limit: float, tls: ssl.SSLContext | None
    ) -> EngineServer:
        from neko_cli.local.brain import make_brain
        from neko_cli.local.parts import LocalParts
        from neko_cli.local.server import EngineServer

        brain = make_brain(self._config)
        self._parts = LocalParts(
            self._config, models_dir=self._models_dir, brain=brain, log_path=self._log_path
        )
        server = EngineServer(
            self._parts,
            self._config,
            token=self.token,
            host=host,
            port=port,
            max_session_s=session_limit,
            tls=tls,
        )
        await server.start()
        await self._tasks.open()
        self._tasks.spawn(brain.prepare(), "brain")
        return server

    async def aclose(self) -> None:
        """Stop the server and its workers; idempotent."""
        async with self._lock:
            server, self._server = self._server, None
            await self._tasks.aclose()
            if server is not None:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await server.aclose()
