"""Push-to-talk: the microphone is kept ready, and a turn begins with what was said just before its key."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.errors import NoMicrophone
from neko_cli.core.events import (
    InputMode,
    Levels,
    LinkWord,
    Notice,
    Outcome,
    ReplyAudio,
    SoundPath,
    Status,
    StatusChanged,
    TurnEnded,
)
from neko_cli.core.listening import READY_FOR
from neko_cli.core.pcm import SILENCE_DBFS
from neko_cli.core.profile import parse
from tests.core.test_own_turns import QUIET, SPEECH, frames, uttered
from tests.core.test_tape import FakeTape
from tests.fakes.sound import FakeSound, FakeSpeaker
from tests.fakes.staging import profile, staged
from tests.fakes.virtual import virtual

FRAME_BYTES = 480
"""10 ms at 24 kHz."""


def key(**turns):
    return profile(turns={"detection": "manual", "key_silence_ms": 0, **turns})


def frame(number: int) -> bytes:
    return number.to_bytes(2, "little") * (FRAME_BYTES // 2)


def numbers(said: bytes) -> list[int]:
    return [int.from_bytes(said[at : at + 2], "little") for at in range(0, len(said), FRAME_BYTES)]


async def hears(stage, first: int, last: int) -> None:
    """Frames with these numbers, each in its time."""
    for number in range(first, last + 1):
        stage.microphones[-1].hear(frame(number))
        await stage.passes(0.01)


async def press(stage) -> None:
    await stage.session.start_listening()


async def release(stage, *, commit: bool = True) -> None:
    await stage.session.stop_listening(commit=commit)


async def turn(stage, server, first: int, last: int) -> list[int]:
    """One turn by key with these frames; what the server was sent of it."""
    await press(stage)
    await hears(stage, first, last)
    await release(stage)
    said = numbers(await uttered(server))
    await server.expect("response.create")
    number = stage.core.turns.turn.number
    server.tell("input_audio_buffer.committed", item_id=f"u{number}", previous_item_id=None)
    server.reply(f"r{number}", "Yes.")
    await stage.until(TurnEnded)
    return said


@virtual
async def test_what_was_said_just_before_the_key_belongs_to_the_turn():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        assert await turn(stage, server, 1, 20) == list(range(1, 21)), "the first key opens the microphone"
        await hears(stage, 21, 120)
        server.nothing_more()
        assert await turn(stage, server, 121, 140) == list(range(91, 141)), "300 ms, and no frame twice"
        await hears(stage, 141, 150)
        assert await turn(stage, server, 151, 170) == list(range(141, 171)), "only what came since"
        assert len(stage.microphones) == 1


@virtual
async def test_a_microphone_that_is_only_ready_is_not_on():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        levels = stage.session.events(levels=True)
        await turn(stage, server, 1, 100)
        await hears(stage, 101, 200)
        assert stage.microphones[-1].is_open
        assert not stage.session.state.is_listening
        assert stage.session.state.status is Status.IDLE
        assert stage.core.listening.level == SILENCE_DBFS
        await stage.passes(1.0)
        assert [event.ready for event in stage.told(SoundPath)][-1]
        await stage.session.end_session()
        told = [event async for event in levels if isinstance(event, Levels)]
        assert (told[0].microphone, told[-1].microphone) == (-30.0, SILENCE_DBFS)


@virtual
async def test_it_can_be_closed_between_two_turns():
    async with staged(key(key_prefix_ms=0)) as stage:
        server = await stage.start(InputMode.AUDIO)
        assert await turn(stage, server, 1, 20) == list(range(1, 21))
        assert not stage.microphones[0].is_open
        assert await turn(stage, server, 21, 40) == list(range(21, 41))
        assert len(stage.microphones) == 2
        assert not any(event.ready for event in stage.told(SoundPath))


@virtual
async def test_an_utterance_that_was_dropped_leaves_it_ready():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await press(stage)
        await hears(stage, 1, 20)
        await release(stage, commit=False)
        assert (await stage.until(TurnEnded)).outcome is Outcome.CANCELLED
        assert stage.microphones[0].is_open
        await stage.passes(0.1)
        while not server.to_server.empty():
            server.to_server.get_nowait()
        assert await turn(stage, server, 21, 40) == list(range(21, 41)), "none of what was dropped"


@virtual
async def test_a_key_that_was_only_tapped_says_nothing():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await hears(stage, 21, 60)
        await press(stage)
        await hears(stage, 61, 65)
        await release(stage)
        assert (await stage.until(TurnEnded)).outcome is Outcome.CANCELLED
        kinds = []
        while not server.to_server.empty():
            kinds.append(server.to_server.get_nowait()["type"])
        assert "input_audio_buffer.commit" not in kinds


@virtual
async def test_half_duplex_keeps_the_characters_own_voice_out_of_it():
    speaker = FakeSpeaker()
    async with staged({**key(), "sound": {"duplex": "half"}}, speaker=speaker) as stage:
        server = await stage.start(InputMode.AUDIO)
        await press(stage)
        await hears(stage, 1, 20)
        await release(stage)
        await uttered(server)
        await server.expect("response.create")
        server.reply("r1", "La la la.", sound_ms=1000)
        await stage.until(ReplyAudio)
        await hears(stage, 21, 60)
        await press(stage)
        await hears(stage, 61, 80)
        await release(stage)
        await server.expect("conversation.item.truncate")
        said = numbers(await uttered(server))
        # Right after it is stopped the room still echoes, which is silence as well.
        assert said[:44] == [0] * 44
        assert said[45:] == list(range(76, 81))


@virtual
async def test_a_recording_has_each_frame_once_and_none_that_was_not_sent():
    tape = FakeTape()
    async with staged(key(), tape=tape) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await hears(stage, 21, 120)
        await turn(stage, server, 121, 140)
        assert numbers(b"".join(sound for sound, _, _ in tape.sound)) == [*range(1, 21), *range(91, 141)]
        assert all(live for _, _, live in tape.sound)


@virtual
async def test_one_that_dies_while_nobody_talks_is_no_news():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await stage.passes(1.0)
        assert stage.told(SoundPath)[-1].ready
        stage.microphones[0].hear(NoMicrophone("It was unplugged."))
        await stage.passes(1.0)
        assert stage.told(Notice) == []
        assert not stage.told(SoundPath)[-1].ready
        assert await turn(stage, server, 21, 40) == list(range(21, 41))
        assert len(stage.microphones) == 2


@virtual
async def test_one_that_nobody_needs_is_closed_after_a_while():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await stage.passes(READY_FOR - 10)
        await turn(stage, server, 21, 40)
        await stage.passes(READY_FOR - 10)
        assert stage.microphones[0].is_open
        await stage.passes(20)
        assert not stage.microphones[0].is_open
        assert not stage.told(SoundPath)[-1].ready
        await turn(stage, server, 41, 60)
        assert len(stage.microphones) == 2


@virtual
async def test_hands_free_and_pause_and_the_end_close_it():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await stage.session.set_push_to_talk(False)
        assert not stage.microphones[0].is_open
        await stage.session.start_listening()
        assert stage.session.state.is_listening
        await stage.session.stop_listening()
        assert not stage.microphones[1].is_open, "hands-free, nothing is kept ready"
        await stage.session.set_push_to_talk(True)
        await stage.passes(0.1)
        while not server.to_server.empty():
            server.to_server.get_nowait()
        await turn(stage, server, 21, 40)
        await stage.session.pause()
        assert not stage.microphones[2].is_open
        await stage.session.resume()
        assert len(stage.microphones) == 3, "it was not on"
        await turn(stage, server, 41, 60)
        await stage.session.end_session()
        assert not stage.microphones[3].is_open


@pytest.mark.parametrize("change", [{"provider": {"name": "qwen"}}, {"turns": {"key_prefix_ms": 0}}])
@virtual
async def test_another_provider_gets_none_of_it(change):
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        table = key()
        for name, values in change.items():
            table[name] = {**table.get(name, {}), **values}
        await stage.session.switch_profile(parse(table, "x.toml"))
        await stage.passes(0.1)
        assert not stage.microphones[0].is_open


@virtual
async def test_another_profile_of_the_same_provider_changes_nothing():
    async with staged(key()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await stage.session.switch_profile(parse({**key(), "emotion": {"classify": "off"}}, "x.toml"))
        await hears(stage, 21, 60)
        assert stage.microphones[0].is_open
        assert await turn(stage, server, 61, 80) == list(range(31, 81))


@virtual
async def test_what_it_hears_wakes_no_parked_link_and_the_key_does():
    async with staged({**key(), "guard": {"park_minutes": 1}}) as stage:
        server = await stage.start(InputMode.AUDIO)
        await turn(stage, server, 1, 20)
        await stage.until(StatusChanged, link=LinkWord.PARKED)
        await frames(stage, SPEECH, 1000)
        assert stage.session.state.link is LinkWord.PARKED
        await hears(stage, 21, 60)
        await press(stage)
        await hears(stage, 61, 80)
        await release(stage)
        server = await stage.back()
        await server.expect("conversation.item.create")  # what was said before
        assert numbers(await uttered(server)) == list(range(31, 81))


@virtual
async def test_a_silence_that_ends_the_turn_leaves_it_ready_as_the_key_does():
    async with staged(key(key_silence_ms=1000)) as stage:
        server = await stage.start(InputMode.AUDIO)
        await press(stage)
        await frames(stage, SPEECH, 500)
        await frames(stage, QUIET, 1200)
        await uttered(server)
        assert not stage.session.state.is_listening
        assert stage.microphones[0].is_open


@virtual
async def test_another_microphone_is_chosen_meanwhile():
    devices = FakeSound(builtin=24_000, headset=24_000)
    async with staged(key(), sound=devices, speaker=devices.speaker("")) as stage:
        server = await stage.start(InputMode.AUDIO)
        stage.microphones = devices.microphones
        await turn(stage, server, 1, 20)
        changing = asyncio.create_task(stage.session.use_microphone("headset"))
        await stage.passes(0.01)
        await hears(stage, 21, 60)
        await changing
        assert [one.name for one in devices.microphone_open] == ["headset"]
        assert stage.session.devices.in_use(DeviceKind.MICROPHONE) == "headset"
        assert not stage.session.state.is_listening
        assert await turn(stage, server, 61, 80) == list(range(31, 81))
        assert stage.told(Notice) == []


@virtual
async def test_one_that_is_unplugged_meanwhile_is_replaced_when_the_key_is_pressed():
    devices = FakeSound(headset=24_000, builtin=24_000)
    table = {**key(), "sound": {"microphone": "headset"}}
    async with staged(table, sound=devices, speaker=devices.speaker("builtin")) as stage:
        server = await stage.start(InputMode.AUDIO)
        stage.microphones = devices.microphones
        await turn(stage, server, 1, 20)
        devices.unplug("headset")
        await stage.passes(30.0)
        assert stage.told(Notice) == []
        assert devices.microphone_open == []
        await press(stage)
        await stage.passes(0.1)
        assert [one.name for one in devices.microphone_open] == ["builtin"]
        assert len(stage.told(Notice)) == 1, "the default is used until it is there"


@virtual
async def test_a_microphone_that_hangs_while_it_is_closed_can_be_opened_again():
    async with staged(key(key_prefix_ms=0)) as stage:
        server = await stage.start(InputMode.AUDIO)
        await press(stage)
        await hears(stage, 1, 20)
        hangs = asyncio.Event()
        stage.microphones[0].close = hangs.wait
        closing = asyncio.create_task(stage.session.stop_listening())
        await stage.passes(0.1)
        closing.cancel()
        await stage.passes(0.1)
        assert not stage.session.state.is_listening
        await stage.session.interrupt()
        await stage.passes(0.1)
        while not server.to_server.empty():
            server.to_server.get_nowait()
        assert await turn(stage, server, 21, 40) == list(range(21, 41))
        hangs.set()
