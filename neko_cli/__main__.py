"""``neko`` and ``python -m neko_cli``: starts the command line, ends quietly.

Nothing heavy is imported here, so that ``neko --version`` costs little more than Python itself.
"""

from __future__ import annotations

import os
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: what was typed after ``neko``; by default the process's own.

    Returns:
        The exit code (see ``neko_cli.cli.exits``).
    """
    args = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        _fill_descriptors()
    if args and args[0] in ("--version", "-V"):
        return _version()
    from neko_cli.cli.interrupts import leave_at_once

    leave_at_once()
    if args in ([], ["chat"]) and "_NEKO_COMPLETE" not in os.environ:
        # What people start most: without the parser, which costs more than all the rest until the app.
        from neko_cli.cli.chat_start import plain

        return _flush(plain())
    from neko_cli.cli.app import run

    return _flush(run(args))


def _fill_descriptors() -> None:
    """Have something behind 0, 1 and 2: a socket with one of these numbers would be written to."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole run
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - likewise


def _version() -> int:
    from neko_cli import __version__

    try:
        sys.stdout.write(f"neko {__version__}\n")
    except OSError as error:
        from neko_cli.cli.ending import ended

        return _flush(ended(error))
    return _flush(0)


def _flush(code: int) -> int:
    """Flush what is buffered; a reader that went away must not be reported at shutdown."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError) as error:
            # The interpreter flushes again when it ends: let that go nowhere.
            _point_at_nothing(stream)
            if stream is sys.stdout and isinstance(error, OSError) and code == 0:
                from neko_cli.cli.ending import ended

                code = ended(error)
    return code


def _point_at_nothing(stream: object) -> None:
    try:
        number = stream.fileno()  # type: ignore[attr-defined]
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)
    except (OSError, ValueError, AttributeError):
        # No descriptor behind it (a test's capture, or closed at start): nothing to redirect.
        return


def program() -> None:
    """The console script: runs, then ends the process without tearing the interpreter down.

    Everything of ours is closed by then. What would follow is C libraries being unloaded while a
    sound daemon's thread may still be inside one (a crash, seen with a hung daemon), and native
    modules that complain on the terminal about objects that are still alive.
    """
    code = main()
    if "logging" in sys.modules:
        import logging

        logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    program()
