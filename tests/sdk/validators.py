"""What the official SDKs say of frames: one process with them loaded for all tests of a worker."""

from __future__ import annotations

import atexit
import json
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.sdk.interpreter import require_sdk, sdk_environment

PATIENCE_S = 60.0


class Found(NamedTuple):
    """A validator's exit code and what it printed."""

    code: int
    output: str


def validate(validator: str, lines: list[str], *arguments: str) -> Found:
    """Have ``validate_<validator>.py`` look at these lines; fails the test when it does not answer."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    order = [f"validate_{validator}", arguments, "\n".join(lines)]
    watch = threading.Timer(PATIENCE_S, process.kill)
    watch.start()
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    finally:
        watch.cancel()
    assert answer, f"the validators ended with {process.wait()}"
    return Found(*json.loads(answer))


@cache
def _process() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [require_sdk(), str(Path(__file__).with_name("validate.py"))],
        env=sdk_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def end() -> None:
        process.kill()
        process.wait()

    atexit.register(end)
    return process
