"""Moments that are easily got wrong: what overtakes what, and what comes twice or too late."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import AudioError, LinkError, NekoError
from neko_cli.core.events import (
    InputMode,
    LinkWord,
    Outcome,
    ReplyAudio,
    Status,
    StatusChanged,
    TurnEnded,
)
from neko_cli.core.state import TurnState
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
from tests.fakes.staging import turn_state

MANUAL = {"turns": {"detection": "manual"}}
HALF_A_SECOND = b"\x01\x00" * 12_000


class Gate:
    """Holds every dial until it is opened."""

    def __init__(self, stage) -> None:
        self._dial = stage.session._core.links._dial
        self.entered = asyncio.Queue()
        self.doors = []
        stage.session._core.links._dial = self

    async def __call__(self, profile, spec):
        door = asyncio.Event()
        self.doors.append(door)
        self.entered.put_nowait(None)
        await door.wait()
        return await self._dial(profile, spec)


# Starting and stopping


async def test_a_session_ended_while_it_dials_makes_no_connection(make_stage):
    stage = make_stage()
    gate = Gate(stage)
    starting = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await gate.entered.get()
    await stage.session.end_session()
    gate.doors[0].set()
    async with asyncio.timeout(2):
        (error,) = await starting
    assert isinstance(error, NekoError)
    assert stage.transport.connections.empty()
    assert stage.session.state.link is LinkWord.CLOSED


async def test_a_session_ended_in_the_hand_shake_frees_who_waits_for_the_start(make_stage):
    stage = make_stage()
    starting = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await stage.transport.accepted()
    await stage.session.end_session()
    async with asyncio.timeout(2):
        (error,) = await starting
    assert isinstance(error, NekoError)


async def test_start_stop_start_leaves_one_connection(make_stage):
    stage = make_stage()
    gate = Gate(stage)
    first = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await gate.entered.get()
    await stage.session.end_session()
    second = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await gate.entered.get()
    gate.doors[1].set()
    server = await stage.transport.accepted()
    gate.doors[0].set()
    async with asyncio.timeout(2):
        (error,) = await first
        assert isinstance(error, NekoError)
        await server.configured()
        assert await second == [None]
    assert stage.transport.connections.empty()
    await stage.session.send_message("hello")
    await server.expect("conversation.item.create")


async def test_two_starts_at_once_make_one_connection(make_stage):
    stage = make_stage()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(stage.session.start_session(InputMode.TEXT))
        group.create_task(stage.session.start_session(InputMode.TEXT))
        server = await stage.transport.accepted()
        await server.configured()
    assert stage.transport.connections.empty()


async def test_ending_at_once_after_starting_ends_it(make_stage):
    stage = make_stage()
    starting = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await asyncio.sleep(0)
    await stage.session.end_session()
    async with asyncio.timeout(2):
        (error,) = await starting
    assert isinstance(error, NekoError)
    assert stage.session.state.link is LinkWord.CLOSED


async def test_a_start_after_a_loss_does_not_watch_twice(make_stage):
    stage = make_stage()
    for _ in range(3):
        server = await stage.start()
        server.drop(1008)
        await stage.until(StatusChanged, new=Status.ERROR)
    await stage.start()
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert names.count("watch") == 1


async def test_the_microphone_needs_a_session(make_stage):
    stage = make_stage()
    with pytest.raises(LinkError):
        await stage.session.start_listening()
    assert not any(microphone.is_open for microphone in stage.microphones)


async def test_a_reply_that_came_whole_is_heard_to_its_end_when_the_link_goes(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("speak")
    server.reply("r1", "All of it.", sound_ms=1000)
    await stage.until(ReplyAudio)
    await speaker.holds(990)
    await turn_state(stage, TurnState.DRAINING)
    server.drop(1008)
    await stage.until(StatusChanged, new=Status.ERROR)
    assert speaker.queued_ms > 900
    speaker.advance(2000)
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "All of it.")


# The key and the microphone


async def test_the_key_without_a_connection_leaves_no_turn_open(make_stage):
    stage = make_stage(MANUAL)
    server = await stage.start(InputMode.AUDIO)
    server.drop(1008)
    await stage.until(StatusChanged, new=Status.ERROR)
    await stage.session.start_listening()
    await stage.session.stop_listening(commit=True)
    started = stage.session._core.turns.turn.number
    if started:
        assert (await stage.until(TurnEnded)).turn == started
    assert stage.session._core.turns.state is TurnState.IDLE


async def test_a_broken_microphone_leaves_a_typed_question_alone(make_stage):
    stage = make_stage(microphone=lambda: FakeMicrophone(error=AudioError("no such device")))
    server = await stage.start()
    await stage.session.send_message("hello")
    with pytest.raises(AudioError):
        await stage.session.start_listening()
    server.reply("r1", "Hello to you.")
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.text, ended.outcome) == (1, "Hello to you.", Outcome.COMPLETE)


async def test_a_tap_on_the_key_asks_for_nothing(make_stage):
    """Less than 100 ms cannot be committed; a reply to nothing would follow."""
    stage = make_stage(MANUAL)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(b"\x01\x00" * 240)
    await server.expect("input_audio_buffer.append")
    await stage.session.stop_listening(commit=True)
    await server.expect("input_audio_buffer.clear")
    assert (await stage.until(TurnEnded)).outcome is Outcome.CANCELLED
    server.nothing_more()


async def test_typing_while_the_key_is_down_leaves_no_sound_for_the_next_utterance(make_stage):
    stage = make_stage(MANUAL)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(HALF_A_SECOND)
    await server.expect("input_audio_buffer.append")
    await stage.session.send_message("never mind")
    await server.expect("input_audio_buffer.clear")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    stage.microphones[0].hear(HALF_A_SECOND)
    await server.expect("input_audio_buffer.append")
    await stage.session.stop_listening(commit=True)
    await server.expect("input_audio_buffer.clear")
    server.nothing_more()


async def test_streamed_sound_over_a_reply_cancels_it_where_no_detector_does(make_stage):
    stage = make_stage(MANUAL, speaker=FakeSpeaker())
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    await stage.session.stream_data(AudioChunk(HALF_A_SECOND, 24_000))
    await server.expect("response.cancel", response_id="r1")
    assert (await stage.until(TurnEnded)).outcome is Outcome.INTERRUPTED


async def test_pausing_twice_still_brings_the_microphone_back(make_stage):
    stage = make_stage()
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    await stage.session.pause()
    await stage.session.pause()
    await stage.session.resume()
    assert stage.session.state.is_listening


async def test_sound_streamed_while_connecting_is_committed_where_no_detector_listens(make_stage):
    stage = make_stage(MANUAL)
    starting = asyncio.gather(stage.session.start_session(InputMode.AUDIO))
    server = await stage.transport.accepted()
    await stage.session.stream_data(AudioChunk(HALF_A_SECOND, 24_000))
    await server.configured()
    await starting
    stage.session.finish_input()
    await server.expect("input_audio_buffer.append")
    await server.expect("input_audio_buffer.commit")
    await server.expect("response.create")
