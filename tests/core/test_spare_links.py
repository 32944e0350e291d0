"""Spare links that get lost, old or refused, and sessions that go on by a handle; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.capabilities import Resume
from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import LinkError, RateLimited
from neko_cli.core.events import (
    Energy,
    Failure,
    InputMode,
    LinkWord,
    Notice,
    NoticeKind,
    Outcome,
    StatusChanged,
    Swap,
    TurnEnded,
)
from neko_cli.core.profile import parse
from neko_cli.core.provider_events import GoingAway, HandleTold
from neko_cli.core.swap_plan import SpareState
from tests.fakes.outlet import numbered
from tests.fakes.staging import staged, texts_of
from tests.fakes.virtual import virtual
from tests.fakes.wire import FakeConnection, FakeTransport

COLD = {"swap": {"standby": "cold"}, "guard": {"park_minutes": 0}}
WARM = {"swap": {"standby": "warm"}, "guard": {"park_minutes": 0}}
TALK = [("user", "I am Mia."), ("assistant", "Hello Mia.")]


async def exchange(stage, server, question="I am Mia.", answer="Hello Mia."):
    """One turn over the fake wire."""
    number = len(stage.told(TurnEnded)) + 1
    await stage.session.send_message(question)
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.reply(f"r{number}", answer)
    assert (await stage.until(TurnEnded)).text == answer


async def told(server, count):
    return texts_of([await server.expect("conversation.item.create") for _ in range(count)])


class Door(FakeTransport):
    """A provider that lets in one link at a time, or none, when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.one_at_a_time = False
        self.all: list[FakeConnection] = []
        self.refused = 0

    async def open(self, endpoint, *, timeout=10.0):
        inside = [c for c in self.all if c.closing is None]
        if (self.one_at_a_time and inside) or self.error is not None:
            self.refused += 1
            raise self.error or RateLimited("One session at a time.", code="429")
        self.all.append(await super().open(endpoint, timeout=timeout))
        return self.all[-1]


def with_door(stage) -> Door:
    """Put a door into the stage's way, before it starts."""
    stage.transport = stage.core.links._transport = Door()
    return stage.transport


# -- spare links --------------------------------------------------------------------------------


@virtual
async def test_a_warm_link_that_is_lost_is_made_anew_without_a_word():
    async with staged(WARM) as stage:
        await stage.start()
        spare = await stage.back()
        assert 3.0 <= stage.core.now() <= 4.0
        begun = len(stage.seen)
        spare.drop(1011)
        again = await stage.back(3.0)
        await stage.passes(5.0)
        assert stage.core.swapper.spare_state is SpareState.READY
        assert again.closing is None
        assert stage.told(Failure) == []
        assert [e for e in stage.seen[begun:] if not isinstance(e, StatusChanged)][1:] == []


@virtual
async def test_a_provider_that_ends_spare_links_at_once_is_not_asked_again_and_again():
    async with staged(WARM) as stage:
        with_door(stage)
        await stage.start()
        for _ in range(30):
            try:
                spare = await stage.back(60.0)
            except TimeoutError:
                break
            spare.drop(1011)
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
        spare = await stage.back()
        await exchange(stage, server)
        server.drop(1006)
        assert await told(spare, 2) == TALK
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned, swap.from_link, swap.to_link) == ("lost", False, 1, 2)
        assert swap.gap_ms <= 20.0
        await exchange(stage, spare, "Who am I?", "Mia.")
        another = await stage.back(10.0)
        assert await told(another, 4) == [*TALK, ("user", "Who am I?"), ("assistant", "Mia.")]


