"""What every table of a profile is, and the tables that name tools."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

ToolName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
"""What every provider takes as a function's name (OpenAI: 64 letters, digits, ``_`` and ``-``)."""

ServerName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9-]{0,23}$")]
"""Short, because the name of each of its tools begins with it; see ``ToolServer``."""

ToolSeconds = Annotated[float, msgspec.Meta(ge=0, le=600)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a profile: every key has a default, unknown keys are mistakes."""


class Tool(Table, frozen=True, kw_only=True):
    """What all tools share."""

    description: str = ""
    """What it is for, as the model is told."""
    parameters: dict[str, Any] = {}
    """A JSON Schema object that describes the arguments; empty means that there are none."""
    time_limit: ToolSeconds = 0
    """Seconds; 0 takes the limit of ``[tools]``."""
    allow: bool = False
    """Whether it runs without asking the user."""
    env: tuple[str, ...] = ()
    """Names of environment variables that it gets besides the harmless ones."""
    folder: str = ""
    """Where it runs; empty means the folder in which neko was started."""


class CommandTool(Tool, frozen=True, kw_only=True):
    """A program: arguments come as JSON on standard input, the result goes to standard output."""

    run: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """The program and its arguments; no shell reads them."""


class PythonTool(Tool, frozen=True, kw_only=True):
    """A Python function, run in a process of its own.

    Without ``description`` and ``parameters`` they are taken from its docstring and its annotations.
    """

    entry: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
    """``module:function``; the folder ``tools`` beside the profiles is looked through first."""


class ToolServer(Table, frozen=True, kw_only=True):
    """A server that speaks MCP; its tools are called ``NAME__TOOL``. It is a program or an address."""

    run: tuple[str, ...] = ()
    url: str = ""
    key: str = ""
    """Name under which its key is found (environment, keyring); sent as a Bearer token to ``url``."""
    only: tuple[str, ...] = ()
    """Which of its tools are offered, as patterns; empty means all."""
    time_limit: ToolSeconds = 0
    allow: bool = False
    env: tuple[str, ...] = ()
    folder: str = ""

    def __post_init__(self) -> None:
        """Refuse a server that is nowhere, or in two places."""
        if bool(self.run) == bool(self.url):
            raise ValueError("Give it either run or url")


class ToolsTable(Table, frozen=True, kw_only=True):
    """What the character may have done."""

    allow: tuple[str, ...] = ()
    """Names of tools that run without asking, as patterns (``files__*``)."""
    time_limit: Annotated[float, msgspec.Meta(gt=0, le=600)] = 20
    """Seconds that one call may take."""
    ask_seconds: Annotated[float, msgspec.Meta(gt=0, le=600)] = 60
    """Seconds that a question to the user waits for its answer; then the call is refused."""
    calls_per_turn: Annotated[int, msgspec.Meta(ge=1, le=100)] = 8
    calls_per_minute: Annotated[int, msgspec.Meta(ge=1, le=600)] = 30
    command: dict[ToolName, CommandTool] = {}
    python: dict[ToolName, PythonTool] = {}
    mcp: dict[ServerName, ToolServer] = {}
