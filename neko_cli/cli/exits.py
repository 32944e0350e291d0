"""Exit codes, and the one place that tells the user about an error.

The codes are a promise to scripts::

    0 ok · 1 unexpected · 2 usage or configuration · 3 credentials missing or rejected
    4 the provider refused the request · 5 rate limit or quota · 6 network, server or time-out
    7 sound device · 130 interrupted
"""

from __future__ import annotations

import errno
import os
import sys
from enum import IntEnum
from typing import IO

from neko_cli.core.errors import Category, NekoError


class Exit(IntEnum):
    """What a process tells the one that started it."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    CREDENTIALS = 3
    REFUSED = 4
    LIMIT = 5
    NETWORK = 6
    SOUND = 7
    INTERRUPTED = 130
    """128 + SIGINT, as shells count."""


BY_CATEGORY: dict[Category, Exit] = {
    Category.UNEXPECTED: Exit.UNEXPECTED,
    Category.CONFIG: Exit.USAGE,
    Category.CREDENTIALS: Exit.CREDENTIALS,
    Category.REQUEST: Exit.REFUSED,
    Category.RATE_LIMIT: Exit.LIMIT,
    Category.QUOTA: Exit.LIMIT,
    Category.EXPIRED: Exit.NETWORK,
    Category.SERVER: Exit.NETWORK,
    Category.LINK: Exit.NETWORK,
    Category.PROTOCOL: Exit.NETWORK,
    Category.AUDIO: Exit.SOUND,
    Category.STORE: Exit.UNEXPECTED,
    Category.TOOL: Exit.UNEXPECTED,
}
"""Every category of the error tree has a code (a test counts)."""


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers of a disk, or a device, that takes no more."""


def exit_code(error: BaseException) -> Exit:
    """The code for an error that ends the program.

    An ExceptionGroup (from a TaskGroup) counts as its first NekoError, else as its first member.
    """
    if isinstance(error, NekoError):
        return BY_CATEGORY[error.category]
    if isinstance(error, BrokenPipeError):
        return Exit.OK
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    if isinstance(error, OSError) and error.errno in FULL:
        return Exit.USAGE
    if isinstance(error, BaseExceptionGroup):
        return exit_code(main_error(error))
    return Exit.UNEXPECTED


def code_for_category(category: str) -> Exit:
    """The code for a ``failure`` event's category; an unknown word counts as the network's."""
    try:
        return BY_CATEGORY[Category(category)]
    except ValueError:
        return Exit.NETWORK


def main_error(error: BaseException) -> BaseException:
    """The error that matters in a (nested) group: a NekoError before anything else."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [main_error(inner) for inner in error.exceptions]
    for kind in (KeyboardInterrupt, NekoError, BrokenPipeError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def sentence(error: BaseException) -> str:
    """What the user is told: one sentence, with a hint on a line of its own."""
    if isinstance(error, NekoError):
        return f"{error.message}\n{error.hint}" if error.hint else error.message
    if isinstance(error, OSError) and error.errno in FULL:
        return f"The output cannot be written: {error.strerror}."
    # The text of a foreign exception may hold content; its kind does not.
    return (
        f"Something unexpected went wrong ({type(error).__name__}).\n"
        "Run it again with --debug and see `neko doctor --bundle report.zip` for a bug report."
    )


def tell(text: str, *, stream: IO[str] | None = None) -> None:
    """Write a message to standard error, sanitised, in red where that is a colour terminal."""
    from neko_cli.core.text import sanitise

    out = sys.stderr if stream is None else stream
    first, _, rest = sanitise(text).partition("\n")
    start, end = ("\x1b[31m", "\x1b[0m") if wants_colour(out) else ("", "")
    lines = [f"{start}neko:{end} {first}", *(f"      {line}" for line in rest.splitlines())]
    write_quietly("\n".join(lines) + "\n", out)


def write_quietly(text: str, stream: IO[str]) -> None:
    """Write to a diagnostic stream; that it is closed or full never becomes an error of its own."""
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        plain = text.encode("ascii", "backslashreplace").decode("ascii")
        stream.write(plain)
        stream.flush()
    except (OSError, ValueError):
        # Nobody reads our diagnostics: there is no better place to tell that.
        return


def wants_colour(stream: IO[str] | None) -> bool:
    """Whether escape sequences are welcome there: a terminal, not dumb, and NO_COLOR unset."""
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:
        return False