@virtual
async def test_a_spare_link_made_in_mid_turn_is_asked_only_once_what_was_asked():
    async with staged(WARM) as stage:
        server = await stage.start()
        await stage.session.send_message("What is a cat?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        spare = await stage.back()
        server.drop(1006)
        assert await told(spare, 1) == [("user", "What is a cat?")]
        await spare.expect("response.create")
        spare.nothing_more()
        spare.reply("r1", "A small tiger.")
        assert (await stage.until(TurnEnded)).text == "A small tiger."


@virtual
async def test_a_spare_link_for_a_swap_that_a_lost_link_forestalled_is_not_kept():
    """``auto`` keeps none where idle links cost something: the swap it was made for has happened."""
    async with staged({**COLD, "swap": {"standby": "auto"}}) as stage:
        server = await stage.start()
        await stage.passes(20.0)
        await stage.session.swap()
        spare = await stage.transport.accepted()  # being configured
        server.drop(1006)
        server = await stage.transport.accepted()
        await server.configured()
        await stage.until(Swap)
        await spare.configured()
        await stage.passes(5.0)
        assert stage.core.swapper.spare_state is SpareState.NONE
        assert spare.closing is not None
        assert server.closing is None


@virtual
async def test_without_a_place_for_history_a_spare_link_is_made_when_nobody_is_talking():
    async with staged(COLD, capabilities={"seed_history": False}) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.send_message("And?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        await stage.session.swap()
        await stage.passes(5.0)
        assert stage.transport.connections.empty()
        server.reply("r9", "So.")
        spare = await stage.back(1.0)
        for words in ("I am Mia.", "Hello Mia.", "And?", "So."):
            assert stage.configuration["instructions"].count(words) == 1
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("user", True)
        spare.nothing_more()


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


# -- by a handle --------------------------------------------------------------------------------

STYLES = pytest.mark.parametrize("style", [Resume.HANDLE, Resume.CONVERSATION])


def resumable(style, **more):
    return {"resume": style, "max_session": 600.0, "renew_before": 60.0, **more}


async def begun(stage, handle="h1"):
    """A session whose provider has told a handle, and one turn."""
    server = await stage.start()
    assert "conversation" not in server.endpoint.url
    server.tell("conversation.created", conversation={"id": handle})
    await exchange(stage, server)
    return server


@STYLES
@virtual
async def test_a_session_goes_on_by_its_handle_once_the_old_link_is_closed(style):
    async with staged(COLD, capabilities=resumable(style)) as stage:
        door = with_door(stage)
        door.one_at_a_time = True
        server = await begun(stage)
        again = await stage.back()
        assert stage.core.now() == pytest.approx(540.0, abs=2.0)
        assert door.refused == 0  # nobody tried before the old one was closed
        assert server.closing.code == 1000
        assert "conversation=h1" in again.endpoint.url
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("limit", True)
        await stage.passes(1.0)
        again.nothing_more()  # it knows what was said
        assert stage.told(Failure) == []
        await exchange(stage, again, "Who am I?", "Mia.")


@STYLES
@virtual
async def test_a_lost_session_goes_on_by_its_newest_handle(style):
    async with staged(COLD, capabilities=resumable(style)) as stage:
        server = await begun(stage)
        stage.core.provider_event(HandleTold("h2"))
        server.drop(1006)
        again = await stage.back()
        assert "conversation=h2" in again.endpoint.url
        await stage.until(Swap)
        await stage.passes(1.0)
        again.nothing_more()


@virtual
async def test_a_handle_that_was_taken_back_is_not_used():
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        server = await begun(stage)
        stage.core.provider_event(HandleTold(""))
        server.drop(1006)
        again = await stage.back()
        assert "conversation" not in again.endpoint.url
        assert await told(again, 2) == TALK


@pytest.mark.parametrize("code", [1007, 1008])
@virtual
async def test_a_handle_that_is_refused_leads_to_one_fresh_session_and_a_notice(code):
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        await begun(stage)
        stage.core.provider_event(GoingAway(20.0))
        refused = await stage.transport.accepted()
        assert "conversation=h1" in refused.endpoint.url
        refused.drop(code, "No such session.")
        fresh = await stage.back()
        assert "conversation" not in fresh.endpoint.url
        assert await told(fresh, 2) == TALK
        await stage.until(Swap)
        await stage.passes(30.0)
        assert stage.transport.connections.empty()
        notices = [n.text for n in stage.told(Notice, kind=NoticeKind.SESSION) if "own session" in n.text]
        assert len(notices) == 1
        assert stage.told(Failure, fatal=True) == []
        await exchange(stage, fresh, "Who am I?", "Mia.")


@virtual
async def test_what_was_typed_while_there_was_no_link_is_told_to_a_session_that_goes_on():
    """It knows what was said before, and nothing of what was not said over it."""
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        server = await begun(stage)
        server.drop(1006)
        await stage.until(StatusChanged, link=LinkWord.RECONNECTING)
        await stage.session.send_message("one")
        await stage.session.send_message("two")
        again = await stage.back()
        assert "conversation=h1" in again.endpoint.url
        assert await told(again, 2) == [("user", "one"), ("user", "two")]
        await again.expect("response.create")
        again.nothing_more()


@virtual
async def test_a_reply_that_is_heard_to_its_end_without_a_link_is_known_to_a_session_that_goes_on():
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        server = await begun(stage)
        await stage.session.send_message("And?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r2", "So.")
        server.drop(1006)
        again = await stage.back()
        await stage.until(Swap)
        await stage.passes(1.0)
        again.nothing_more()
        assert [m.text for m in stage.session.memory.recent()][-2:] == ["And?", "So."]


@virtual
async def test_a_handle_of_the_old_character_is_not_used_for_the_new_one():
    """Also when the provider tells it after the character was switched."""
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        with_door(stage).one_at_a_time = True
        server = await begun(stage)
        await stage.session.send_message("Hello?")  # a turn that keeps the swap waiting
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        other = parse({**COLD, "character": {"persona": "You are a dog."}}, "test.toml")
        await stage.session.switch_profile(other)
        server.tell("conversation.created", conversation={"id": "h2"})
        await stage.passes(0.01)
        server.drop(1006)
        fresh = await stage.back()
        assert "dog" in stage.configuration["instructions"]
        assert "conversation" not in fresh.endpoint.url


@virtual
async def test_calls_and_text_have_handles_of_their_own():
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        await begun(stage, "text-handle")
        await stage.session.end_session()
        call = await stage.start(InputMode.AUDIO)
        assert "conversation" not in call.endpoint.url
        call.tell("conversation.created", conversation={"id": "call-handle"})
        await stage.passes(0.1)
        await stage.session.end_session()
        text = await stage.start(InputMode.TEXT)
        assert "conversation=text-handle" in text.endpoint.url
        text.nothing_more()


@virtual
async def test_a_handle_s_age_counts_from_the_end_of_its_session():
    capabilities = resumable(Resume.CONVERSATION, max_session=7200.0, resume_ttl=1800.0)
    async with staged(COLD, capabilities=capabilities) as stage:
        await begun(stage)
        await stage.passes(3000.0)
        await stage.session.end_session()
        await stage.passes(60.0)
        again = await stage.start()
        assert "conversation=h1" in again.endpoint.url
        await stage.session.end_session()
        await stage.passes(1801.0)
        fresh = await stage.start()
        assert "conversation" not in fresh.endpoint.url


@virtual
async def test_a_new_session_forgets_the_handle():
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        await begun(stage)
        await stage.session.end_session()
        fresh = await stage.start(new=True)
        assert "conversation" not in fresh.endpoint.url
        fresh.nothing_more()


# -- sessions that are started again ------------------------------------------------------------


@virtual
async def test_a_session_that_is_started_again_is_no_swap():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.swap()
        await stage.back(1.0)
        await stage.until(Swap)
        await stage.session.end_session()
        server = await stage.start()
        await stage.passes(2.0)
        assert stage.told(Swap) == []
        await exchange(stage, server)


@virtual
async def test_nothing_is_opened_by_a_session_that_ends_in_the_middle_of_a_swap():
    async with staged(COLD, capabilities=resumable(Resume.HANDLE)) as stage:
        door = with_door(stage)
        server = await begun(stage)

        async def slowly(code=1000, reason=""):
            await asyncio.sleep(1.0)
            server.drop(code)

        server.close = slowly
        await stage.session.swap()
        await stage.until(StatusChanged, link=LinkWord.SWAPPING)
        await stage.session.end_session()
        await stage.passes(5.0)
        assert len(door.all) == 1
        assert stage.session.state.link is LinkWord.CLOSED


# -- an utterance whose end was not said yet ----------------------------------------------------


@virtual
async def test_an_utterance_that_was_complete_is_ended_on_the_next_link_though_no_detector_hears_it():
    """The microphone was closed while sound still waited for a slow link, and then the link was lost."""
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        stage.microphones[-1].hear(numbered(1, 2400))
        await server.expect("input_audio_buffer.append")
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await stage.passes(0.1)
        stuck = asyncio.Event()

        async def send(frame):
            await stuck.wait()

        server.send = send
        for n in range(40):
            stage.microphones[-1].hear(numbered(2401 + 240 * n, 2400))
        await stage.passes(0.1)
        await stage.session.stop_listening(commit=True)
        assert stage.core.uplink.waiting_ms > 0
        server.drop(1006)
        server = await stage.back()
        kinds = []
        while "input_audio_buffer.commit" not in kinds:
            async with asyncio.timeout(30.0):
                kinds.append((await server.to_server.get())["type"])
        assert set(kinds[:-1]) == {"input_audio_buffer.append"}
        await server.expect("response.create")
        server.nothing_more()


@virtual
async def test_sound_without_a_link_waits_for_it():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        server.drop(1006)
        await stage.until(StatusChanged, link=LinkWord.RECONNECTING)
        await stage.session.stream_data(AudioChunk(numbered(1, 480), 24_000))
        await stage.back()
        swap = await stage.until(Swap)
        assert (swap.resent_ms, swap.cached_ms) == (0.0, 20.0)
