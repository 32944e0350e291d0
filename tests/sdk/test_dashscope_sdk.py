"""The DashScope SDK talks with a real ``neko serve`` in Qwen's flat dialect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.pictures import jpeg
from tests.sdk.interpreter import require_sdk, sdk_environment
from tests.sdk.served import Served, serve, speak_question

pytestmark = pytest.mark.timeout(180)  # a server and a dozen conversations in real time

SCRIPT = Path(__file__).with_name("dashscope_client.py")
SCENARIOS = ("text_turn", "detected_turn", "manual_turn", "interrupted_turn", "tool_turn", "image_turn")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    require_sdk()
    folder = tmp_path_factory.mktemp("dashscope")
    speak_question(folder)
    (folder / "picture.jpeg").write_bytes(jpeg())
    with serve(folder) as running:
        yield running


@pytest.fixture(scope="module")
def report(served: Served) -> dict[str, Any]:
    """What the library saw in every scenario."""
    return served.ask(require_sdk(), SCRIPT, *SCENARIOS, env=sdk_environment())


@pytest.fixture
def facts(report: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the scenario named like the test found out."""
    found: dict[str, Any] = report["facts"][request.node.originalname.removeprefix("test_")]
    assert "failure" not in found, found["failure"]
    return found


def test_every_event_is_one_that_qwen_sends(report: dict[str, Any]) -> None:
    assert report["problems"] == []
    assert len(report["kinds"]) > 20


def test_text_turn(facts: dict[str, Any]) -> None:
    assert (facts["words"], facts["status"], facts["tokens"]) == ("Hello there.", "completed", 30)
    assert (facts["model"], facts["turns"]) == ("qwen3.5-omni-flash-realtime", None)
    assert facts["known"] == [True, True]
    assert facts["closed"] == 1000


@pytest.mark.parametrize("name", ["detected_turn", "manual_turn"])
def test_spoken_turns(report: dict[str, Any], name: str) -> None:
    facts = report["facts"][name]
    assert "failure" not in facts, facts["failure"]
    assert "time" in facts["heard"].lower()
    assert (facts["words"], facts["status"]) == ("It is noon.", "completed")
    assert facts["ms"] > 500
    assert facts["tokens"] > 30


def test_interrupted_turn(facts: dict[str, Any]) -> None:
    assert (facts["status"], facts["after"]) == ("cancelled", "It is noon.")
    assert facts["item"] == "incomplete"
    assert facts["error"] == "Conversation has no active response."


def test_tool_turn(facts: dict[str, Any]) -> None:
    assert facts["call"] == ["clock", '{"zone": "utc"}']
    assert facts["words"] == "The tool says noon"


def test_image_turn(facts: dict[str, Any]) -> None:
    assert facts["error"] == "Error append image before append audio."
    assert facts["words"] == "I see a picture."
