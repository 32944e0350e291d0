"""Name, TCP and TLS of a server, one step each; a step that fails raises ``StepFailed``."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Any

from neko_cli.services.reach_records import StepFailed, Why, why_no_connection, why_no_name, why_no_tls

Address = tuple[socket.AddressFamily, Any]
"""A family, and what a socket of it connects to."""


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, in the system's order.

    Looked up on a thread that nobody has to wait for: a resolver cannot be interrupted, and the pool of
    asyncio would hold up the end of the program for one that hangs.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Address]] = loop.create_future()

    def tell(found: list[Address], why: Why) -> None:
        if done.done():
            return
        if found:
            done.set_result(found)
        else:
            done.set_exception(StepFailed(why))

    def look() -> None:
        found: list[Address] = []
        why = Why.NOT_FOUND
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys((row[0], row[4]) for row in rows))
        except OSError as error:
            why = why_no_name(error)
        except UnicodeError:  # a label that is empty or too long
            pass
        try:
            loop.call_soon_threadsafe(tell, found, why)
        except RuntimeError:
            return  # the loop has gone: nobody waits any more

    threading.Thread(target=look, name="neko-resolve", daemon=True).start()
    return await done


async def connect(addresses: Sequence[Address]) -> socket.socket:
    """A connected socket, by the first address that takes one, tried in order as the transports do."""
    loop = asyncio.get_running_loop()
    why = Why.NO_CONNECTION
    for family, address in addresses:
        try:
            made = socket.socket(family, socket.SOCK_STREAM)
        except OSError:  # a family that this system does not have
            continue
        try:
            made.setblocking(False)
            await loop.sock_connect(made, address)
        except OSError as error:
            made.close()
            why = why_no_connection(error)
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise StepFailed(why)


async def secure(connected: socket.socket, host: str, context: ssl.SSLContext) -> str:
    """Speak TLS over a connected socket, which is closed; returns the version, as ``TLS 1.3``."""
    try:
        _, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname=host)
    except OSError as error:
        raise StepFailed(why_no_tls(error)) from None
    version: str = writer.get_extra_info("ssl_object").version() or "TLS"
    # Nobody needs the peer's goodbye, which it may keep to itself for half a minute.
    writer.transport.abort()
    return version.replace("TLSv", "TLS ")
