"""A thread goes first where the system lets it, and takes nothing along that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from neko_cli.core.priority import NICE, go_first

T = TypeVar("T")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")


def on_a_thread(what: Callable[[], T]) -> T:
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(what()))
    thread.start()
    thread.join(10)
    return found[0]


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_it_is_that_thread_alone_and_nothing_that_it_starts() -> None:
    before = nice()

    def first() -> tuple[bool, int, int, str]:
        allowed = go_first()
        started = subprocess.run(["nice"], capture_output=True, text=True, timeout=10, check=True)
        return allowed, nice(), on_a_thread(nice), started.stdout.strip()

    allowed, own, of_thread, of_program = on_a_thread(first)
    assert own == (NICE if allowed else before)
    assert (of_thread, of_program) == ((0, "0") if allowed else (before, str(before)))
    assert nice() == before


def test_a_system_that_refuses_is_not_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "setpriority", refuse)
    assert on_a_thread(lambda: (go_first(), nice())) == (False, nice())


def test_whoever_goes_first_already_stays_there() -> None:
    def twice() -> tuple[bool, bool]:
        return go_first(), go_first()

    one, other = on_a_thread(twice)
    assert one == other
