"""Tools that are Python functions: how they are run, and what they say about themselves.

They run in processes of their own: a function that hangs, crashes or prints harms nothing here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from neko_cli.core.errors import ToolError
from neko_cli.core.tables import PythonTool
from neko_cli.services.tool_process import run
from neko_cli.services.tool_program import Program

DESCRIBE_LIMIT_S = 8.0
"""For a module to be imported and looked at."""

_CHILD = Path(__file__).with_name("tool_child.py")


class Described(msgspec.Struct, frozen=True):
    """What a function says about itself; ``parameters`` is the JSON Schema of its arguments."""

    description: str
    parameters: dict[str, Any]


class PythonTools:
    """The functions of one folder, and of what is installed."""

    def __init__(self, folder: Path | None) -> None:
        """``folder`` is looked through first; it need not exist."""
        self._folder = folder
        self._known: dict[tuple[str, tuple[str, ...], str], tuple[int, Described]] = {}

    def program(self, tool: PythonTool, *, describes: bool = False) -> Program:
        """What carries out a call, or tells what the function takes."""
        flags = ("--describe",) if describes else ()
        folder = "" if self._folder is None else str(self._folder.absolute())
        # Isolated: neither the folder we are in nor the user's PYTHON… variables decide what is imported.
        argv = (sys.executable, "-I", "-X", "utf8", str(_CHILD), *flags, tool.entry, folder)
        return Program(run=argv, env=tool.env, folder=tool.folder)

    async def describe(self, what: str, tool: PythonTool) -> Described:
        """What the function says about itself, asked again when its file has changed; raises ToolError."""
        key = (tool.entry, tool.env, tool.folder)
        changed_at = self._changed_at(tool.entry)
        known = self._known.get(key)
        if known is not None and known[0] == changed_at:
            return known[1]
        told = await run(what, self.program(tool, describes=True), {}, DESCRIBE_LIMIT_S)
        try:
            described = msgspec.json.decode(told, type=Described)
        except msgspec.MsgspecError:
            raise ToolError(f"{what} cannot be described: its module ends Python.") from None
        self._known[key] = changed_at, described
        return described

    def _changed_at(self, entry: str) -> int:
        """When the function's file was changed, in ns; 0 for what is not in the folder."""
        if self._folder is None:
            return 0
        base = self._folder.joinpath(*entry.partition(":")[0].split("."))
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            try:
                return path.stat().st_mtime_ns
            except OSError:
                continue
        return 0
