"""Standby links that get lost, old or refused; time passes at once."""

from __future__ import annotations

import asyncio

from neko_cli.core.errors import LinkError
from neko_cli.core.events import (
    Energy,
    Failure,
    LinkWord,
    Outcome,
    StatusChanged,
    Swap,
    TurnEnded,
)
from neko_cli.core.profile import parse
from neko_cli.core.swap_plan import StandbyState
from tests.fakes.staging import COLD, TALK, asks, exchange, profile, staged, told, with_door
from tests.fakes.virtual import virtual

WARM = profile(swap={"standby": "warm"})


# -- standby links --------------------------------------------------------------------------------


@virtual
async def test_a_warm_link_that_is_lost_is_made_anew_without_a_word():
    async with staged(WARM) as stage:
        await stage.start()
        standby = await stage.back()
        assert 3.0 <= stage.core.now() <= 4.0
        begun = len(stage.seen)
        standby.drop(1011)
        again = await stage.back(3.0)
        await stage.passes(5.0)
        assert stage.core.swapper.standby_state is StandbyState.READY
        assert again.closing is None
        assert stage.told(Failure) == []
        assert [e for e in stage.seen[begun:] if not isinstance(e, StatusChanged)][1:] == []


@virtual
async def test_a_provider_that_ends_standby_links_at_once_is_not_asked_again_and_again():
    async with staged(WARM) as stage:
        with_door(stage)
        await stage.start()
        for _ in range(30):
            try:
                standby = await stage.back(60.0)
            except TimeoutError:
                break
            standby.drop(1011)
        await stage.passes(60.0)
        assert len(stage.transport.all) <= 15 + stage.core.now() / 10


@virtual
async def test_a_warm_link_is_renewed_before_it_grows_old():
    async with staged(WARM, capabilities={"max_session": None, "idle_close": 60.0}) as stage:
        await stage.start()
        first = await stage.back()
        second = await stage.back(40.0)
        assert 33.0 <= stage.core.now() <= 36.0
        await stage.passes(1.0)
        assert first.closing.code == 1000
        assert second.closing is None
        assert stage.told(Swap) == []


@virtual
async def test_a_warm_link_that_takes_over_is_told_what_it_has_missed_and_another_is_made():
    async with staged(WARM) as stage:
        server = await stage.start()
        standby = await stage.back()
        await exchange(stage, server)
        server.drop(1006)
        assert await told(standby, 2) == TALK
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned, swap.from_link, swap.to_link) == ("lost", False, 1, 2)
        assert swap.gap_ms <= 20.0
        await exchange(stage, standby, "Who am I?", "Mia.")
        another = await stage.back(10.0)
        assert await told(another, 4) == [*TALK, ("user", "Who am I?"), ("assistant", "Mia.")]


