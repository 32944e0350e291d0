"""What a process uses: memory, open files, threads, processor time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path

STATUS = Path("/proc/self/statm")
FILES = Path("/dev/fd")


def resident_bytes() -> int:
    """Memory of this process that is in RAM, in bytes."""
    if STATUS.exists():
        return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True, check=True, timeout=10
    )
    return int(shown.stdout) * 1024


def open_files() -> dict[int, str]:
    """File descriptors of this process, and where each leads as far as the system tells."""
    found = {}
    for number in map(int, os.listdir(FILES)):  # noqa: PTH208 (no Path needed, and none is followed)
        with contextlib.suppress(OSError):  # the one that listed the folder is closed again
            os.fstat(number)
            found[number] = ""
            found[number] = os.readlink(FILES / str(number))  # noqa: PTH115 (a socket is no path)
    return found


def threads() -> list[str]:
    """Names of the threads that run."""
    return sorted(thread.name for thread in threading.enumerate())


def allow_files(wanted: int) -> int:
    """Raise this process's limit on open files towards ``wanted``; returns the limit in force."""
    import resource  # not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
