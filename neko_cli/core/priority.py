"""A thread that goes before those that draw, for what a device waits for."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

NICE = -11
"""What sound servers give their own threads (PulseAudio's ``nice-level``)."""


def go_first() -> bool:
    """Let the calling thread run before others; returns whether the system allowed it.

    Linux alone gives threads a priority of their own, to whom ``RLIMIT_NICE`` allows it (the group of audio
    users often). Threads and programs that it starts do not get it (sched(7), SCHED_RESET_ON_FORK). Whoever
    started us with a policy of their own (``chrt``) keeps it.
    """
    if sys.platform != "linux":
        return False
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        if os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK != os.SCHED_OTHER:
            return False
        if os.getpriority(os.PRIO_PROCESS, thread) <= NICE:
            return True
        os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
        return True
    return False
