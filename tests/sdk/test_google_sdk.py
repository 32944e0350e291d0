"""Google's Gen AI SDK talks with a real ``neko serve``: the API-key wire and Vertex's, both over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.pictures import png
from tests.sdk.interpreter import require_sdk, sdk_environment
from tests.sdk.served import Served, serve, speak_question

pytestmark = pytest.mark.timeout(180)  # a server and a dozen conversations in real time

SCRIPT = Path(__file__).with_name("google_client.py")
SCENARIOS = (
    "text_turn",
    "versions",
    "detected_turn",
    "manual_turn",
    "stream_end",
    "interrupted_turn",
    "tool_turn",
    "image_turn",
    "context_update",
    "resumption",
    "malformed",
)
DONE = ["generation_complete", "turn_complete"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    require_sdk()
    folder = tmp_path_factory.mktemp("google")
    speak_question(folder)
    (folder / "picture.png").write_bytes(png())
    with serve(folder, tls=True) as running:
        yield running


@pytest.fixture(scope="module", params=["developer", "vertex"])
def report(request: pytest.FixtureRequest, served: Served) -> dict[str, Any]:
    """What the library saw in every scenario, over one of the two wires."""
    return served.ask(require_sdk(), SCRIPT, request.param, *SCENARIOS, env=sdk_environment())


@pytest.fixture
def facts(report: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the scenario named like the test found out."""
    found: dict[str, Any] = report["facts"][request.node.originalname.removeprefix("test_")]
    assert "error" not in found, found["error"]
    return found


def test_every_message_is_known_to_the_library(report: dict[str, Any]) -> None:
    assert report["problems"] == []
    assert report["messages"] > 60
    assert list(report["facts"]) == list(SCENARIOS)


def test_text_turn(facts: dict[str, Any]) -> None:
    assert (facts["text"], facts["order"], facts["ms"]) == ("Hello there.", DONE, 0)
    assert facts["second"] == "You said 2 things."
    assert facts["tokens"] == 30
    assert facts["id"]
    assert facts["closed"] == 1000


def test_versions(facts: dict[str, Any]) -> None:
    assert len(facts) >= 2
    assert set(facts.values()) == {"Hello there."}


@pytest.mark.parametrize("name", ["detected_turn", "manual_turn", "stream_end"])
def test_spoken_turns(report: dict[str, Any], name: str) -> None:
    facts = report["facts"][name]
    assert "error" not in facts, facts["error"]
    assert "time" in facts["heard"].lower()
    assert facts["words"] == "It is noon."
    assert facts["ms"] > 500
    assert facts["order"] == DONE
    assert facts["tokens"] > 30


def test_interrupted_turn(facts: dict[str, Any]) -> None:
    assert facts["order"] == ["interrupted", "turn_complete"]
    assert facts["after"] == "It is noon."
    assert "time" in facts["heard"].lower()


def test_tool_turn(facts: dict[str, Any]) -> None:
    assert facts["call"] == ["clock", {"zone": "utc"}]
    assert facts["text"] == 'The tool says {"output":"noon"}'
    assert facts["order"] == DONE


def test_image_turn(facts: dict[str, Any]) -> None:
    assert facts["texts"] == ["I see a picture.", "I see a picture."]


def test_context_update(facts: dict[str, Any]) -> None:
    assert facts["texts"] == ["I am Mio.", "I am Leo."]


def test_resumption(facts: dict[str, Any]) -> None:
    assert facts["text"] == "You said 2 things."
    assert facts["refused"][0] == 1011
    assert facts["unknown"][0] == 1008


def test_malformed(facts: dict[str, Any]) -> None:
    assert facts["code"] == 1007
    assert 'Unknown name "nonsense"' in facts["words"]


def test_the_library_is_told_to_go(tmp_path: Path) -> None:
    require_sdk()
    (tmp_path / "question-16000.pcm").write_bytes(b"")
    (tmp_path / "picture.png").write_bytes(png())
    with serve(tmp_path, tls=True, limit_s=2.0) as served:
        report = served.ask(require_sdk(), SCRIPT, "developer", "limit", env=sdk_environment())
    assert report["problems"] == []
    assert report["facts"]["limit"] == {"left": "1s", "code": 1011}
