"""Who is asked next, and what is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.translate_order import PAUSE, STRIKES, Cache, Order

NAMES = ("a", "b")


def test_the_first_is_asked_first_and_the_next_when_it_was_tried() -> None:
    order = Order()
    assert order.next(NAMES, tried=(), now=0) == "a"
    assert order.next(NAMES, tried={"a"}, now=0) == "b"
    assert order.next(NAMES, tried={"a", "b"}, now=0) == ""
    assert order.next((), tried=(), now=0) == ""


def test_a_lasting_failure_is_remembered_for_the_session() -> None:
    order = Order()
    order.failed("a", now=0, permanent=True)
    assert order.is_out("a")
    assert order.next(NAMES, tried=(), now=1e9) == "b"
    order.worked("a")
    assert order.is_out("a")


def test_a_passing_failure_is_a_pause_and_several_in_a_row_are_lasting() -> None:
    order = Order()
    order.failed("a", now=100, permanent=False)
    assert order.next(NAMES, tried=(), now=100 + PAUSE - 0.1) == "b"
    assert order.next(NAMES, tried=(), now=100 + PAUSE) == "a"
    order.failed("a", now=200, permanent=False)
    assert order.next(NAMES, tried=(), now=200 + 2 * PAUSE - 0.1) == "b"
    assert order.next(NAMES, tried=(), now=200 + 2 * PAUSE) == "a"
    order.failed("a", now=300, permanent=False)
    assert order.is_out("a")


def test_success_forgives() -> None:
    order = Order()
    for _ in range(3 * STRIKES):
        order.failed("a", now=0, permanent=False)
        order.useless("a")
        order.worked("a")
    assert not order.is_out("a")
    assert order.next(NAMES, tried=(), now=PAUSE) == "a"


def test_a_service_may_ask_for_a_longer_pause() -> None:
    order = Order()
    order.failed("a", now=0, permanent=False, retry_after=500)
    assert order.next(NAMES, tried=(), now=499) == "b"
    assert order.next(NAMES, tried=(), now=500) == "a"


def test_nonsense_costs_no_pause_but_not_for_ever() -> None:
    order = Order()
    for _ in range(STRIKES - 1):
        order.useless("a")
        assert order.next(NAMES, tried=(), now=0) == "a"
    order.useless("a")
    assert order.next(NAMES, tried=(), now=0) == "b"


def test_a_translation_is_kept_by_text_and_languages() -> None:
    cache = Cache()
    cache.keep("hi", "hallo", source="en", target="de")
    assert cache.find("hi", source="en", target="de") == "hallo"
    assert cache.find("hi", source="en", target="fr") == ""
    assert cache.find("hi", source="nl", target="de") == ""
    assert cache.find("ho", source="en", target="de") == ""


def test_the_one_that_was_not_used_for_longest_goes() -> None:
    cache = Cache(texts=2)
    cache.keep("a", "A", source="en", target="de")
    cache.keep("b", "B", source="en", target="de")
    assert cache.find("a", source="en", target="de") == "A"
    cache.keep("c", "C", source="en", target="de")
    found = [cache.find(text, source="en", target="de") for text in "abc"]
    assert found == ["A", "", "C"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 30)), max_size=60))
def test_the_cache_stays_within_its_bounds(kept: list[tuple[str, int]]) -> None:
    cache = Cache(texts=4, chars=50)
    sizes: dict[str, int] = {}
    for text, size in kept:
        cache.keep(text, "x" * size, source="en", target="de")
        sizes[text] = size
        assert len(cache) <= 4
        held = [t for t in sizes if cache.find(t, source="en", target="de")]
        assert cache.size == sum(1 + sizes[t] for t in held) <= 50
        assert len(cache) == len(held)
        assert (text in held) == (0 < size < 50)
