"""How every run begins and ends, with or without Typer in between."""

from __future__ import annotations

import logging

from neko_cli.cli.exits import Exit, exit_code, main_error, sentence, tell

log = logging.getLogger(__name__)


def begin() -> None:
    """Keep ``logging`` from writing on standard error, which is its last resort; --debug adds a file."""
    logging.getLogger().addHandler(logging.NullHandler())


def ended(error: BaseException) -> int:
    """An error that ended a command: told, unless it is an end that needs no words. The exit code."""
    main = main_error(error)
    code = exit_code(main)
    if code is Exit.UNEXPECTED:
        log.error("unexpected end", exc_info=main)
    if code not in (Exit.OK, Exit.INTERRUPTED):
        tell(sentence(main))
    return code
