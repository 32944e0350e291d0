"""Fixtures for tests against real sound servers; without one they skip, or fail when it is required."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.real.pulse import PulseBox, missing_programs


def require(missing: list[str]) -> None:
    """Skip the test when programs are missing; fail it under NEKO_REQUIRE_REAL=1."""
    if not missing:
        return
    message = f"not installed: {', '.join(missing)}"
    if os.environ.get("NEKO_REQUIRE_REAL") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def pulse_box() -> Iterator[PulseBox]:
    """A private sound server with a loudspeaker to record and a microphone to speak into."""
    require(missing_programs())
    with PulseBox() as box:
        yield box
