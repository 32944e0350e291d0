"""How a worker process is made: its program, its environment, where its messages go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError

_READ_LIMIT = 1 << 20
_LOG_BYTES = 1_000_000
"""A log of this size is begun anew at the next start of a worker."""

_SECRET_ENDINGS = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def worker_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: no keys, one computing thread, our package importable."""
    chosen = {name: value for name, value in given.items() if not name.upper().endswith(_SECRET_ENDINGS)}
    chosen.update(dict.fromkeys(_ONE_THREAD, "1"))
    chosen["PYTHONFAULTHANDLER"] = "1"
    chosen["HF_HUB_OFFLINE"] = "1"
    # The safe path (-P) leaves out the current folder, so a checkout that is not installed is named.
    package_parent = Path(__file__).resolve().parents[2]
    if package_parent not in {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}:
        paths = [str(package_parent), chosen.get("PYTHONPATH", "")]
        chosen["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return chosen


def _open_log(path: Path | None) -> int:
    """A descriptor for a worker's messages: a file of its owner alone, else the null device."""
    if path is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            pass  # a log that cannot be written must not keep the engine from starting
        else:
            if os.name == "posix":
                os.fchmod(opened, 0o600)  # one that was made by others, or by an older version
            if os.fstat(opened).st_size > _LOG_BYTES:
                os.ftruncate(opened, 0)
            return opened
    return os.open(os.devnull, os.O_WRONLY)


async def spawn_worker(role: str, log_path: Path | None) -> asyncio.subprocess.Process:
    """A process with pipes for frames; raises ConfigError when the system refuses."""
    options: dict[str, Any] = {}
    if os.name == "nt":
        options["creationflags"] = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
    else:
        options["start_new_session"] = True  # Ctrl-C in the terminal is for us, not for it
    try:
        with contextlib.ExitStack() as stack:
            errors = _open_log(log_path)
            stack.callback(os.close, errors)
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "neko_cli.local.worker",
                role,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=worker_environment(os.environ),
                limit=_READ_LIMIT,
                **options,
            )
    except OSError as error:
        raise ConfigError(f"The {role} cannot be started: {error.strerror or error}.") from error
