"""Sessions that go on by a handle, are started again, or end in mid-swap; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.capabilities import Resume
from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    NoticeKind,
    StatusChanged,
    Swap,
)
from neko_cli.core.profile import parse
from neko_cli.core.provider_events import GoingAway, HandleTold
from neko_cli.core.uplink import TAIL_MS
from tests.fakes.outlet import numbered
from tests.fakes.staging import COLD, TALK, exchange, profile, sound, staged, told, with_door
from tests.fakes.virtual import virtual

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
@pytest.mark.parametrize("manual", [True, False])
async def test_an_utterance_that_was_complete_is_ended_on_the_next_link_as_well(manual):
    """The microphone was closed while sound still waited for a slow link, and then the link was lost.

    A key's commit, or the silence by which a detector hears the end, goes after all of the sound.
    """
    turns = {"detection": "manual" if manual else "server"}
    async with staged(profile(turns=turns)) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        stage.microphones[-1].hear(numbered(1, 2400))
        await server.expect("input_audio_buffer.append")
        if not manual:
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
        whole = numbered(1, 2400) + b"".join(numbered(2401 + 240 * n, 2400) for n in range(40))
        assert await sound(server, len(whole)) == whole
        if manual:
            await server.expect("input_audio_buffer.commit")
            await server.expect("response.create")
        else:
            silence_ms = int(stage.core.profile.turns.silence_ms + TAIL_MS)
            assert await sound(server, 48 * silence_ms) == bytes(48 * silence_ms)
        await stage.passes(1.0)
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
