"""A session ends whole: nothing stays open, nothing holds it up, nothing is left to the next one."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import AudioChunk, ScreenFrame
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    SessionEnded,
    StatusChanged,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.life import LAST_WORDS, PHASE_TIMEOUT
from neko_cli.core.swap_plan import StandbyState
from tests.fakes.outlet import numbered
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import COLD, exchange, profile, sound, staged, with_door, works
from tests.fakes.virtual import virtual

WARM = profile(swap={"standby": "warm"})
END = 2.0
"""Seconds that an end may take in which nothing hangs."""


async def never(*_: object) -> None:
    await asyncio.Event().wait()


async def ended(stage, within: float) -> None:
    """End the session; nothing of it is left."""
    began = stage.core.now()
    await stage.session.end_session()
    assert stage.core.now() - began <= within
    await stage.until(SessionEnded)
    assert stage.session.state.link is LinkWord.CLOSED
    assert not stage.core.owner.is_open


# -- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(InputMode))
@virtual
async def test_no_link_is_kept_open_for_a_next_time(mode):
    async with staged(COLD) as stage:
        server = await stage.start(mode)
        await exchange(stage, server)
        await ended(stage, END)
        assert (server.closing.code, server.closing.by_us) == (1000, True)


@virtual
async def test_a_standby_link_is_closed_as_well():
    async with staged(WARM) as stage:
        server = await stage.start()
        standby = await stage.back()
        await stage.passes(0.1)
        assert stage.core.swapper.standby_state is StandbyState.READY
        await ended(stage, END)
        for connection in (server, standby):
            assert (connection.closing.code, connection.closing.by_us) == (1000, True)


@virtual
async def test_a_standby_link_that_is_being_configured_is_closed_as_well():
    async with staged(WARM) as stage:
        await stage.start()
        standby = await stage.transport.accepted()
        await ended(stage, END)
        assert standby.closing is not None
        await stage.passes(30.0)
        assert stage.transport.connections.empty()


@virtual
async def test_a_standby_link_that_is_being_dialled_is_never_made():
    async with staged(WARM) as stage:
        door = with_door(stage)
        await stage.start()
        dial, dialled = stage.core.links._dial, asyncio.Event()

        async def slowly(profile, spec):
            dialled.set()
            await asyncio.sleep(5.0)
            return await dial(profile, spec)

        stage.core.links._dial = slowly
        await dialled.wait()
        await ended(stage, END)
        await asyncio.sleep(30.0)
        assert len(door.all) == 1


@virtual
async def test_a_close_of_ours_that_the_other_side_answers_late_is_no_lost_link():
    async with staged(COLD) as stage:
        door = with_door(stage)
        server = await stage.start()
        await exchange(stage, server)

        async def late(code=1000, reason=""):
            asyncio.get_running_loop().call_later(1.0, server.drop, 1006)

        server.close = late
        await ended(stage, 5.0)
        await asyncio.sleep(60.0)
        assert len(door.all) == 1
        assert stage.told(Failure) == []
        assert stage.session.state.link is LinkWord.CLOSED


@virtual
async def test_a_start_that_is_cancelled_closes_what_it_had_opened():
    async with staged(COLD) as stage:
        starting = asyncio.ensure_future(stage.session.start_session(InputMode.TEXT))
        server = await stage.transport.accepted()
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await asyncio.sleep(0.1)
        assert server.closing is not None
        await asyncio.sleep(60.0)
        assert stage.transport.connections.empty()
        assert stage.session.state.link is LinkWord.CLOSED
        await works(stage, await stage.start())


# -- what hangs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("hangs", ["microphone", "link", "loudspeaker", "all of them"])
@virtual
async def test_what_will_not_close_holds_up_nothing_else(hangs):
    speaker = FakeSpeaker()
    async with staged(COLD, speaker=speaker) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        (microphone,) = stage.microphones
        parts = {"microphone": microphone, "link": server, "loudspeaker": speaker}
        for name, part in parts.items():
            if hangs in (name, "all of them"):
                part.close = never
        await ended(stage, 3 * PHASE_TIMEOUT if hangs == "all of them" else PHASE_TIMEOUT + END)
        still_open = {"microphone": microphone.is_open, "loudspeaker": speaker.is_open}
        still_open["link"] = server.closing is None
        assert {name for name, is_open in still_open.items() if is_open} == (
            set(parts) if hangs == "all of them" else {hangs}
        )


@virtual
async def test_a_second_end_is_not_told_to_who_came_after_the_first():
    async with staged(COLD) as stage:
        await stage.start()
        await ended(stage, END)
        late = stage.session.events()
        await stage.session.end_session()
        await stage.session.cleanup()
        stage.reader, stage.seen = late, []
        await stage.passes(5.0)
        assert stage.told(SessionEnded) == []


# -- what was said last -------------------------------------------------------------------------


async def spoken(stage):
    """An utterance that the provider has taken, and whose words are due."""
    server = await stage.start(InputMode.AUDIO)
    await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    await stage.passes(0.1)
    return server


@virtual
async def test_words_that_are_due_belong_to_the_conversation():
    async with staged(COLD) as stage:
        server = await spoken(stage)
        kind = "conversation.item.input_audio_transcription.completed"
        asyncio.get_running_loop().call_later(
            LAST_WORDS / 2, lambda: server.tell(kind, item_id="u1", content_index=0, transcript="Bye.")
        )
        await ended(stage, END)
        assert [text.text for text in stage.told(UserText, final=True)] == ["Bye."]
        assert isinstance(stage.seen[-1], SessionEnded)
        assert [m.text for m in stage.core.memories["call"].recent()] == ["Bye."]


@virtual
async def test_words_that_do_not_come_are_not_waited_for_for_ever():
    async with staged(COLD) as stage:
        await spoken(stage)
        await ended(stage, LAST_WORDS + 0.5)


# -- the next session ---------------------------------------------------------------------------


@virtual
async def test_nothing_that_waited_for_a_link_goes_to_the_next_session():
    """Sound, text, pictures and wishes of a session that ends in an outage end with it."""
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
        await stage.session.swap()
        await stage.transport.accepted()  # the next link, which is never configured
        server.drop(1006)
        await stage.until(StatusChanged, link=LinkWord.RECONNECTING)
        await stage.session.stream_data(AudioChunk(numbered(2401, 2400), 24_000))
        await stage.session.stream_data(ScreenFrame(b"\xff\xd8jpeg", "image/jpeg", 4, 4))
        await stage.session.send_message("Never mind.")
        await ended(stage, END)
        turns = (len(stage.told(TurnStarted)), len(stage.told(TurnEnded)))
        assert turns == (1, 1)
        server = await stage.start(InputMode.AUDIO, new=True)
        await stage.passes(10.0)
        server.nothing_more()
        assert stage.transport.connections.empty()
        assert stage.told(TurnStarted) == []
        await stage.session.stream_data(AudioChunk(numbered(9, 240), 24_000))
        assert await sound(server, 480) == numbered(9, 240)
        server.nothing_more()


@virtual
async def test_a_start_that_was_called_off_leaves_nothing_to_the_next():
    async with staged(COLD) as stage:
        starting = asyncio.gather(stage.session.start_session(InputMode.AUDIO), return_exceptions=True)
        await stage.transport.accepted()
        await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
        await stage.session.send_message("Never mind.")
        await stage.session.end_session()
        await starting
        server = await stage.start(InputMode.AUDIO, new=True)
        await stage.passes(10.0)
        server.nothing_more()
