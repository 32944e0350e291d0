"""The official openai SDK, asynchronous and synchronous, talks with a real ``neko serve``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.interpreter import require_sdk, sdk_environment
from tests.sdk.served import Served, serve, speak_question

pytestmark = pytest.mark.timeout(180)  # a server and a dozen conversations in real time

SCRIPT = Path(__file__).with_name("openai_client.py")
SCENARIOS = ("text_turn", "detected_turn", "manual_turn", "tool_turn", "image_turn", "answered_turn")
BOTH = [*SCENARIOS, *(f"blocking:{name}" for name in SCENARIOS)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    require_sdk()
    folder = tmp_path_factory.mktemp("openai")
    speak_question(folder)
    with serve(folder) as running:
        yield running


@pytest.fixture(scope="module")
def reports(served: Served) -> dict[str, Any]:
    """What the library saw in every scenario."""
    return served.ask(require_sdk(), SCRIPT, *BOTH, env=sdk_environment())


@pytest.fixture(params=["", "blocking:"], ids=["asynchronous", "synchronous"])
def facts(reports: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the scenario named like the test found out, with either of the library's clients."""
    name = request.node.originalname.removeprefix("test_")
    found: dict[str, Any] = reports[request.param + name]["facts"]
    return found


@pytest.mark.parametrize("name", BOTH)
def test_every_event_is_known_to_the_library(reports: dict[str, Any], name: str) -> None:
    assert reports[name]["problems"] == []
    assert len(reports[name]["kinds"]) > 5
    assert reports[name]["closed"] == 1000


def test_text_turn(facts: dict[str, Any]) -> None:
    assert (facts["text"], facts["tokens"]) == ("Hello there.", 30)


def test_detected_turn(facts: dict[str, Any]) -> None:
    assert "time" in facts["heard"].lower()
    assert facts["logprobs"] >= 3
    assert (facts["status"], facts["reply_ms"] > 500, facts["tokens"] > 30) == ("completed", True, True)


def test_manual_turn(facts: dict[str, Any]) -> None:
    assert (facts["status"], facts["reply_ms"] > 500, facts["tokens"] > 30) == ("completed", True, True)


def test_tool_turn(facts: dict[str, Any]) -> None:
    assert facts["call"] == ["clock", '{"zone": "utc"}']
    assert facts["text"] == "The tool says noon"


def test_image_turn(facts: dict[str, Any]) -> None:
    assert facts["text"] == "I see a picture."


def test_answered_turn(facts: dict[str, Any]) -> None:
    assert facts["cut"] == ["cancelled", "turn_detected"]
    assert facts["text"] == "It is noon."
