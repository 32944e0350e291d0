"""Small programs that are asked about sound, beside the event loop and with a deadline each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence


async def output_of(command: Sequence[str], *, within: float) -> bytes | None:
    """What a program writes; None when it cannot be run or takes longer than ``within`` seconds."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(within):
            told, _ = await process.communicate()
        return told
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
