"""What is shown of a server that may come, go, and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.services.tool_names import RemoteTool


class View(msgspec.Struct, frozen=True):
    """What can be offered of a server, what is wrong with it, and what is to be said of its tools."""

    tools: tuple[RemoteTool, ...] = ()
    problem: str = ""
    note: str = ""


class Display:
    """Holds the view of one server, and tells when it is another one than was shown last.

    The tools of a server that was lost stay for ``patience`` seconds, because it may be back soon, and
    a model whose tools change has to be told all of them anew.
    """

    def __init__(self, what: str, patience: float, changed: Callable[[], None]) -> None:
        """``what`` begins each sentence (``The tool server "files"``)."""
        self.view = View()
        self.settled = asyncio.Event()
        """The first view is known, or ``patience`` is over."""
        self._what = what
        self._patience = patience
        self._changed = changed
        self._told: View | None = None
        self._complained = False
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_told(self) -> bool:
        """Whether the present view was shown."""
        return self._told == self.view

    def show(self) -> View:
        """The view; from now on, changes of it are told."""
        self._told = self.view
        return self.view

    def expect(self) -> None:
        """The server should be there within ``patience`` seconds from now, or from an earlier call."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(self._patience, self._overdue)

    def found(self, tools: tuple[RemoteTool, ...], note: str) -> None:
        """The server is there, with these tools."""
        self._disarm()
        self._complained = False
        self._set(View(tools, note=note))
        self.settled.set()

    def lost(self, error: NekoError, *, again: bool) -> None:
        """The server is not there; ``again`` says that it is tried further. Only the first reason is told."""
        if not again:
            self._disarm()
            self._set(View(problem=f"{error} It is not tried again."))
        else:
            self.expect()
            if not self._complained:
                self._complained = True
                self._set(View(self.view.tools, f"{error} It is tried again."))
        self.settled.set()

    def leave(self) -> None:
        """Nothing is told any more."""
        self._disarm()
        self._told = None
        self.settled.set()

    def _overdue(self) -> None:
        waiting = f"{self._what} is not there yet; its tools are offered as soon as it is."
        self._set(View(problem=self.view.problem or waiting))
        self.settled.set()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set(self, view: View) -> None:
        if view == self.view:
            return
        self.view = view
        if self._told is not None and not self.is_told:
            self._changed()
