"""Translations behind a conversation: order, failures, limits, and never a word lost or late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from neko_cli.core.errors import CredentialsError, LinkError, NekoError, RateLimited, ServerFault
from neko_cli.core.profile import parse
from neko_cli.core.translating import Wishes
from tests.fakes.translations import HALLO, HELLO, LIMIT, WORDS, Desk, raising, translating
from tests.fakes.virtual import virtual


@virtual
async def test_a_text_is_translated_once_and_its_names_stay() -> None:
    desk = Desk()
    async with translating(desk) as work:
        assert await work.translate_if_needed(HELLO) == HALLO
        assert await work.translate_if_needed("Thank you, Neko!") == "Danke, Neko!"
        assert await work.translate_if_needed(HELLO) == HALLO
    assert desk.asked == [(HELLO, "en", "de"), ("Thank you, [[71]]!", "en", "de")]


@virtual
async def test_what_needs_no_translation_is_told_to_nobody() -> None:
    desk = Desk()
    async with translating(desk) as work:
        for text in (HALLO, "", "Neko!", "😀", "12:30", "https://the.example/and"):
            assert await work.translate_if_needed(text) == text
    async with translating(desk, wishes=Wishes("", "en")) as work:
        assert await work.translate_if_needed(HELLO) == HELLO
    async with translating() as work:
        assert await work.translate_if_needed(HELLO) == HELLO
    assert desk.asked == []


@virtual
async def test_what_is_expected_can_be_said_for_one_text() -> None:
    desk = Desk(lambda text: "In Ordnung")
    async with translating(desk, wishes=Wishes("de", "ja")) as work:
        assert await work.translate_if_needed("Okay", spoken="en") == "In Ordnung"
        assert await work.translate_if_needed("Alright", spoken="de") == "Alright"
    assert desk.asked == [("Okay", "en", "de")]


@pytest.mark.parametrize(
    ("trouble", "times"),
    [
        (raising(CredentialsError("key")), 1),
        (raising(LinkError("down")), 1),  # and not within its pause
        (raising(RateLimited("slow", retry_after=1)), 1),
        (raising(ServerFault("5xx")), 1),
        (raising(RuntimeError("a bug of somebody else's")), 1),
        (raising(KeyError("what")), 1),
        (lambda text: "", 3),
        (lambda text: text, 3),
        (lambda text: "Ich helfe gern! " * 50, 3),
        (lambda text: "I am sorry, but I cannot help you with this.", 3),
    ],
)
def test_the_next_one_is_asked_and_the_failure_remembered(trouble: Callable[[str], str], times: int) -> None:
    @virtual
    async def check() -> None:
        bad, good = Desk(trouble), Desk(lambda text: f"Das ist die Nummer {text[-1]}")
        async with translating(bad, good) as work:
            for number in range(6):
                translated = await work.translate_if_needed(f"This is the number {number}")
                assert translated == f"Das ist die Nummer {number}"
        assert (len(bad.asked), len(good.asked)) == (times, 6)

    check()


@virtual
async def test_a_passing_failure_is_tried_again_after_its_pause() -> None:
    state = {"error": True}

    def moody(text: str) -> str:
        if state["error"]:
            raise ServerFault("busy")
        return WORDS[text]

    desk = Desk(moody)
    async with translating(desk) as work:
        assert await work.translate_if_needed(HELLO) == HELLO
        state["error"] = False
        assert await work.translate_if_needed(HELLO) == HELLO
        assert len(desk.asked) == 1
        await asyncio.sleep(31)  # virtual
        assert await work.translate_if_needed(HELLO) == HALLO


@virtual
async def test_one_that_hangs_costs_its_time_limit_and_is_cancelled() -> None:
    slow, good = Desk(), Desk()
    slow.seconds = 1e6
    loop = asyncio.get_running_loop()
    async with translating(slow, good) as work:
        began = loop.time()
        assert await work.translate_if_needed(HELLO) == HALLO
        assert loop.time() - began == pytest.approx(LIMIT)
        assert slow.busy == 0
        assert await work.translate_if_needed("Good morning") == "Guten Morgen"
        assert loop.time() - began == pytest.approx(LIMIT)


@virtual
async def test_when_nobody_can_the_original_stays() -> None:
    async with translating(Desk(raising(LinkError("down"))), Desk(raising(NekoError("no")))) as work:
        assert await work.translate_if_needed(HELLO) == HELLO


@virtual
async def test_an_answer_that_is_the_text_is_fine_where_the_language_was_a_guess() -> None:
    echo = Desk(lambda text: text)
    async with translating(echo) as work:
        for text in ("Okay", "Taxi", "Radio", "Hotel", "Pizza"):
            assert await work.translate_if_needed(text) == text
        echo.answer = WORDS.__getitem__
        assert await work.translate_if_needed(HELLO) == HALLO


@virtual
async def test_what_comes_back_is_cleaned() -> None:
    desk = Desk(lambda text: "\x1b[31mHallo,\u202e wie geht\x07 es dir?\x1b[0m\n")
    async with translating(desk) as work:
        assert await work.translate_if_needed(HELLO) == HALLO


@virtual
async def test_what_goes_out_is_cleaned() -> None:
    desk = Desk()
    async with translating(desk) as work:
        assert await work.translate_if_needed("\x1b[31mHello, how\u200b are you?") == HALLO
    assert desk.asked[0][0] == HELLO


@virtual
async def test_a_long_text_goes_in_pieces_and_its_white_space_stays() -> None:
    desk = Desk(lambda text: {"This is one.": "Das ist eins.", "What is that?": "Was ist das?"}[text])
    async with translating(desk, chars=16) as work:
        assert await work.translate_if_needed("This is one.\n\nWhat is that? ...") == (
            "Das ist eins.\n\nWas ist das? ..."
        )
    assert desk.most_busy == 1


@virtual
async def test_a_lost_placeholder_sends_the_text_to_the_next_one() -> None:
    loses = Desk(lambda text: "Danke, mein Freund!")
    async with translating(loses, Desk()) as work:
        assert await work.translate_if_needed("Thank you, Neko!") == "Danke, Neko!"
    assert len(loses.asked) == 1


@virtual
async def test_one_request_is_under_way_for_each_service() -> None:
    desk = Desk(lambda text: f"Das ist die Nummer {text[-1]}")
    desk.seconds = 1
    async with translating(desk) as work, asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(work.translate_if_needed(f"This is the number {number}"))
    assert (len(desk.asked), desk.most_busy) == (5, 1)


@virtual
async def test_the_same_text_asked_for_twice_at_once_is_translated_once() -> None:
    desk = Desk()
    desk.seconds = 1
    async with translating(desk) as work, asyncio.TaskGroup() as group:
        tasks = [group.create_task(work.translate_if_needed(HELLO)) for _ in range(3)]
    assert [task.result() for task in tasks] == [HALLO] * 3
    assert len(desk.asked) == 1


@virtual
async def test_one_that_is_busy_is_passed_over_without_blame() -> None:
    busy, other = Desk(), Desk(lambda text: "Guten Morgen")
    busy.seconds = LIMIT - 0.5
    wishes = Wishes("de", "en", (), LIMIT)
    async with translating(busy, other, wishes=wishes) as work, asyncio.TaskGroup() as group:
        group.create_task(work.translate_if_needed(HELLO))
        await asyncio.sleep(0)
        busy.answer = lambda text: {HELLO: HALLO}.get(text, "Danke!")
        second = group.create_task(work.translate_if_needed("Good evening"))
        third = group.create_task(work.translate_if_needed("Good night"))
        # The second waits for the first; the third waits too long, and asks the other one.
    assert second.result() == "Danke!"
    assert third.result() == "Guten Morgen"
    assert len(busy.asked) == 2


def test_the_wishes_of_a_profile() -> None:
    profile = parse(
        {
            "character": {"name": "Mimi", "language": "zh-CN"},
            "user": {"name": "Sam", "language": "German"},
            "translate": {"names": ["Rome"], "time_limit": 3, "order": ["google", "chat"]},
        },
        "x.toml",
    )
    assert Wishes.of(profile) == Wishes("de", "zh", ("Mimi", "Sam", "Rome"), 3)
    assert Wishes.of(parse({}, "x.toml")).wanted == ""
