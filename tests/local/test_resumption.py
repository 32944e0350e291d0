"""What is kept of a conversation for its next connection: for how long, how many, how much."""

from __future__ import annotations

import pytest

from neko_cli.local.audio_format import PCM_24K
from neko_cli.local.conversation import (
    HeardPart,
    Item,
    Message,
    PicturePart,
    Segment,
    SpokenPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from neko_cli.local.ports import ImageFacts, Recognised
from neko_cli.local.resumption import (
    MAX_HANDLES,
    HandleInUse,
    NoSuchHandle,
    OtherModel,
    Resumption,
    Snapshot,
    Thread,
)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Carrier:
    """A connection."""

    def __init__(self) -> None:
        self.alive = True

    def __call__(self) -> bool:
        return self.alive


def words(text: str) -> Message:
    return Message(f"item_{text}", "user", [TextPart(text)])


def parked(store: Resumption, *items: Item) -> str:
    """A handle of a conversation whose connection has ended."""
    carrier = Carrier()
    thread = store.begin("m", carrier)
    handle = store.mark(thread, Snapshot(tuple(items)))
    carrier.alive = False
    store.park(thread, carrier)
    return handle


def resume(store: Resumption, handle: str) -> tuple[Thread, Snapshot]:
    return store.resume(handle, "m", Carrier())


def is_known(store: Resumption, handle: str) -> bool:
    try:
        resume(store, handle)
    except NoSuchHandle:
        return False
    return True


def test_each_handle_stands_for_its_moment() -> None:
    store = Resumption()
    carrier = Carrier()
    thread = store.begin("m", carrier)
    first = store.mark(thread, Snapshot((words("a"),)))
    second = store.mark(thread, Snapshot((words("a"), words("b")), {"call_1": "clock"}))
    carrier.alive = False
    store.park(thread, carrier)
    assert len(resume(store, first)[1].items) == 1
    store.park(thread, thread.carried)
    thread.carried = Carrier()
    thread.carried.alive = False
    assert resume(store, second)[1].calls == {"call_1": "clock"}


def test_only_a_conversation_without_a_connection_is_given_out() -> None:
    store, carrier = Resumption(), Carrier()
    thread = store.begin("m", carrier)
    handle = store.mark(thread, Snapshot())
    with pytest.raises(HandleInUse):
        resume(store, handle)
    carrier.alive = False  # its handler need not have ended yet
    resume(store, handle)
    with pytest.raises(HandleInUse):
        resume(store, handle)


def test_a_connection_that_ends_late_does_not_park_its_successors_conversation() -> None:
    store, old = Resumption(), Carrier()
    thread = store.begin("m", old)
    handle = store.mark(thread, Snapshot())
    old.alive = False
    resume(store, handle)
    store.park(thread, old)
    assert thread.parked_at is None
    with pytest.raises(HandleInUse):
        resume(store, handle)


def test_a_handle_goes_with_its_model() -> None:
    store = Resumption()
    handle = parked(store)
    with pytest.raises(OtherModel):
        store.resume(handle, "other", Carrier())
    assert is_known(store, handle)


def test_time_counts_from_the_end_of_the_connection() -> None:
    clock = Clock()
    store = Resumption(ttl_s=10, now=clock)
    carrier = Carrier()
    thread = store.begin("m", carrier)
    handle = store.mark(thread, Snapshot())
    clock.seconds = 100
    carrier.alive = False
    store.park(thread, carrier)
    clock.seconds = 109
    thread, _ = resume(store, handle)
    store.park(thread, thread.carried)
    clock.seconds = 120
    with pytest.raises(NoSuchHandle) as caught:
        resume(store, handle)
    assert caught.value.expired
    with pytest.raises(NoSuchHandle) as caught:
        resume(store, handle)
    assert not caught.value.expired


def test_what_is_too_old_goes_without_being_asked_for() -> None:
    clock = Clock()
    store = Resumption(ttl_s=10, now=clock)
    parked(store)
    clock.seconds = 11
    parked(store)
    assert len(store._parked) == len(store._threads) == 1


def test_the_oldest_goes_when_there_are_too_many() -> None:
    store = Resumption(max_parked=2)
    handles = [parked(store) for _ in range(3)]
    assert [is_known(store, handle) for handle in handles] == [False, True, True]


def test_the_oldest_goes_when_they_are_too_large() -> None:
    store = Resumption(max_bytes=100)
    handles = [parked(store, words(str(n) + "x" * 59)) for n in range(3)]
    assert [is_known(store, handle) for handle in handles] == [False, False, True]
    assert not is_known(store, parked(store, words("x" * 101)))


def test_a_conversation_has_few_handles() -> None:
    store, carrier = Resumption(), Carrier()
    thread = store.begin("m", carrier)
    handles = [store.mark(thread, Snapshot()) for _ in range(MAX_HANDLES + 1)]
    carrier.alive = False
    assert not is_known(store, handles[0])
    assert is_known(store, handles[1])
    assert len(store._threads) == MAX_HANDLES


def test_a_conversation_without_a_handle_is_not_kept() -> None:
    store, carrier = Resumption(), Carrier()
    store.park(store.begin("m", carrier), carrier)
    assert store._parked == []


def test_sound_that_was_understood_is_dropped_and_counts_nothing() -> None:
    heard = HeardPart(PCM_24K, bytes(5_000), 100.0, Recognised("four", 1.0))
    unheard = HeardPart(PCM_24K, bytes(700), 15.0)
    said = SpokenPart(PCM_24K, [Segment("three", 10.0)], bytearray(9_000))
    picture = PicturePart(ImageFacts("image/png", 1, 1, "d" * 1_000))
    store = Resumption()
    parked(
        store,
        Message("a", "user", [heard, picture]),
        Message("b", "user", [unheard]),
        Message("c", "assistant", [said]),
        ToolCall("d", "call", "clock", "{}"),
        ToolResult("e", "call", "noon"),
    )
    assert (len(heard.data), len(unheard.data), len(said.data)) == (0, 700, 0)
    assert store._parked[0].size == 4 + 1_000 + 700 + 5 + 2 + 4
    assert (heard.text, said.text) == ("four", "three")
