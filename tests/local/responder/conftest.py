"""A fixed clock and a conversation that is held with the responder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from neko_cli.local.ports import Line, Prompt
from neko_cli.local.responder.decide import Decision, decide

NOW = datetime(2025, 11, 21, 15, 5, tzinfo=timezone(timedelta(hours=1)))
"""A Friday afternoon in Central Europe."""

MIO = "You are Mio, a cheerful cat who lives in a terminal."


class Talk:
    """A conversation: what is said to it is kept, and so is what it answered."""

    def __init__(self, instructions: str) -> None:
        self.instructions = instructions
        self.lines: list[Line] = []

    def decide(self, **options: Any) -> Decision:
        return decide(Prompt(self.instructions, tuple(self.lines), **options), NOW)

    def say(self, text: str, **options: Any) -> str:
        self.lines.append(Line("user", text))
        answer = self.decide(**options).text
        self.lines.append(Line("assistant", answer))
        return answer


@pytest.fixture
def talk() -> Talk:
    return Talk(MIO)


@pytest.fixture
def talk_as() -> Callable[[str], Talk]:
    return Talk