@virtual
async def test_a_standby_link_made_in_mid_turn_is_asked_only_once_what_was_asked():
    async with staged(WARM) as stage:
        server = await stage.start()
        await stage.session.send_message("What is a cat?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        standby = await stage.back()
        server.drop(1006)
        assert await told(standby, 1) == [("user", "What is a cat?")]
        await standby.expect("response.create")
        standby.nothing_more()
        standby.reply("r1", "A small tiger.")
        assert (await stage.until(TurnEnded)).text == "A small tiger."


@virtual
async def test_a_standby_link_for_a_swap_that_a_lost_link_forestalled_is_not_kept():
    """``auto`` keeps none where idle links cost something: the swap it was made for has happened."""
    async with staged({**COLD, "swap": {"standby": "auto"}}) as stage:
        server = await stage.start()
        await stage.passes(20.0)
        await stage.session.swap()
        standby = await stage.transport.accepted()  # being configured
        server.drop(1006)
        server = await stage.transport.accepted()
        await server.configured()
        await stage.until(Swap)
        await standby.configured()
        await stage.passes(5.0)
        assert stage.core.swapper.standby_state is StandbyState.NONE
        assert standby.closing is not None
        assert server.closing is None


@virtual
async def test_without_a_place_for_history_a_standby_link_is_made_when_nobody_is_talking():
    async with staged(COLD, capabilities={"seed_history": False}) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await asks(stage, server, "And?")
        await stage.session.swap()
        await stage.passes(5.0)
        assert stage.transport.connections.empty()
        server.reply("r9", "So.")
        standby = await stage.back(1.0)
        for words in ("I am Mia.", "Hello Mia.", "And?", "So."):
            assert stage.configuration["instructions"].count(words) == 1
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("user", True)
        standby.nothing_more()


@virtual
async def test_words_typed_while_a_link_is_made_without_a_place_for_history_are_not_lost():
    async with staged(COLD, capabilities={"seed_history": False}) as stage:
        server = await stage.start()
        await asks(stage, server, "My name is Mia.")
        server.drop(1006)
        made = await stage.transport.connections.get()
        await stage.session.send_message("Who am I?")
        await made.configured()
        fresh = await stage.back(1.0)
        assert stage.configuration["instructions"].count("My name is Mia.") == 1
        assert "Who am I?" not in stage.configuration["instructions"]
        item = await fresh.expect("conversation.item.create")
        assert item["item"]["content"][0]["text"] == "Who am I?"
        await fresh.expect("response.create")
        made.nothing_more()
        fresh.nothing_more()


@virtual
async def test_nor_are_words_typed_while_a_link_that_closed_first_is_replaced():
    async with staged(COLD, capabilities={"seed_history": False}) as stage:
        with_door(stage).one_at_a_time = True
        await stage.start()
        await stage.session.swap()
        async with asyncio.timeout(5.0):
            made = await stage.transport.connections.get()
        await stage.session.send_message("My name is Mia.")
        await stage.session.send_message("Who am I?")
        await made.configured()
        fresh = await stage.back(3.0)
        assert stage.configuration["instructions"].count("My name is Mia.") == 1
        item = await fresh.expect("conversation.item.create")
        assert item["item"]["content"][0]["text"] == "Who am I?"
        made.nothing_more()
        assert stage.told(Energy) == []
        assert stage.told(Failure) == []


@virtual
async def test_what_is_typed_while_it_is_made_anew_is_told_with_the_next_text():
    """Whoever types on while a second link is made is not kept waiting for a third."""
    async with staged(COLD, capabilities={"seed_history": False}) as stage:
        with_door(stage).one_at_a_time = True
        await stage.start()
        await stage.session.swap()
        made = await stage.transport.connections.get()
        await stage.session.send_message("My name is Mia.")
        await stage.session.send_message("I live in Ulm.")
        await made.configured()
        again = await stage.transport.connections.get()
        await stage.session.send_message("Who am I?")
        configuration = await again.configured()
        assert "My name is Mia." in configuration["instructions"]
        assert "Ulm" not in configuration["instructions"]
        item = await again.expect("conversation.item.create")
        assert item["item"]["content"][0]["text"] == "I live in Ulm.\nWho am I?"
        await again.expect("response.create")
        again.nothing_more()
        assert stage.told(Failure) == []


# -- links that cannot be made beside the live one ----------------------------------------------


@virtual
async def test_where_no_second_link_is_let_in_the_first_is_closed_before():
    async with staged(COLD) as stage:
        with_door(stage).one_at_a_time = True
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.swap()
        fresh = await stage.back(2.0)
        assert stage.transport.refused == 1
        assert server.closing.code == 1000
        assert await told(fresh, 2) == TALK
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("user", True)
        await exchange(stage, fresh, "Who am I?", "Mia.")
        assert stage.told(Failure) == []
        assert stage.told(Energy) == []  # a limit on links at a time is none on requests
        await stage.session.swap()
        await stage.back(2.0)
        assert stage.transport.refused == 1  # it was learned once


@virtual
async def test_another_region_is_another_provider_that_may_let_a_second_link_in():
    tables = {"swap": {"standby": "cold"}}
    async with staged(tables) as stage:
        door = with_door(stage)
        door.one_at_a_time = True
        await stage.start()
        await stage.session.swap()
        await stage.back(2.0)
        await stage.until(StatusChanged, link=LinkWord.PARKED)
        assert door.refused == 1
        await stage.session.switch_profile(parse({**tables, "provider": {"region": "there"}}, "test.toml"))
        await stage.session.send_message("I am Mia.")
        there = await stage.back(2.0)
        await there.expect("conversation.item.create")
        await there.expect("response.create")
        there.reply("r1", "Hello Mia.")
        await stage.until(TurnEnded)
        door.one_at_a_time = False
        await stage.session.swap()
        await stage.back(2.0)
        assert there.closing is None
        assert (await stage.until(Swap)).reason == "user"


@virtual
async def test_where_no_second_link_is_let_in_a_warm_one_is_done_without():
    async with staged(WARM) as stage:
        with_door(stage).one_at_a_time = True
        await stage.start()
        await stage.passes(600.0)
        assert stage.transport.refused == 1
        assert len(stage.transport.all) == 1


@virtual
async def test_a_large_context_is_made_short_also_where_no_second_link_is_let_in():
    tables = {**COLD, "swap": {"standby": "cold", "turns": 6}}
    async with staged(tables) as stage:
        with_door(stage).one_at_a_time = True
        server = await stage.start()
        for n in range(6):
            await exchange(stage, server, f"question {n}", f"answer {n}")
        fresh = await stage.back(2.0)
        assert len(await told(fresh, 8)) == 8
        assert (await stage.until(Swap)).reason == "context"
        fresh.nothing_more()  # the last four turns


@virtual
async def test_a_link_that_cannot_be_made_leaves_the_old_one_in_peace():
    async with staged(COLD) as stage:
        door = with_door(stage)
        server = await stage.start()
        await exchange(stage, server)
        door.error = LinkError("No route.")
        await stage.session.swap()
        await stage.passes(0.4)
        assert door.refused == 1
        assert server.closing is None
        await exchange(stage, server, "Still there?", "Yes.")
        door.error = None
        await stage.back(3.0)
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("user", True)
        assert stage.told(Failure) == []


@virtual
async def test_a_link_that_is_closed_before_and_cannot_be_made_again_is_made_later():
    async with staged(COLD) as stage:
        door = with_door(stage)
        server = await stage.start()
        await exchange(stage, server)
        door.error = LinkError("No route.")
        await stage.session.swap()
        await stage.until(Failure)
        assert door.refused >= 4  # three times beside the live link, then in its place
        await stage.session.send_message("Hello?")
        door.error = None
        fresh = await stage.back()
        assert await told(fresh, 3) == [*TALK, ("user", "Hello?")]
        await fresh.expect("response.create")
        fresh.reply("r9", "Yes.")
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE
        assert len(stage.told(Failure)) == 1
