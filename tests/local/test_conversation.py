"""Items, their order, their limits; pictures; the outbox."""

from __future__ import annotations

import asyncio
import base64
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neko_cli.local import conversation as conv
from neko_cli.local.audio_format import PCM_24K
from neko_cli.local.conversation import (
    Conversation,
    HeardPart,
    Message,
    PicturePart,
    Segment,
    SpokenPart,
    TextPart,
    heard_words,
)
from neko_cli.local.outbox import MAX_WAITING_BYTES, ROOM_BYTES, Outbox, Overflow
from neko_cli.local.pictures import image_facts
from neko_cli.local.ports import ImageFacts, Recognised


def user(item_id: str) -> Message:
    return Message(item_id, "user", [TextPart(item_id)])


def test_the_oldest_items_are_forgotten() -> None:
    conversation = Conversation()
    for n in range(conv.MAX_ITEMS + 10):
        conversation.add(user(f"i{n}"))
    assert len(conversation) == conv.MAX_ITEMS
    assert conversation.items()[0].id == "i10"


def test_old_pictures_are_forgotten_before_memory_is_full() -> None:
    facts = ImageFacts("image/png", 1, 1, "x" * (conv.MAX_PICTURE_CHARS // 2 - 10))
    conversation = Conversation()
    for n in range(4):
        conversation.add(Message(f"p{n}", "user", [PicturePart(facts)]))
    assert [item.id for item in conversation] == ["p2", "p3"]


def test_old_sound_is_dropped_and_the_words_stay() -> None:
    conversation = Conversation()
    megabytes = bytes(3 * 1024 * 1024)
    for n in range(4):
        part = HeardPart(PCM_24K, megabytes, 1000.0, Recognised(f"word {n}", 1.0))
        conversation.add(Message(f"h{n}", "user", [part]))
    conversation.tidy_sound()
    kept = [len(item.parts[0].data) for item in conversation]  # type: ignore[union-attr]
    assert kept == [0, 0, len(megabytes), len(megabytes)]
    assert [item.parts[0].text for item in conversation] == [f"word {n}" for n in range(4)]  # type: ignore[union-attr]


def test_what_comes_before() -> None:
    conversation = Conversation()
    assert conversation.last_id() is None
    for item_id in "abc":
        conversation.add(user(item_id))
    assert [conversation.before(item_id) for item_id in "abc"] == [None, "a", "b"]
    assert conversation.last_id() == "c"
    assert conversation.remove("b") is not None
    assert conversation.remove("b") is None
    assert conversation.before("c") == "a"


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, ""),
        (0.2, "One"),
        (0.5, "One two"),
        (0.99, "One two three"),
        (1.0, "One two three four"),
        (7, "One two three four"),
    ],
)
def test_only_whole_words_count_as_heard(share: float, words: str) -> None:
    assert heard_words("One two three four", share) == words


@given(
    st.lists(st.tuples(st.text(max_size=30), st.integers(0, 5000).map(float)), max_size=6),
    st.floats(0, 40_000),
)
@settings(max_examples=150, deadline=None)
def test_what_was_heard_is_a_beginning_of_what_was_said(
    spoken: list[tuple[str, float]], heard: float
) -> None:
    part = SpokenPart(PCM_24K, [Segment(text, ms) for text, ms in spoken])
    whole, length = part.text, part.duration_ms
    part.truncate(heard)
    assert whole.startswith(part.text)
    assert part.duration_ms <= min(length, heard)
    if heard >= length and all(ms > 0 for _, ms in spoken):
        assert part.text == whole


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (1919, 7)])
def test_pictures_tell_their_size(kind: str, size: tuple[int, int]) -> None:
    raw = io.BytesIO()
    Image.new("RGB", size, "red").save(raw, kind, **({"progressive": True} if kind == "JPEG" else {}))
    url = f"data:image/{kind.lower()};base64," + base64.b64encode(raw.getvalue()).decode()
    facts = image_facts(url)
    assert (facts.media_type, facts.width, facts.height) == (f"image/{kind.lower()}", *size)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
)
@settings(max_examples=200, deadline=None)
def test_damaged_pictures_are_a_value_error(raw: bytes, start: bytes) -> None:
    url = "data:image/png;base64," + base64.b64encode(start + raw).decode()
    try:
        facts = image_facts(url)
    except ValueError:
        return
    assert facts.width > 0
    assert facts.height > 0


async def test_replies_wait_for_room_and_control_does_not() -> None:
    outbox = Outbox()
    released = asyncio.Semaphore(0)
    sent: list[int] = []

    async def send(message: bytes) -> None:
        await released.acquire()
        sent.append(len(message))

    async with asyncio.TaskGroup() as group:
        writer = group.create_task(outbox.run(send))
        await outbox.room()
        outbox.put(bytes(ROOM_BYTES + 1))
        waiter = group.create_task(outbox.room())
        outbox.put(b"control")
        done, _ = await asyncio.wait([waiter], timeout=0.05)
        assert not done
        released.release()
        await asyncio.wait_for(waiter, 5)
        released.release()
        await asyncio.wait_for(outbox.flushed(), 5)
        assert sent == [ROOM_BYTES + 1, 7]
        writer.cancel()


async def test_a_client_that_never_reads_is_let_go() -> None:
    outbox = Outbox()

    async def send(message: bytes) -> None:
        await asyncio.sleep(0)

    for _ in range(3):
        outbox.put(bytes(MAX_WAITING_BYTES // 2))
    with pytest.raises(Overflow):
        await asyncio.wait_for(outbox.run(send), 5)
