"""The link to one server that speaks MCP: made, watched, made again when it is lost.

One task enters and leaves all that the official package opens, because its scopes belong to the task
that entered them. Others call tools over it and ask it to stop; they never cancel it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from neko_cli import __version__
from neko_cli.core.errors import ConfigError, CredentialsError, NekoError, ToolError
from neko_cli.core.ports import KeyStore
from neko_cli.core.retry import Backoff, RetryPolicy
from neko_cli.core.tables import ToolServer
from neko_cli.core.text import one_line
from neko_cli.services.http_rules import checked_url, place
from neko_cli.services.tool_listing import listed, tell_changes
from neko_cli.services.tool_names import result_text, words_of
from neko_cli.services.tool_pipes import StdioTransport, http_transport, load_package
from neko_cli.services.tool_program import Program, prepare
from neko_cli.services.tool_results import MAX_FAILURE_CHARS
from neko_cli.services.tool_trouble import Circumstances, gone, said_by, why
from neko_cli.services.tool_view import Display, View

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client import IncomingMessage

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""So long a server may take before it is told that it is not there."""

CONNECT_LIMIT_S = 90.0
"""For one attempt; a program may load itself from the network at first."""

LIST_LIMIT_S = 15.0
RELIST_PAUSE_S = 0.5
"""Between two looks at the tools of a server that says again and again that they changed."""

RETRIES = RetryPolicy(first=0.5, cap=60.0, stable_after=30.0)


