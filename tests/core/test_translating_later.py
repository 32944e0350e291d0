"""Texts that are submitted: translated behind the conversation, the oldest giving way."""

from __future__ import annotations

from neko_cli.core.translating import WAITING, Service
from tests.fakes.translations import HALLO, HELLO, Desk, translating, until
from tests.fakes.virtual import virtual


@virtual
async def test_a_submitted_text_is_told_later() -> None:
    told: list[tuple[object, str]] = []
    desk = Desk()
    desk.seconds = 2
    async with translating(desk, told=told) as work:
        assert work.submit((1, "reply"), HELLO) is None
        assert work.submit((2, "reply"), HALLO) is None
        assert work.submit((3, "reply"), "Good morning") is None
        assert told == []
        await until(lambda: len(told) == 2)
        assert told == [((1, "reply"), HALLO), ((3, "reply"), "Guten Morgen")]
        assert work.waiting == 0
        # The work is taken up again when there is some.
        work.submit((4, "notice"), HELLO)
        await until(lambda: len(told) == 3)


@virtual
async def test_the_oldest_gives_way_and_is_named() -> None:
    told: list[tuple[object, str]] = []
    desk = Desk(lambda text: f"Das ist die Nummer {text.split()[-1]}")
    desk.seconds = 1
    async with translating(desk, told=told) as work:
        assert work.submit("first", "This is the number x") is None
        await until(lambda: desk.busy == 1)
        for number in range(WAITING):
            assert work.submit(number, f"This is the number {number}") is None
        assert work.submit("new", "This is the number new") == 0
        # A newer text of one that waits takes its place, and nobody's else.
        assert work.submit(1, "This is the number one") is None
        assert (work.waiting, work.dropped) == (WAITING, 1)
        await until(lambda: len(told) == WAITING + 1)
    assert [key for key, _ in told] == ["first", *range(1, WAITING), "new"]
    assert (1, "Das ist die Nummer one") in told


@virtual
async def test_nothing_is_submitted_to_a_session_that_is_over() -> None:
    told: list[tuple[object, str]] = []
    desk = Desk()
    desk.seconds = 5
    async with translating(desk, told=told) as work:
        work.submit("a", HELLO)
        await until(lambda: desk.busy == 1)
    assert desk.busy == 0
    assert work.submit("b", HELLO) == "b"
    assert told == []


@virtual
async def test_what_waits_can_be_forgotten_and_services_replaced() -> None:
    told: list[tuple[object, str]] = []
    desk, other = Desk(), Desk()
    desk.seconds = 1
    async with translating(desk, told=told) as work:
        work.submit("a", HELLO)
        await until(lambda: desk.busy == 1)
        work.submit("b", "Good morning")
        work.clear()
        work.replace([Service("other", other)])
        work.submit("c", "Good morning")
        await until(lambda: len(told) == 2)
    assert told == [("a", HALLO), ("c", "Guten Morgen")]
    assert (len(desk.asked), len(other.asked)) == (1, 1)
