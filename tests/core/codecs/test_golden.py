"""Conversations written from the providers' documentation, played to their codecs line by line."""

from __future__ import annotations

import pytest

from neko_cli.core.provider_events import Surprise, Unknown
from tests.core.codecs import golden

FOLDERS = ("openai_ga", "azure", "xai", "openai_live", "chat")
CONVERSATIONS = {"text", "voice", "image", "tool", "barge_in", "error", "limits", "resume"}

FILES = [(folder, name) for folder in FOLDERS for name in golden.names(folder)]


@pytest.mark.parametrize(("folder", "name"), FILES, ids=map("/".join, FILES))
def test_a_golden_conversation(folder: str, name: str) -> None:
    made, lines = golden.conversation(name, folder)
    assert len(lines) > 1
    for number, line in enumerate(lines, 2):
        assert golden.play_line(made, line) == line, f"{folder}/{name}, line {number}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_dialect_has_every_conversation(folder: str) -> None:
    assert {name.removesuffix(".jsonl") for name in golden.names(folder)} >= CONVERSATIONS
    documents = [golden.read(name, folder)[0]["document"] for name in golden.names(folder)]
    assert all("2026" in document or "OpenAI API reference" in document for document in documents)


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_documented_is_known(folder: str) -> None:
    strange = [
        event
        for name in golden.names(folder)
        for line in golden.read(name, folder)
        for event in line.get("events", ())
        if event["is"] in (Unknown.__name__, Surprise.__name__)
    ]
    # One event in each folder is made up, to be passed over.
    assert len(strange) == 1, strange
    assert "new" in str(strange[0]) or "not JSON" in str(strange[0])
