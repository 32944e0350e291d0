"""The flat codec against conversations written from each provider's documents."""

from __future__ import annotations

import pytest

from neko_cli.core.provider_events import Surprise, Unknown
from tests.core.codecs import golden
from tests.core.codecs.flat import DIALECTS

FILES = [(dialect, name) for dialect in DIALECTS for name in golden.names(dialect)]


@pytest.mark.parametrize(("dialect", "name"), FILES)
def test_a_golden_conversation(dialect: str, name: str) -> None:
    made, lines = golden.conversation(name, dialect)
    assert len(lines) > 3
    for number, line in enumerate(lines, 2):
        assert golden.play_line(made, line) == line, f"{dialect}/{name}, line {number}"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_golden_files_hold_every_conversation_and_only_known_events(dialect: str) -> None:
    assert golden.names(dialect) == [f"{name}.jsonl" for name in golden.CONVERSATIONS]
    made = golden.make({}, golden.provider_of(dialect))
    unknown = [
        event
        for frame in golden.server_frames(dialect)
        for event in made.decode(frame)
        if isinstance(event, Unknown | Surprise)
    ]
    assert unknown == [Unknown("response.something.new")]
