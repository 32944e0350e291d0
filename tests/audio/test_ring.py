"""The rings between callback and event loop: order, bounds, wrap, clear, two real threads."""

from __future__ import annotations

import sys
import threading
import time
from array import array
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.ring import ByteRing, RecentSound

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 40)),
        st.tuples(st.just("read"), st.integers(0, 40)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(capacity=st.integers(0, 33), operations=OPERATIONS)
def test_ring_is_a_bounded_queue_of_whole_samples(capacity: int, operations: list[tuple[str, int]]) -> None:
    ring = ByteRing(capacity)
    waiting = b""  # what a reader would get
    held = 0  # what takes room: dropped bytes do until the next read
    count = 0
    for operation, n in operations:
        if operation == "write":
            data = bytes((count + i) % 251 for i in range(n))
            expected = min(n, ring.capacity - held) // 2 * 2
            assert ring.write(data) == expected
            waiting += data[:expected]
            held += expected
            count += expected
        elif operation == "read":
            out = bytearray(n)
            got = ring.read_into(memoryview(out))
            expected = min(n, len(waiting)) // 2 * 2
            assert out[:got] == waiting[:expected]
            waiting = waiting[expected:]
            held = len(waiting)
        else:
            ring.clear()
            waiting = b""
        assert ring.available == len(waiting)
        assert ring.space == ring.capacity - held


def test_read_returns_what_there_is() -> None:
    ring = ByteRing(16)
    ring.write(b"abcdef")
    assert ring.read(4) == b"abcd"
    assert ring.read(100) == b"ef"
    assert ring.read(4) == b""
    assert ring.read(-1) == b""


def test_sound_after_a_clear_is_kept() -> None:
    ring = ByteRing(16)
    ring.write(b"oldold")
    ring.clear()
    ring.write(b"new!")
    assert ring.available == 4
    assert ring.read(16) == b"new!"


@pytest.fixture
def busy_switching() -> Iterator[None]:
    """Threads take turns as often as possible, so that a race is met."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_switching")
@pytest.mark.parametrize("capacity", [6, 960, 4096])
def test_two_threads_lose_and_repeat_nothing(capacity: int) -> None:
    ring = ByteRing(capacity)
    total = 20_000 if capacity > 100 else 3_000
    sent = array("H", (n % 65_521 for n in range(total))).tobytes()
    received = bytearray()

    def consume() -> None:
        block = memoryview(bytearray(480))
        while len(received) < len(sent):
            got = ring.read_into(block)
            received.extend(block[:got])
            if not got:
                time.sleep(0)  # lets the other thread on

    consumer = threading.Thread(target=consume, daemon=True)
    consumer.start()
    view, at = memoryview(sent), 0
    while at < len(sent) and consumer.is_alive():
        taken = ring.write(view[at : at + 333])
        at += taken
        if not taken:
            time.sleep(0)
    consumer.join(timeout=30)
    assert not consumer.is_alive()
    assert bytes(received) == sent


@pytest.mark.usefixtures("busy_switching")
def test_clear_under_way_never_brings_back_what_was_dropped() -> None:
    ring = ByteRing(2000)
    dropped_before = 0
    failures: list[tuple[int, int]] = []
    done = threading.Event()

    def consume() -> None:
        block = memoryview(bytearray(64))
        last = -1
        while not done.is_set() or ring.available:
            limit = dropped_before
            got = ring.read_into(block)
            for sample in array("H", bytes(block[:got])):
                if sample < limit or sample <= last:
                    failures.append((sample, limit))
                last = sample

    consumer = threading.Thread(target=consume, daemon=True)
    consumer.start()
    n = 0
    while n < 60_000 and consumer.is_alive():
        taken = ring.write(array("H", range(n, min(n + 100, 60_000))).tobytes()) // 2
        n += taken
        if not taken:
            time.sleep(0)
        if n % 7 == 0:
            ring.clear()
            dropped_before = n
    done.set()
    consumer.join(timeout=30)
    assert not consumer.is_alive()
    assert failures == []


@settings(max_examples=100, deadline=None)
@given(
    blocks=st.lists(st.binary(min_size=1, max_size=8), max_size=20),
    n=st.integers(0, 40),
    before=st.integers(0, 20),
)
def test_recent_sound_is_the_end_of_what_was_pushed(blocks: list[bytes], n: int, before: int) -> None:
    recent = RecentSound(24)
    for block in blocks:
        recent.push(memoryview(block))
    everything = b"".join(blocks)
    end = len(everything) - before
    start = max(0, end - n, len(everything) - 24)
    assert recent.last(n, before=before) == (everything[start:end] if end > start else b"")


@settings(max_examples=200, deadline=None)
@given(
    written=st.lists(st.integers(0, 40), max_size=8),
    read=st.integers(0, 80),
    keep=st.integers(0, 60),
    clear=st.booleans(),
)
def test_what_is_taken_back_is_all_that_would_come_after_what_is_kept(
    written: list[int], read: int, keep: int, clear: bool
) -> None:
    ring = ByteRing(64)
    n, there = 0, bytearray()
    for count in written:
        data = array("H", range(n, n + count)).tobytes()
        taken = ring.write(data)
        there += data[:taken]
        n += taken // 2
        got = ring.read(read // 4)
        assert got == bytes(there[: len(got)])
        del there[: len(got)]
    if clear:
        ring.clear()
        there.clear()
    keep -= keep % 2
    assert ring.take_back(keep) == bytes(there[keep:])
    assert ring.read(200) == bytes(there[:keep])
    assert ring.available == 0


def test_taking_back_while_the_other_side_reads_gives_each_byte_to_one_of_them() -> None:
    for _ in range(50):
        ring, got = ByteRing(4096), bytearray()
        ring.write(array("H", range(2000)).tobytes())
        began = threading.Event()

        def consume(ring: ByteRing = ring, got: bytearray = got, began: threading.Event = began) -> None:
            block = memoryview(bytearray(20))
            while ring.available:
                got += block[: ring.read_into(block)]
                began.set()

        consumer = threading.Thread(target=consume, daemon=True)
        consumer.start()
        began.wait(timeout=10)
        rest = ring.take_back(40)
        consumer.join(timeout=10)
        assert bytes(got) + rest == array("H", range(2000)).tobytes()
