"""Fetches files: streamed, resumed where the server allows it, verified, and renamed at the end.

A ``NAME.part`` file with a small ``NAME.part.json`` beside it survives an interruption; the next
call goes on where it ended, if the server still has the same file.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
import socket
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

import msgspec

from neko_cli.core.addresses import is_loopback
from neko_cli.core.errors import ConfigError, LinkError, NekoError
from neko_cli.services.download_plan import (
    MAX_REDIRECTS,
    Answer,
    PartState,
    next_place,
    plan_answer,
    range_headers,
)
from neko_cli.services.http_rules import checked_url, place, retry_after_s, status_error

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

CONNECT_S = 3.0
"""Without a network the user is told after this time at the latest, in seconds."""

READ_S = 30.0
"""Silence of the server after which a download is given up, in seconds."""

ATTEMPTS = 3
"""Times a broken download is taken up again within one call, as long as each brought something."""

MAX_FILE_BYTES = 8 * 1024**3
SPARE_BYTES = 64 * 1024**2
_BLOCK = 1 << 20

NO_NETWORK_HINT = "Is there a network? A model can also be installed from a file: neko local install FILE."

Told = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes in all, when that is known."""


class Downloaded(msgspec.Struct, frozen=True):
    """A finished file; ``resumed_from`` is what was there already, ``url`` where it came from in the end."""

    path: Path
    size: int
    sha256: str
    resumed_from: int = 0


