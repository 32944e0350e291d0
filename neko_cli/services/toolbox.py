"""The tools of a profile, whatever they are: programs, Python functions, servers that speak MCP."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from neko_cli.core.commands import ToolSpec
from neko_cli.core.companions.tools import time_limit
from neko_cli.core.errors import NekoError, ToolError, our_mistake
from neko_cli.core.ports import KeyStore, Offer
from neko_cli.core.retry import RetryPolicy
from neko_cli.core.tables import CommandTool, PythonTool, ToolsTable
from neko_cli.services.tool_link import PATIENCE_S, RETRIES
from neko_cli.services.tool_names import named, spec
from neko_cli.services.tool_process import run
from neko_cli.services.tool_program import Program, prepare
from neko_cli.services.tool_python import PythonTools
from neko_cli.services.tool_results import bounded
from neko_cli.services.tool_servers import ToolServers
from neko_cli.services.tool_view import View

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Functions that are asked at the same time what they take."""

DESCRIBE_ALL_S = 10.0
"""For all functions; an offer has to be made before somebody stops waiting for it."""

Carry = Callable[[Mapping[str, Any], float], Awaitable[str]]
"""Carries out one call with its arguments, within so many seconds."""


class _Draft(msgspec.Struct):
    """An offer that is being put together."""

    specs: list[ToolSpec] = []
    problems: list[str] = []
    carriers: dict[str, tuple[Carry, float]] = {}

    def add(self, made: ToolSpec, carry: Carry, limit: float) -> None:
        if made.name in self.carriers:
            self.problems.append(f'Two tools are called "{made.name}"; only the first one is offered.')
            return
        self.specs.append(made)
        self.carriers[made.name] = carry, limit


class SystemToolbox:
    """Carries out tools on this machine; core's ``Toolbox``."""

    def __init__(
        self,
        keys: KeyStore,
        tools_folder: Path | None = None,
        *,
        patience: float = PATIENCE_S,
        policy: RetryPolicy = RETRIES,
    ) -> None:
        """``tools_folder`` is the one beside the profiles; it need not exist.

        ``patience`` is how many seconds an offer waits for servers, ``policy`` how they are tried again.
        """
        self._python = PythonTools(tools_folder)
        self._servers = ToolServers(keys, self._tell, patience=patience, policy=policy)
        self._changed: Callable[[], None] | None = None
        self._carriers: dict[str, tuple[Carry, float]] = {}

    def watch(self, changed: Callable[[], None]) -> None:
        """``changed`` is called when another offer would be made of the same table."""
        self._changed = changed

    async def offer(self, wanted: ToolsTable) -> Offer:
        """What of the table can be used; starts and ends servers as it names them. Never raises."""
        draft = _Draft()
        try:
            async with asyncio.TaskGroup() as group:
                views = group.create_task(self._servers.update(wanted.mcp))
                described = group.create_task(self._describe(wanted.python))
                missing = group.create_task(asyncio.to_thread(_missing, wanted.command))
            self._add_commands(wanted, missing.result(), draft)
            self._add_functions(wanted, described.result(), draft)
            self._add_servers(wanted, views.result(), draft)
        except Exception as error:  # a mistake of ours must not end the conversation
            log.error("the tools cannot be offered: %s", type(error).__name__)
            log.debug("tools", exc_info=error)
            draft.problems.append(str(our_mistake(error)))
        self._carriers = draft.carriers
        return Offer(tuple(draft.specs), tuple(draft.problems))

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Carry out a tool of the last offer; bounded JSON text. Raises ToolError."""
        found = self._carriers.get(name)
        if found is None:
            raise ToolError("There is no such tool.")
        carry, limit = found
        return bounded(await carry(arguments, limit))

    async def close(self) -> None:
        """End all servers within a few seconds; idempotent. A later ``offer`` starts them again."""
        await self._servers.close()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed()

    # -- programs ----------------------------------------------------------------------------

    def _add_commands(self, wanted: ToolsTable, missing: Mapping[str, str], draft: _Draft) -> None:
        for name, tool in wanted.command.items():
            if name in missing:
                draft.problems.append(missing[name])
                continue
            if trouble := _bad_schema(name, tool.parameters):
                draft.problems.append(trouble)
                continue
            made = spec(name, tool.description, tool.parameters)
            draft.add(made, _runner(name, _program(tool)), time_limit(wanted, name))

    # -- functions -----------------------------------------------------------------------------

    async def _describe(self, tools: Mapping[str, PythonTool]) -> dict[str, ToolSpec | str]:
        """What each function is offered as, or a sentence about why it is not."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(name: str, tool: PythonTool) -> ToolSpec | str:
            try:
                async with asyncio.timeout(DESCRIBE_ALL_S), turns:
                    return await self._spec(name, tool)
            except TimeoutError:
                return f"{_called(name)} is left out: it was not described in time."

        async with asyncio.TaskGroup() as group:
            made = {name: group.create_task(one(name, tool)) for name, tool in tools.items()}
        return {name: task.result() for name, task in made.items()}

    async def _spec(self, name: str, tool: PythonTool) -> ToolSpec | str:
        if trouble := _bad_schema(name, tool.parameters):
            return trouble
        description, parameters = tool.description, tool.parameters
        try:
            if not description or not parameters:
                described = await self._python.describe(_called(name), tool)
                description = description or described.description
                parameters = parameters or described.parameters
        except NekoError as error:
            return str(error)
        return spec(name, description, parameters)

    def _add_functions(
        self, wanted: ToolsTable, described: Mapping[str, ToolSpec | str], draft: _Draft
    ) -> None:
        for name, made in described.items():
            if isinstance(made, str):
                draft.problems.append(made)
            else:
                program = self._python.program(wanted.python[name])
                draft.add(made, _runner(name, program), time_limit(wanted, name))

    # -- servers -------------------------------------------------------------------------------

    def _add_servers(self, wanted: ToolsTable, views: Mapping[str, View], draft: _Draft) -> None:
        for server, view in views.items():
            draft.problems.extend(words for words in (view.problem, view.note) if words)
            fit, problems = named(server, view.tools, draft.carriers)
            draft.problems.extend(problems)
            for one in fit:
                carry = self._caller(server, one.tool)
                draft.add(one.spec, carry, time_limit(wanted, one.spec.name))

    def _caller(self, server: str, tool: str) -> Carry:
        def call(arguments: Mapping[str, Any], limit: float) -> Awaitable[str]:
            return self._servers.call(server, tool, arguments, limit)

        return call


def _called(name: str) -> str:
    return f'The tool "{name}"'


def _program(tool: CommandTool) -> Program:
    return Program(run=tool.run, env=tool.env, folder=tool.folder)


def _runner(name: str, program: Program) -> Carry:
    def call(arguments: Mapping[str, Any], limit: float) -> Awaitable[str]:
        return run(_called(name), program, arguments, limit)

    return call


def _missing(tools: Mapping[str, CommandTool]) -> dict[str, str]:
    """Sentences about the programs that cannot be started."""
    trouble = {}
    for name, tool in tools.items():
        try:
            prepare(_called(name), _program(tool), os.environ)
        except NekoError as error:
            trouble[name] = str(error)
    return trouble


def _bad_schema(name: str, parameters: Mapping[str, Any]) -> str:
    """What is wrong with the parameters that a profile gives; empty when nothing is."""
    if parameters and parameters.get("type", "object") != "object":
        return f'{_called(name)} is left out: its `parameters` must describe an object ("type": "object").'
    return ""
