"""What is sent before the link is up: held in order, bounded, never silently refused."""

from __future__ import annotations

import pytest

from neko_cli.core.commands import AudioChunk, TextMessage
from neko_cli.core.early import OTHERS, SOUND_MS, EarlyMessages
from neko_cli.core.errors import LinkError

SECOND = bytes(48_000)


def test_messages_come_out_in_order_once():
    early = EarlyMessages()
    messages = [TextMessage("a"), AudioChunk(SECOND, 24_000), TextMessage("b")]
    for message in messages:
        early.hold(message)
    assert early.texts == 2
    assert list(early.take()) == messages
    assert len(early) == 0


def test_too_much_sound_pushes_out_the_oldest_sound_and_says_how_much():
    early = EarlyMessages()
    early.hold(TextMessage("kept"))
    chunks = [AudioChunk(bytes([i]) * 48_000, 24_000) for i in range(SOUND_MS // 1000 + 2)]
    for chunk in chunks:
        early.hold(chunk)
    assert early.dropped_ms == 2000
    assert list(early.take()) == [TextMessage("kept"), *chunks[2:]]


def test_too_many_texts_are_refused_and_the_held_ones_stay():
    early = EarlyMessages()
    for number in range(OTHERS):
        early.hold(TextMessage(str(number)))
    with pytest.raises(LinkError):
        early.hold(TextMessage("one too many"))
    assert len(early) == OTHERS
