"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.provider import Provider
from tests.cli.running import neko


@pytest.fixture
def provider() -> Iterator[Callable[..., Provider]]:
    """Starts providers; they end with the test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Provider(*args, **options))


@pytest.fixture
def say(tmp_path: Path):
    """Runs ``neko say`` against a provider."""

    def run(server: Provider, *arguments: str, **options: Any):
        return neko(
            "say", *arguments, "--provider", "openai", "--url", server.url, home=tmp_path / "home", **options
        )

    return run