class Downloader:
    """Fetches files over one HTTP client; close it with ``aclose``."""

    def __init__(
        self, *, insecure: bool = False, connect_s: float = CONNECT_S, read_s: float = READ_S
    ) -> None:
        """``insecure`` allows plain http to other machines."""
        self._insecure = insecure
        self._connect_s = connect_s
        self._read_s = read_s
        self._clients: dict[bool, httpx.AsyncClient] = {}

    async def fetch(
        self,
        url: str,
        target: Path,
        *,
        sha256: str = "",
        told: Told | None = None,
        max_bytes: int = MAX_FILE_BYTES,
    ) -> Downloaded:
        """Fetch one file to ``target``, whose folder exists.

        With ``sha256`` the file is verified, and thrown away when it is another. Raises ConfigError
        for a bad address, LinkError without a network or when it broke off (the part stays),
        the errors of ``status_error`` when the server refuses, NekoError when the disk is full or the
        checksum is wrong.
        """
        checked_url(url, insecure=self._insecure)
        first = started = self._part_size(target)
        tries, restarted = 0, False
        while True:
            try:
                if not await self._once(url, target, told=told or _nobody, max_bytes=max_bytes):
                    if restarted:
                        raise LinkError(f"The server keeps changing its mind about {target.name}.")
                    restarted, first, started = True, 0, 0
                    continue
                return await asyncio.to_thread(_finish, target, sha256, first)
            except LinkError:
                here = self._part_size(target)
                tries += 1
                if tries >= ATTEMPTS or here <= started or here == 0:
                    raise
                started = here
                log.info("a download broke off and is taken up again")

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    @staticmethod
    def _part_size(target: Path) -> int:
        part = _part(target)
        return part.stat().st_size if part.exists() else 0

    async def _once(self, url: str, target: Path, *, told: Told, max_bytes: int) -> bool:
        """One request; False when the part that was there is useless and was thrown away."""
        state = await asyncio.to_thread(_read_state, target, url)
        async with self._open(url, range_headers(state)) as response:
            headers = {key.lower(): value for key, value in response.headers.items()}
            answer = plan_answer(response.status_code, headers, state, url)
            if answer.refused:
                wait = retry_after_s(headers)
                where = place(checked_url(url, insecure=self._insecure))
                raise status_error(response.status_code, "", where=where, retry_after=wait)
            if answer.complete:
                return True
            if answer.restart:
                await asyncio.to_thread(_forget, target)
                return False
            self._check_size(answer, target, max_bytes)
            await self._receive(response, target, answer, told, max_bytes)
            return True

    def _check_size(self, answer: Answer, target: Path, max_bytes: int) -> None:
        if answer.total is None:
            return
        if answer.total > max_bytes:
            raise ConfigError(f"{target.name} is larger than {max_bytes:,} bytes.")
        free = shutil.disk_usage(target.parent).free
        if answer.total - answer.start > free - SPARE_BYTES:
            raise NekoError(
                f"There is not enough room on the disk for {target.name} "
                f"({(answer.total - answer.start) / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free)."
            )

    async def _receive(
        self, response: httpx.Response, target: Path, answer: Answer, told: Told, max_bytes: int
    ) -> None:
        part = await asyncio.to_thread(_open_part, target, answer)
        done, held = answer.start, bytearray()
        try:
            told(done, answer.total)
            async with self._errors(place(checked_url(str(response.url), insecure=True))):
                async for chunk in response.aiter_raw():
                    held += chunk
                    done += len(chunk)
                    if done > max_bytes or (answer.total is not None and done > answer.total):
                        raise ConfigError(f"The server sends more of {target.name} than it announced.")
                    if len(held) >= _BLOCK:
                        # Given away first: a cancel during the write must not write it twice.
                        block, held = held, bytearray()
                        await asyncio.to_thread(_write, part, bytes(block))
                        told(done, answer.total)
        finally:
            # What has arrived is kept whatever happened, for the next try to go on from.
            _write(part, bytes(held))
            part.close()
        told(done, answer.total)
        if answer.total is not None and done < answer.total:
            raise LinkError(
                f"The download of {target.name} broke off.", hint="Run it again to go on from there."
            )

    @asynccontextmanager
    async def _open(self, url: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer behind all redirects, of which there may be a few and none to plain http."""
        for _ in range(MAX_REDIRECTS + 1):
            parts = checked_url(url, insecure=self._insecure)
            loopback = is_loopback(parts.hostname or "")
            if not loopback:
                await _resolve(parts.hostname or "", self._connect_s)
            client = await self._client(loopback=loopback)
            async with self._errors(place(parts)):
                request = client.build_request("GET", url, headers=headers)
                response = await client.send(request, stream=True)
            try:
                if response.status_code not in (301, 302, 303, 307, 308):
                    yield response
                    return
                url = next_place(url, urljoin(url, response.headers.get("location", "")))
            finally:
                await response.aclose()
        raise LinkError("The server sends us from one address to the next without end.")

    async def _client(self, *, loopback: bool) -> httpx.AsyncClient:
        if loopback not in self._clients:
            self._clients[loopback] = await asyncio.to_thread(self._make_client, loopback)
        return self._clients[loopback]

    def _make_client(self, loopback: bool) -> httpx.AsyncClient:
        import httpx  # 100 ms, so only when something is to be fetched

        return httpx.AsyncClient(
            trust_env=not loopback,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(self._read_s, connect=self._connect_s),
        )

    @asynccontextmanager
    async def _errors(self, where: str) -> AsyncIterator[None]:
        import httpx

        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise LinkError(f"No connection to {where}.", hint=NO_NETWORK_HINT) from error
        except httpx.TimeoutException:
            raise LinkError(
                f"{where} has stopped sending.", hint="Run it again to go on from there."
            ) from None
        except httpx.HTTPError as error:
            hint = "Run it again to go on from there."
            raise LinkError(f"The connection to {where} was lost.", hint=hint) from error


async def _resolve(host: str, limit_s: float) -> None:
    """Look the name up on a thread that nobody has to wait for.

    Without a network some resolvers take half a minute, and a lookup cannot be interrupted; the
    pool of asyncio would hold up the end of the program for it. Behind a proxy names need not
    resolve here.
    """
    if urllib.request.getproxies():
        return
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def tell(found: bool) -> None:
        if not done.done():
            done.set_result(found)

    def look() -> None:
        try:
            socket.getaddrinfo(host, None)
            found = True
        except OSError:
            found = False
        try:
            loop.call_soon_threadsafe(tell, found)
        except RuntimeError:
            return  # the loop has gone: nobody waits any more

    threading.Thread(target=look, name="neko-resolve", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            found = await done
    except TimeoutError:
        found = False
    if not found:
        raise LinkError(f"The name {host} cannot be resolved.", hint=NO_NETWORK_HINT)


def _nobody(done: int, total: int | None) -> None:
    """Tells nobody."""


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _state_file(target: Path) -> Path:
    return target.with_name(target.name + ".part.json")


def _read_state(target: Path, url: str) -> PartState:
    """What is there of the file; a part of another address, or without a record, counts for nothing."""
    part = _part(target)
    try:
        state = msgspec.json.decode(_state_file(target).read_bytes(), type=PartState)
        size = part.stat().st_size
    except (OSError, msgspec.DecodeError):
        return PartState(url=url)
    if state.url != url or (state.total is not None and size > state.total):
        return PartState(url=url)
    return msgspec.structs.replace(state, size=size)


def _open_part(target: Path, answer: Answer) -> IO[bytes]:
    _state_file(target).write_bytes(msgspec.json.encode(answer.state))
    part = _part(target)
    file = part.open("r+b" if answer.start else "wb")
    file.truncate(answer.start)
    file.seek(answer.start)
    return file


def _write(part: IO[bytes], data: bytes) -> None:
    try:
        part.write(data)
        part.flush()
    except OSError as error:
        raise NekoError(f"The file cannot be written: {error.strerror}.", hint="Is the disk full?") from error


def _forget(target: Path) -> None:
    _part(target).unlink(missing_ok=True)
    _state_file(target).unlink(missing_ok=True)


def _finish(target: Path, sha256: str, resumed_from: int) -> Downloaded:
    part = _part(target)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    size = part.stat().st_size
    if sha256 and found != sha256.strip().lower():
        _forget(target)
        raise NekoError(
            f"{target.name} is not the file that was expected: its checksum is wrong.",
            hint="It was thrown away; try again, or another source.",
        )
    part.replace(target)
    _state_file(target).unlink(missing_ok=True)
    return Downloaded(target, size, found, resumed_from)
