"""One call of a program: arguments as JSON on standard input, the result on standard output.

No shell is involved. A call that takes too long, writes too much or is cancelled ends the program with
all that it started; one that ends by itself may leave something running (a player, a browser).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from neko_cli.core.errors import ToolError
from neko_cli.services.tool_program import Program, prepare
from neko_cli.services.tool_results import failure, json_text, result_of
from neko_cli.services.tool_spawn import Child, spawn

MAX_OUTPUT_BYTES = 256 * 1024

DRAIN_S = 0.3
"""For the last of the output of a program that has ended, which something else may hold open."""


class _Call(Child):
    """Collects the output, up to its limit."""

    def __init__(self) -> None:
        super().__init__()
        self.output = bytearray()
        self.over = asyncio.Event()
        """It has ended, or wrote too much."""

    @property
    def flooded(self) -> bool:
        return len(self.output) > MAX_OUTPUT_BYTES

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            super().pipe_data_received(fd, data)
            return
        self.output += data[: MAX_OUTPUT_BYTES + 1 - len(self.output)]
        if self.flooded:
            self.over.set()

    def process_exited(self) -> None:
        super().process_exited()
        self.over.set()


async def run(
    what: str,
    program: Program,
    arguments: Mapping[str, object],
    limit: float,
    *,
    given: Mapping[str, str] | None = None,
) -> str:
    """Carry out one call within ``limit`` seconds; the result is compact JSON text.

    ``what`` begins the sentence of an error (``The tool "dice"``); ``given`` is our environment, for
    tests. Raises ToolError.
    """
    start = await asyncio.to_thread(prepare, what, program, given)
    call = _Call()
    whole = False
    try:
        await spawn(call, what, start)
        call.write(json_text(arguments).encode())
        call.close_input()
        async with asyncio.timeout(limit):
            await call.over.wait()
        if not call.flooded:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await call.drained.wait()
        whole = not call.flooded
    except TimeoutError:
        raise ToolError(f"{what} took longer than {limit:g} s and was ended.") from None
    finally:
        await (call.leave() if whole else call.end())
    if not whole:
        raise ToolError(f"{what} wrote more than {MAX_OUTPUT_BYTES // 1024} KiB and was ended.")
    if call.code != 0:
        raise failure(what, call.code or 0, bytes(call.errors))
    return result_of(bytes(call.output))