class ServerLink:
    """One server of a profile. ``run`` lives as long as the link; ``stop`` ends it soon."""

    def __init__(
        self,
        name: str,
        entry: ToolServer,
        keys: KeyStore,
        changed: Callable[[], None],
        *,
        patience: float = PATIENCE_S,
        policy: RetryPolicy = RETRIES,
    ) -> None:
        """``changed`` is called when the view is another one than was shown last."""
        self.name = name
        self.entry = entry
        self.over = False
        """It is not tried any more."""
        self._what = f'The tool server "{name}"'
        self._keys = keys
        self._patience = patience
        self._display = Display(self._what, patience, changed)
        self._backoff = Backoff(random.random, policy)
        self._stop = asyncio.Event()
        self._ready = asyncio.Event()
        self._wake = asyncio.Event()
        self._ended = False
        self._stale = False
        self._status = 0
        self._since: float | None = None
        self._client: Client | None = None
        self._waiting: asyncio.Timeout | None = None

    @property
    def is_done(self) -> bool:
        """Whether it was given up and that was shown: only a new link can help."""
        return self.over and self._display.is_told

    async def shown(self) -> View:
        """The view once it is known, or ``patience`` is over; changes of it are told from now on."""
        await self._display.settled.wait()  # set by the deadline at the latest
        return self._display.show()

    def stop(self) -> None:
        """Leave the server as soon as possible."""
        self._stop.set()
        self._wake.set()
        self._display.leave()
        if self._waiting is not None:
            with contextlib.suppress(RuntimeError):  # it is over in this moment
                self._waiting.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Keep the link until it is stopped, or trying is pointless."""
        self._display.expect()
        try:
            while not self._stop.is_set():
                error = await self._once()
                if self._stop.is_set():
                    break
                if self._since is not None:
                    self._backoff.link_lived(time.monotonic() - self._since)
                delay = self._backoff.next_delay(error)
                self._display.lost(error, again=delay is not None)
                if delay is None:
                    break
                await self._pause(delay)
        finally:
            self.over = True
            if self._stop.is_set() or not self._display.settled.is_set():
                self._display.leave()

    async def call(self, tool: str, arguments: Mapping[str, Any], limit: float) -> str:
        """Carry out a tool within ``limit`` seconds; JSON text. Raises ToolError."""
        what = f'The tool "{one_line(tool, 80)}" of "{self.name}"'
        try:
            async with asyncio.timeout(limit):
                client = await self._there()
                result = await client.call_tool(tool, dict(arguments))
        except TimeoutError:
            raise ToolError(f"{what} took longer than {limit:g} s and was stopped.") from None
        except NekoError:
            raise
        except Exception as error:  # the package, its transport and its checks raise their own kinds
            log.debug("a call of a tool server failed: %s", type(error).__name__)
            raise ToolError(self._call_failure(what, error)) from None
        if result.is_error:
            said = one_line(words_of(result.content), MAX_FAILURE_CHARS)
            raise ToolError(f"{what} failed: {said}" if said else f"{what} failed.")
        return result_text(result.structured_content, result.content)

    # -- the owner's side -------------------------------------------------------------------

    async def _once(self) -> NekoError:
        """One link from its beginning to its end; returns why it ended."""
        self._ended = self._stale = False
        self._status = 0
        self._since = None
        self._wake.clear()
        program: StdioTransport | None = None
        try:
            await self._load()
            if self.entry.url:
                await self._serve(await self._address())
            else:
                entry = Program(run=self.entry.run, env=self.entry.env, folder=self.entry.folder)
                start = await asyncio.to_thread(prepare, self._what, entry)
                program = StdioTransport(self._what, self.name, start, self._on_end)
                await self._serve(program)
        except NekoError as error:
            return error
        except Exception as error:  # see call; the package also raises groups
            log.debug("the link to tool server %s ended: %s", self.name, type(error).__name__)
            return why(error, self._known(program))
        finally:
            self._client = None
            self._ready.clear()
        return gone(self._known(program))

    def _known(self, program: StdioTransport | None) -> Circumstances:
        return Circumstances(
            what=self._what,
            where=place(checked_url(self.entry.url)) if self.entry.url else "",
            status=self._status if self._since is None else 0,
            ended=self._ended,
            errors=b"" if program is None else program.errors,
        )

    async def _load(self) -> None:
        try:
            await asyncio.to_thread(load_package)
        except ImportError:
            raise ToolError(
                f"{self._what} needs the package mcp: pip install 'neko-cli[mcp]'.", permanent=True
            ) from None

    async def _address(self) -> Any:
        try:
            url = self.entry.url.strip()
            checked_url(url)
            key = await asyncio.to_thread(self._keys.find, [self.entry.key]) if self.entry.key else ""
        except ConfigError as error:
            raise ToolError(f"{self._what} cannot be used: {error.message}", permanent=True) from None
        if self.entry.key and not key:
            raise CredentialsError(
                f"{self._what} needs the key {self.entry.key}, and there is none.",
                hint=f"Set {self.entry.key} in the environment.",
            )
        return http_transport(url, key, self._on_end, self._on_status)

    async def _serve(self, transport: Any) -> None:
        from mcp import Client
        from mcp.types import Implementation

        client = Client(
            transport,
            message_handler=self._on_message,
            client_info=Implementation(name="neko", version=__version__),
            cache=None,
        )
        async with AsyncExitStack() as stack:
            async with self._within(CONNECT_LIMIT_S):
                await stack.enter_async_context(client)
                await self._list(client)
            self._client = client
            self._since = time.monotonic()
            self._ready.set()
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(
                    tell_changes(client, self._look_again), name=f"changes of {self.name}"
                )
                await self._watch(client)
                listening.cancel()

    async def _watch(self, client: Client) -> None:
        """Look at the tools again whenever they changed, until the link ends."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._stop.is_set() or self._ended:
                return
            if self._stale:
                self._stale = False
                async with self._within(LIST_LIMIT_S):
                    await self._list(client)
                await self._pause(RELIST_PAUSE_S)
                self._wake.set()

    async def _list(self, client: Client) -> None:
        """Take the tools, and show them."""
        tools, problem = await listed(client, self.entry.only)
        self._display.found(tools, f"{self._what} {problem}" if problem else "")

    @contextlib.asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """A wait of the owner that ``stop`` ends at once; raises TimeoutError."""
        try:
            async with asyncio.timeout(0 if self._stop.is_set() else seconds) as self._waiting:
                yield
        finally:
            self._waiting = None

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    # -- what the transport tells --------------------------------------------------------------

    def _on_end(self) -> None:
        self._ended = True
        self._wake.set()

    def _on_status(self, status: int) -> None:
        self._status = status

    async def _on_message(self, message: IncomingMessage) -> None:
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._look_again()

    def _look_again(self) -> None:
        self._stale = True
        self._wake.set()

    # -- for calls ----------------------------------------------------------------------------

    async def _there(self) -> Client:
        """The client, waited for when the link is being made anew."""
        if self._client is None and not self.over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._ready.wait()
        if self._client is None:
            raise ToolError(f"{self._what} is not there at the moment.")
        return self._client

    def _call_failure(self, what: str, error: Exception) -> str:
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        code = error.code if isinstance(error, MCPError) else 0
        if code == CONNECTION_CLOSED or self._client is None:
            return f"{what} failed: its server ended meanwhile."
        if code == 0:
            return f"{what} failed: its server sent what does not keep to its own rules."
        if self.entry.url and self._status == 404:
            self._on_end()  # the server has begun anew and does not know us any more
        return f"{what} failed: {said_by(error)}"
