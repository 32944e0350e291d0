"""What went wrong with a server that speaks MCP, in a sentence. Pure."""

from __future__ import annotations

import msgspec

from neko_cli.core.errors import NekoError, ToolError
from neko_cli.core.text import one_line
from neko_cli.services.http_rules import status_error
from neko_cli.services.tool_results import MAX_FAILURE_CHARS, last_line

_HTTP = ("httpx2", "httpcore2")


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a link that ended."""

    what: str
    """Begins the sentence (``The tool server "files"``)."""
    where: str = ""
    """Host and port of an address; empty for a program."""
    status: int = 0
    """HTTP status of the last response while the link was made; 0 before the first, and later."""
    ended: bool = False
    """Whether the program closed its output."""
    errors: bytes = b""
    """The end of the program's standard error."""


def gone(known: Circumstances) -> ToolError:
    """A link that was good, and is lost."""
    said = last_line(known.errors)
    return ToolError(f"{known.what} ended unexpectedly{f' (“{said}”)' if said else ''}.")


def why(error: BaseException, known: Circumstances) -> NekoError:
    """A link that ended by what the package raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return ToolError(f"{known.what} did not answer in time.")
    if known.ended and not known.where:
        return gone(known)
    if known.where and known.status >= 400:
        return status_error(known.status, "", where=f"{known.what} at {known.where}")
    if type(error).__module__.partition(".")[0] in _HTTP:
        return ToolError(f"{known.what} at {known.where} cannot be reached ({type(error).__name__}).")
    said = said_by(error)
    return ToolError(f"{known.what} cannot be used: {said}{'' if said.endswith(('.', '!', '?')) else '.'}")


def said_by(error: BaseException) -> str:
    """The server's own words where there are some; the text of other errors may hold content."""
    message = getattr(error, "message", "")
    words = one_line(message, MAX_FAILURE_CHARS) if isinstance(message, str) else ""
    return words or type(error).__name__
