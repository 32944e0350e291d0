"""A profile with which no link can be made costs nothing: the old one goes on; time passes at once."""

from __future__ import annotations

import pytest

from neko_cli.core.errors import CredentialsError, InvalidRequest, LinkError, RateLimited
from neko_cli.core.events import Energy, Failure, LinkWord, Notice, NoticeKind, Severity, Swap
from neko_cli.core.profile import parse
from tests.fakes.staging import (
    COLD,
    TALK,
    Door,
    Stage,
    exchange,
    profile,
    staged,
    told,
    with_door,
    works,
)
from tests.fakes.virtual import virtual

CAT = {"character": {"persona": "You are a cat."}}
DOG = {"character": {"persona": "You are a dog."}, "voice": {"name": "nobody"}}
GONE = "The new profile cannot be used: "
REFUSALS = [
    InvalidRequest("There is no such voice.", code="400"),
    CredentialsError("The key is wrong.", code="401"),
    RateLimited("Too many sessions.", code="429"),
    RateLimited("Too many requests.", code="429", retry_after=600.0),
    LinkError("No route."),
]
TRIES = [1, 1, 3, 1, 3]


class Wary(Door):
    """Knows no model of the name ``none``."""

    async def open(self, endpoint, *, timeout=10.0):
        if "model=none" in endpoint.url:
            self.refused += 1
            raise InvalidRequest("There is no such model.", code="400")
        return await super().open(endpoint, timeout=timeout)


async def chooses(stage: Stage, tables: dict) -> None:
    await stage.session.switch_profile(parse(profile(**tables), "test.toml"))


def notices(stage: Stage) -> list[Notice]:
    return stage.told(Notice, kind=NoticeKind.PROFILE)


@virtual
@pytest.mark.parametrize(
    ("error", "tries"), zip(REFUSALS, TRIES, strict=True), ids=["400", "401", "429", "later", "unreachable"]
)
async def test_the_old_link_goes_on(error, tries):
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        server = await stage.start()
        await exchange(stage, server)
        good, level = stage.session.profile, stage.core.next_link.energy.level("text")
        door.error = error
        await chooses(stage, DOG)
        await stage.passes(60.0)
        (notice,) = notices(stage)
        assert notice.severity is Severity.WARNING
        assert notice.text == f"{GONE}{error.message} The old one goes on."
        assert stage.session.profile == good
        assert door.refused == tries
        assert server.closing is None
        assert stage.core.next_link.energy.level("text") == level
        assert stage.told(Failure) == stage.told(Swap) == stage.told(Energy) == []
        await works(stage, server)


@virtual
async def test_a_link_that_is_lost_later_comes_back_as_it_was():
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        server = await stage.start()
        await exchange(stage, server)
        door.error = REFUSALS[0]
        await chooses(stage, DOG)
        await stage.until(Notice, kind=NoticeKind.PROFILE)
        door.error = None
        await stage.passes(20.0)
        server.drop(1006)
        again = await stage.back()
        assert "cat" in stage.configuration["instructions"]
        assert await told(again, 2) == TALK


@virtual
async def test_it_may_be_tried_again_and_another_one_too():
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        await stage.start()
        for _ in range(2):
            door.error = REFUSALS[0]
            await chooses(stage, DOG)
            await stage.until(Notice, kind=NoticeKind.PROFILE)
        door.error = None
        await chooses(stage, DOG)
        await stage.back(5.0)
        assert "dog" in stage.configuration["instructions"]
        assert (await stage.until(Swap)).reason == "character"
        assert len(notices(stage)) == 2


@virtual
async def test_a_refused_profile_does_not_make_a_swap_close_the_live_link_first():
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        server = await stage.start()
        door.error = REFUSALS[0]
        await chooses(stage, DOG)
        await stage.until(Notice, kind=NoticeKind.PROFILE)
        door.error = None
        await stage.session.swap()
        standby = await door.connections.get()
        assert server.closing is None
        assert "cat" in (await standby.configured())["instructions"]
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("user", True)
        await works(stage, standby)


@virtual
async def test_where_no_second_link_is_let_in_a_refusal_learned_before_closes_nothing():
    async with staged(profile(**CAT)) as stage:
        with_door(stage).one_at_a_time = True
        await stage.start()
        await stage.session.swap()
        second = await stage.back(5.0)
        await stage.until(Swap)
        await chooses(stage, DOG)
        await stage.session.swap()  # which would take the new profile along
        await stage.until(Notice, kind=NoticeKind.PROFILE)
        third = await stage.back(5.0)  # the user's wish, with the old one
        assert "cat" in stage.configuration["instructions"]
        assert second.closing is not None
        assert third.closing is None
        assert stage.told(Failure) == []


@virtual
async def test_what_was_changed_before_and_needs_no_link_stays():
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        await stage.start()
        await chooses(stage, {**CAT, "memory": {"messages": 7}})
        door.error = REFUSALS[0]
        await chooses(stage, {**DOG, "memory": {"messages": 9}})
        await stage.until(Notice, kind=NoticeKind.PROFILE)
        assert stage.session.profile.memory.messages == 7
        assert stage.session.memory.limit == 7


@virtual
async def test_energy_is_as_it_was():
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        await stage.start()
        stage.core.next_link.energy.rate_limited("text", stage.clock.time())
        tired = stage.core.next_link.energy.level("text")
        door.error = REFUSALS[0]
        await chooses(stage, {**DOG, "character": {"name": "Rex"}})
        assert stage.core.next_link.energy.level("text") > tired
        await stage.until(Energy, level=tired)
        assert stage.core.next_link.energy.level("text") == tired
        assert stage.core.board.energy == tired


@virtual
async def test_going_back_by_oneself_makes_no_other_link():
    async with staged(profile(**CAT)) as stage:
        door = with_door(stage)
        server = await stage.start()
        door.error = LinkError("No route.")
        await chooses(stage, DOG)
        await stage.passes(0.1)
        await chooses(stage, CAT)
        door.error = None
        await stage.passes(30.0)
        assert len(door.all) == 1
        assert server.closing is None
        assert notices(stage) == []


@virtual
async def test_a_profile_that_was_chosen_while_parked_does_not_keep_the_session_from_waking():
    async with staged({**CAT, "swap": {"standby": "cold"}}) as stage:
        door = stage.transport = stage.core.links._transport = Wary()
        await stage.start()
        await stage.passes(400.0)
        assert stage.session.state.link is LinkWord.PARKED
        await stage.session.switch_profile(
            parse({**DOG, "swap": {"standby": "cold"}, "provider": {"model": "none"}}, "test.toml")
        )
        await stage.session.send_message("Hello?")
        await stage.until(Notice, kind=NoticeKind.PROFILE)
        assert door.refused == 1
        server = await stage.back()
        assert "cat" in stage.configuration["instructions"]
        assert await told(server, 1) == [("user", "Hello?")]
        assert stage.told(Failure, fatal=True) == []


@virtual
async def test_who_starts_with_a_bad_profile_is_told_so():
    async with staged(COLD) as stage:
        door = with_door(stage)
        await stage.start()
        await stage.session.end_session()
        await chooses(stage, DOG)
        door.error = REFUSALS[0]
        with pytest.raises(InvalidRequest, match="no such voice"):
            await stage.session.start_session(stage.session.state.input_mode)
        assert stage.session.profile.voice.name == "nobody"
