"""What the user does about agents: have a result told, or not, and say what agents may do."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from neko_cli.core.errors import ConfigError
from neko_cli.core.events import Severity, Status
from neko_cli.core.session import Session
from neko_cli.core.text import one_line
from neko_cli.tui.actions import FLAGS
from neko_cli.tui.agent_board import Board, Item, Stage
from neko_cli.tui.live import switched

ENABLED = "agent_enabled"
"""The flag without which agents see nothing."""

QUESTION = "question"

TITLE = 80
"""Characters of a title in a notice."""

_NOT_TO_TELL = {
    Stage.RUNNING: "It is still running; there is nothing to tell yet.",
    Stage.TELLING: "It is being told already.",
    Stage.TOLD: "It was told already.",
    Stage.ENDED: "Nothing is known of it but that it ended.",
}


class Order(msgspec.Struct, frozen=True):
    """What stands behind ``/agents``: open the pane, or one of the others; ``number`` 0 names none."""

    what: str
    number: int = 0
    flag: str = ""
    on: str = ""


def understand(typed: str) -> Order:
    """What was typed; raises ConfigError for what means nothing."""
    words = typed.casefold().split()
    match words:
        case []:
            return Order("open")
        case ["on" | "off"]:
            return Order("allow", flag=ENABLED, on=words[0])
        case ["tell" | "dismiss"]:
            return Order(words[0])
        case ["tell" | "dismiss", number] if number.isascii() and number.isdigit() and len(number) < 7:
            return Order(words[0], number=int(number))
        case [flag] if flag in FLAGS:
            return Order("allow", flag=f"{flag}_enabled")
        case [flag, "on" | "off"] if flag in FLAGS:
            return Order("allow", flag=f"{flag}_enabled", on=words[1])
    known = "on, off, tell N, dismiss N, or a flag with on or off"
    raise ConfigError(f"/agents takes {known}.", hint=f"Flags: {', '.join(FLAGS)}.")


class AgentDesk:
    """The board, and the orders about what is on it."""

    def __init__(
        self, session: Callable[[], Session | None], tell: Callable[[str, str, Severity], None]
    ) -> None:
        """``session`` gives the one that runs; ``tell`` shows a notice."""
        self.board = Board()
        self._session = session
        self._tell = tell

    @property
    def flags(self) -> dict[str, bool]:
        """What agents may do; empty without a session."""
        session = self._session()
        return {} if session is None else session.agent_flags

    def tell_now(self, number: int = 0) -> None:
        """Have one told next, as soon as nobody talks; without a number the one that waits longest."""
        item = self.board.numbered(number) if number else self.board.next_to_tell()
        session = self._session()
        if item is None:
            self._say("There is no such number." if number else "Nothing waits to be told.")
        elif not item.can_be_told:
            self._say(_NOT_TO_TELL[item.stage])
        elif session is None:
            self._say("That needs a running session.")
        else:
            busy = session.state.status in (Status.SPEAKING, Status.PROCESSING)
            if not session.tell_result(item.key):
                self._say(_NOT_TO_TELL[Stage.TELLING])
            elif busy:
                self._say("It is told next, as soon as nobody talks.")

    def dismiss(self, number: int = 0) -> None:
        """List one no more; a result that waits is not told, and goes from the disk."""
        item = self.board.numbered(number) if number else self.board.next_to_tell()
        if item is None:
            self._say("There is no such number." if number else "Nothing waits to be told.")
        elif item.stage is Stage.WAITING:
            self._not_told(item)
        elif item.stage is Stage.TELLING:
            self._say(_NOT_TO_TELL[Stage.TELLING])
        else:
            self.board.remove(item.key)
            if item.stage is Stage.RUNNING:
                self._say(f"{one_line(item.title, TITLE)} goes on; it is listed no more.")

    def allow(self, flag: str, typed: str = "") -> None:
        """Let agents do something or not: on, off, or the other one. Raises ConfigError."""
        session = self._session()
        if session is None:
            self._say("That needs a running session.")
            return
        on = switched(typed, session.agent_flags.get(flag, False))
        session.set_agent_flag(flag, on)
        if flag != ENABLED:
            self._say(f"Agents may {'' if on else 'not '}use {_named(flag)}.")
            if on and not session.agent_flags.get(ENABLED):
                self._say("They see nothing of it before they may act at all.", "/agents on")
        elif on:
            self._say("Agents that listen see the last messages after each turn, and may act on them.")
        else:
            self._say("Agents see nothing of what is said. Their results are told all the same.")

    def _not_told(self, item: Item) -> None:
        session = self._session()
        if session is None:
            self._say("That needs a running session.")
        elif not session.dismiss_result(item.key):
            self._say(_NOT_TO_TELL[Stage.TELLING])
        else:
            self.board.remove(item.key)
            what = one_line(item.title, TITLE)
            if item.status == QUESTION:
                self._say(f"You are not asked: {what}", "The program that wanted to know is told so.")
            else:
                self._say(f"Not told, and gone from the disk: {what}")

    def _say(self, text: str, aside: str = "") -> None:
        self._tell(text, aside, Severity.INFO)


def _named(flag: str) -> str:
    name = flag.removesuffix("_enabled")
    return {"computer_use": "the computer", "browser_use": "a browser", "mcp": "MCP servers"}.get(
        name, "user plugins" if name == "user_plugin" else one_line(name, 40)
    )
