"""The main side of the agent bus (``core.ports_agents.AgentBus``): who listens where, and reliable requests.

The private socket is always there, so that ``neko notify`` finds every chat, and ZeroMQ behind it from the
first visitor on; with ``bus = "neko"`` the three sockets of N.E.K.O.'s bus are there as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from neko_cli.core.addresses import is_loopback
from neko_cli.core.companions.agent_events import AgentFlags, AnalyzeRequest, encode
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports_agents import AgentEars
from neko_cli.core.tables_agents import AgentsTable, BusKind
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.text import one_line
from neko_cli.services import agent_registry
from neko_cli.services.agent_doorbell import Doorbell

log = logging.getLogger(__name__)

SESSION_ADDRESS = "tcp://127.0.0.1:48961"
RESULT_ADDRESS = "tcp://127.0.0.1:48962"
ANALYZE_ADDRESS = "tcp://127.0.0.1:48963"
"""Where N.E.K.O. listens."""

ACK_TIMEOUT = 0.5
"""Seconds that an agent has to acknowledge a request (N.E.K.O.'s figure)."""

ATTEMPTS = 2
"""Times that a request is sent, with the same id."""

ACKS_LIMIT = 64
TERM_TIMEOUT = 2.0


class ZmqBus:
    """See ``AgentBus``. The library is loaded when somebody comes, or N.E.K.O.'s bus is opened."""

    def __init__(self, run: Path) -> None:
        """``run`` is the folder of sockets of running programs."""
        self._run = run
        self._changing = asyncio.Lock()
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._registration: agent_registry.Registration | None = None
        self._sides: list[Any] = []
        self._bell: Doorbell | None = None
        self._context: Any = None
        self._tasks: TaskOwner | None = None

    @property
    def endpoint(self) -> str:
        """The private socket's address; empty while there is none."""
        return "" if self._registration is None else self._registration.entry.endpoint

    async def open(
        self, wanted: AgentsTable, ears: AgentEars, *, character: str, profile: str
    ) -> tuple[str, ...]:
        """Listen as the table says, and no longer as before; sentences about what cannot be."""
        async with self._changing:
            await self._leave()
            if wanted.bus is BusKind.OFF:
                return ()
            if sys.platform == "win32":
                return ("Agents cannot reach this chat: Windows lacks the private sockets for it.",)
            problems = []
            self._tasks = TaskOwner(_failed)
            await self._tasks.open()
            try:
                self._open_private(ears, character, profile)
            except ConfigError as error:
                problems.append(str(error))
            if wanted.bus is BusKind.NEKO:
                await asyncio.to_thread(_load)
                try:
                    self._open_neko(wanted, ears)
                except ConfigError as error:
                    problems.append(str(error))
            return tuple(problems)

    def rename(self, character: str, profile: str) -> None:
        """Another character is there now."""
        if self._registration is not None:
            try:
                self._registration.rename(character, profile)
            except OSError as error:
                log.error("the entry of this chat cannot be changed: %s", type(error).__name__)

    async def request(self, event: AnalyzeRequest) -> bool:
        """Have an agent see it; whether one has acknowledged it within two attempts."""
        if len(self._acks) >= ACKS_LIMIT or event.event_id in self._acks:
            return False
        acked = self._acks[event.event_id] = asyncio.get_running_loop().create_future()
        data = encode(event)
        try:
            for _ in range(ATTEMPTS):
                sent = [side.request(data) for side in self._sides]
                if not any(sent):
                    return False  # nobody is there
                await asyncio.wait({acked}, timeout=ACK_TIMEOUT)
                if acked.done():
                    return True
            return False
        finally:
            del self._acks[event.event_id]

    def publish(self, event: AgentFlags) -> None:
        """Tell agents that listen."""
        for side in self._sides:
            side.publish(encode(event))

    async def close(self) -> None:
        """Stop listening; idempotent."""
        async with self._changing:
            await self._leave()

    # -- own work ---------------------------------------------------------------------------

    def _open_private(self, ears: AgentEars, character: str, profile: str) -> None:
        entry, socket = agent_registry.place(self._run)
        bell = self._bell = Doorbell(socket)
        try:
            self._registration = agent_registry.register(entry, socket, character, profile)
        except OSError as error:
            raise ConfigError(f"{entry} cannot be written: {error.strerror}.") from error
        assert self._tasks is not None
        self._tasks.spawn(self._let_in(bell, ears, self._tasks), "agents, private")

    async def _let_in(self, bell: Doorbell, ears: AgentEars, tasks: TaskOwner) -> None:
        await bell.rung()
        await asyncio.to_thread(_load)
        from neko_cli.services.agent_sockets import PrivateSide

        side = PrivateSide(self._made_context(), bell, self.endpoint, ears, self._acked)
        self._sides.append(side)
        await _reading(side.run(tasks.spawn))

    def _open_neko(self, wanted: AgentsTable, ears: AgentEars) -> None:
        from neko_cli.services.agent_sockets import NekoSide

        places = [
            checked_address(given or usual, insecure=wanted.insecure)
            for given, usual in (
                (wanted.session_address, SESSION_ADDRESS),
                (wanted.result_address, RESULT_ADDRESS),
                (wanted.analyze_address, ANALYZE_ADDRESS),
            )
        ]
        side = NekoSide(self._made_context(), places, ears, self._acked)
        self._sides.append(side)
        assert self._tasks is not None
        self._tasks.spawn(_reading(side.run()), "agents, N.E.K.O.'s bus")

    def _made_context(self) -> Any:
        import zmq.asyncio

        if self._context is None:
            self._context = zmq.asyncio.Context()
        return self._context

    def _acked(self, event_id: str) -> None:
        acked = self._acks.get(event_id)
        if acked is not None and not acked.done():
            acked.set_result(None)

    async def _leave(self) -> None:
        """In order: nobody finds us, nothing is read, what was sent leaves, all is closed."""
        registration, self._registration = self._registration, None
        tasks, self._tasks = self._tasks, None
        if registration is not None:
            registration.leave()
        try:
            if tasks is not None:
                await tasks.aclose()
        finally:
            # Only now: who was just being let in may have made some of it.
            bell, self._bell = self._bell, None
            sides, self._sides = self._sides, []
            context, self._context = self._context, None
            if bell is not None:
                bell.close()
            for side in sides:
                side.close()
            if context is not None:
                await _terminated(context)


def checked_address(address: str, *, insecure: bool) -> str:
    """A TCP address to listen at, as ZeroMQ wants it; raises ConfigError."""
    shown = one_line(address, 80)
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or not port or parts.scheme != "tcp" or parts.path not in ("", "/"):
        raise ConfigError(f"“{shown}” is no address for agents.", hint="For instance tcp://127.0.0.1:48961.")
    if not is_loopback(host) and not insecure:
        raise ConfigError(
            f"{shown} can be reached by other machines, and nothing on this bus is checked.",
            hint="Use 127.0.0.1, or set insecure = true in [agents].",
        )
    host = "127.0.0.1" if host.rstrip(".") == "localhost" else host
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _load() -> None:
    import zmq.asyncio  # noqa: F401


async def _reading(work: Coroutine[Any, Any, None]) -> None:
    """Read until the socket is closed, which is no error."""
    import zmq

    with contextlib.suppress(zmq.ContextTerminated):
        await work


async def _terminated(context: Any) -> None:
    """End the library's threads; what was sent has ``LINGER_MS`` to leave."""
    try:
        async with asyncio.timeout(TERM_TIMEOUT):
            await asyncio.to_thread(context.term)
    except TimeoutError:
        log.error("the agent bus did not end within %.0f s", TERM_TIMEOUT)


def _failed(error: BaseException) -> None:
    """A task of the bus failed; its owner has logged it."""
