"""The character falls silent for whoever may be speaking over it, and goes on after a false alarm."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from neko_cli.core.events import InputMode, Outcome, ReplyAudio, SpeechStarted, TurnEnded
from tests.core.test_own_turns import QUIET, RATE, SPEECH, frames, uttered
from tests.fakes.sound import FakeSound, FakeSpeaker
from tests.fakes.staging import profile, sound, staged
from tests.fakes.virtual import virtual

LOUD = b"\x00\x20" * (len(QUIET) // 2)
"""What stands out of a room's noise, and is no speech to the detector of this test."""

FULL = {"duplex": "full"}
STORY = "One two three four five six."


@contextlib.asynccontextmanager
async def telling(*, path=FULL, ms=3000, whole=True, heard=1000, speaker=None, **turns):
    """A character in the middle of a reply, and an open microphone; gives stage, server and loudspeaker."""
    speaker = speaker or FakeSpeaker()
    async with staged(profile(turns=turns, sound=path), speaker=speaker) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.session.send_message("Tell.")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.begin("r1")
        server.words("r1", STORY, spoken=True)
        server.sound("r1", ms)
        if whole:
            server.done("r1")
        await stage.until(ReplyAudio)
        await speaker.holds(ms)
        speaker.advance(heard)
        await stage.passes(0.01)
        yield stage, server, speaker


async def hears(stage, frame, ms):
    """The microphone hears this, in its own time."""
    for _ in range(ms // 10):
        stage.microphones[-1].hear(frame)
        await stage.passes(0.01)


def kinds(server):
    """What the server was sent besides sound."""
    told = []
    while not server.to_server.empty():
        told.append(server.to_server.get_nowait())
    return [event for event in told if event["type"] != "input_audio_buffer.append"]


# -- the provider ends turns --------------------------------------------------------------------


@virtual
async def test_the_character_falls_silent_before_the_provider_says_a_word():
    async with telling() as (stage, server, speaker):
        await hears(stage, SPEECH, 100)
        assert speaker.is_held, "64 ms of speech, as our own detector hears"
        speaker.advance(500)
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        ended = await stage.until(TurnEnded)
        assert (ended.outcome, ended.heard_ms, ended.text) == (Outcome.INTERRUPTED, 1000.0, "One two")
        assert (speaker.is_held, speaker.queue) == (False, b"")
        (cut,) = kinds(server)
        assert (cut["type"], cut["audio_end_ms"]) == ("conversation.item.truncate", 1000)
        await hears(stage, QUIET, 3000)
        assert not speaker.is_held


@virtual
async def test_the_word_may_come_after_the_speech_is_over():
    async with telling() as (stage, server, speaker):
        await hears(stage, SPEECH, 200)
        await hears(stage, QUIET, 700)
        assert speaker.is_held
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        assert (await stage.until(TurnEnded)).heard_ms == 1000.0
        assert not speaker.is_held


@virtual
async def test_after_a_false_alarm_the_reply_goes_on_where_it_was():
    async with telling() as (stage, server, speaker):
        waits = bytes(speaker.queue)
        await hears(stage, SPEECH, 200)
        speaker.advance(1000)
        await hears(stage, QUIET, 1100)
        assert not speaker.is_held
        assert bytes(speaker.queue) == waits
        speaker.advance(5000)
        ended = await stage.until(TurnEnded)
        assert (ended.outcome, ended.heard_ms, ended.text) == (Outcome.COMPLETE, 3000.0, STORY)
        assert kinds(server) == []
        assert stage.told(SpeechStarted) == []


@virtual
async def test_a_false_alarm_can_stop_the_reply():
    async with telling(whole=False, false_alarm="stop") as (stage, server, speaker):
        await hears(stage, SPEECH, 200)
        await hears(stage, QUIET, 1100)
        (ended,) = stage.told(TurnEnded)
        assert (ended.outcome, ended.heard_ms, ended.text) == (Outcome.INTERRUPTED, 1000.0, "One two")
        assert [event["type"] for event in kinds(server)] == ["response.cancel", "conversation.item.truncate"]
        assert (speaker.is_held, speaker.queue) == (False, b"")


@virtual
async def test_a_noise_that_goes_on_is_given_up_until_it_is_quiet():
    async with telling(ms=20_000) as (stage, _, speaker):
        await hears(stage, SPEECH, 1900)
        assert speaker.is_held
        await hears(stage, SPEECH, 300)
        assert not speaker.is_held, "two seconds without a word from the provider"
        await hears(stage, SPEECH, 2000)
        assert not speaker.is_held
        await hears(stage, QUIET, 500)
        await hears(stage, SPEECH, 100)
        assert speaker.is_held


@virtual
async def test_nobody_waits_longer_when_the_microphone_gives_nothing_any_more():
    async with telling() as (stage, _, speaker):
        await hears(stage, SPEECH, 200)
        assert speaker.is_held
        await stage.passes(2.1)
        assert not speaker.is_held


@pytest.mark.parametrize(
    "options", [{"duck": False}, {"interrupt": False}, {"path": {"duplex": "half"}}, {"detection": "manual"}]
)
@virtual
async def test_nothing_is_held_where_it_is_not_wanted(options):
    async with telling(**options) as (stage, _, speaker):
        await hears(stage, SPEECH, 500)
        assert not speaker.is_held


@virtual
async def test_muting_the_microphone_lets_the_reply_go_on():
    async with telling() as (stage, _, speaker):
        await hears(stage, SPEECH, 200)
        assert speaker.is_held
        await stage.session.stop_listening()
        assert not speaker.is_held
        assert speaker.queued_ms == 2000


@virtual
async def test_what_is_typed_meanwhile_stops_the_reply_as_ever():
    async with telling() as (stage, server, speaker):
        await hears(stage, SPEECH, 200)
        await stage.session.send_message("Never mind.")
        (ended,) = stage.told(TurnEnded) or (await stage.until(TurnEnded),)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, 1000.0)
        assert (speaker.is_held, speaker.queue) == (False, b"")
        await hears(stage, QUIET, 1500)
        assert not speaker.is_held


@virtual
async def test_sound_that_comes_meanwhile_waits_and_is_no_underrun():
    async with telling(whole=False) as (stage, server, speaker):
        await hears(stage, SPEECH, 200)
        server.sound("r1", 1000)
        await stage.until(ReplyAudio)
        server.done("r1")
        await hears(stage, SPEECH, 100)
        assert speaker.is_held
        assert speaker.queued_ms == 3000
        await hears(stage, QUIET, 1200)
        speaker.advance(3000)
        assert (await stage.until(TurnEnded)).heard_ms == 4000.0
        assert stage.core.playout.jitter.underruns == 0


@virtual
async def test_nothing_is_over_while_it_is_held():
    """The last moment of a reply waits as well: no turn ends, no link is given up, nothing is asked again."""
    async with telling(heard=2990) as (stage, server, speaker):
        for _ in range(4):
            await hears(stage, SPEECH, 100)
            assert speaker.is_held
            speaker.advance(1000)
            await hears(stage, QUIET, 400)
        assert stage.told(TurnEnded) == []
        await hears(stage, QUIET, 1000)
        speaker.advance(1000)
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE
        assert kinds(server) == []


@virtual
async def test_another_loudspeaker_is_held_in_its_place():
    devices = FakeSound(first=24_000, second=24_000)
    speaker = devices.speaker("")
    async with telling(speaker=speaker) as (stage, _, _):
        await hears(stage, SPEECH, 100)
        second = devices.speaker("second")
        await stage.core.playout.change(second)
        assert second.is_held
        assert not speaker.is_held
        assert second.queued_ms == 2000
        assert stage.core.playout.heard_ms() == 1000.0
        await hears(stage, QUIET, 1200)
        assert not second.is_held
        second.advance(3000)
        assert (await stage.until(TurnEnded)).heard_ms == 3000.0


@virtual
async def test_a_server_that_was_done_long_ago_is_still_interrupted():
    """What counts is what is being played: servers send faster than anybody speaks."""
    async with telling(ms=60_000, heard=1000, duck=False) as (stage, server, speaker):
        await stage.passes(40.0)
        speaker.advance(40_000)
        assert stage.session.state.is_speaking
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        ended = await stage.until(TurnEnded)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, 41_000.0)
        assert speaker.queue == b""
        (cut,) = kinds(server)
        assert (cut["type"], cut["audio_end_ms"]) == ("conversation.item.truncate", 41_000)


@pytest.mark.parametrize(
    "tables",
    [
        {"sound": {"duplex": "half"}},
        {"sound": FULL, "turns": {"duck": False}},
        {"turns": {"interrupt": False}},
    ],
)
async def test_no_detector_is_loaded_where_none_is_wanted(make_stage, tables):
    made = []
    stage = make_stage(tables, speaker=FakeSpeaker(), detector=lambda: made.append(1))
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    await asyncio.sleep(0.05)
    assert made == []


async def test_the_detector_is_loaded_with_the_microphone_and_idle_while_nobody_is_spoken_over(make_stage):
    made = []

    class Counting:
        frame_bytes = 640
        judged = 0

        def __init__(self):
            made.append(self)

        def probability(self, frame):
            self.judged += 1
            return 0.0

        def reset(self):
            pass

    speaker = FakeSpeaker()
    stage = make_stage({"sound": FULL}, speaker=speaker, detector=Counting)
    server = await stage.start(InputMode.AUDIO)
    assert made == []
    await stage.session.start_listening()
    for _ in range(20):
        stage.microphones[-1].hear(LOUD)
    await stage.heard(20)
    async with asyncio.timeout(5):
        while not made:  # noqa: ASYNC110 - a thread makes it
            await asyncio.sleep(0.01)
    assert made[0].judged == 0
    await sound(server, 20 * len(LOUD))
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.reply("r1", "La la la.", sound_ms=1000)
    await stage.until(ReplyAudio)
    for _ in range(20):
        stage.microphones[-1].hear(LOUD)
    await stage.heard(40)
    assert made[0].judged >= 8
    assert len(made) == 1


# -- we end turns -------------------------------------------------------------------------------

LOCAL = {"detection": "local"}


@virtual
async def test_where_we_end_turns_speech_must_last_before_it_interrupts():
    async with telling(**LOCAL) as (stage, server, speaker):
        await hears(stage, QUIET, 1000)
        await hears(stage, SPEECH, 150)
        assert speaker.is_held
        assert stage.told(TurnEnded) == []
        await hears(stage, SPEECH, 250)
        (ended,) = stage.told(TurnEnded)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, 1000.0)
        assert (speaker.is_held, speaker.queue) == (False, b"")
        await hears(stage, QUIET, 1000)
        await server.expect("conversation.item.truncate")
        said = await uttered(server)
        assert said.count(SPEECH[:2]) == RATE * 4 // 10, "from before the first sound on"
        assert said.index(SPEECH[:2]) / 2 / RATE >= 0.3


@virtual
async def test_where_we_end_turns_a_cough_is_no_turn_and_takes_nothing_from_the_next():
    async with telling(**LOCAL) as (stage, server, speaker):
        waits = bytes(speaker.queue)
        await hears(stage, SPEECH, 120)
        assert speaker.is_held
        await hears(stage, QUIET, 300)
        assert not speaker.is_held, "nobody else can say what it was"
        assert bytes(speaker.queue) == waits
        await hears(stage, QUIET, 1000)
        assert kinds(server) == []
        await hears(stage, SPEECH, 400)
        await hears(stage, QUIET, 1000)
        await server.expect("conversation.item.truncate")
        assert (await uttered(server)).count(SPEECH[:2]) == RATE * 4 // 10


@virtual
async def test_where_we_end_turns_a_cough_can_stop_the_reply():
    async with telling(false_alarm="stop", **LOCAL) as (stage, server, speaker):
        await hears(stage, SPEECH, 120)
        await hears(stage, QUIET, 400)
        (ended,) = stage.told(TurnEnded)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, 1000.0)
        await hears(stage, QUIET, 1000)
        assert [event["type"] for event in kinds(server)] == ["conversation.item.truncate"]
        assert stage.told(SpeechStarted) == []


@pytest.mark.parametrize(("turns", "held"), [({"confirm_ms": 0}, False), ({"duck": False}, False)])
@virtual
async def test_how_sure_we_must_be_can_be_chosen(turns, held):
    async with telling(**LOCAL, **turns) as (stage, _, speaker):
        await hears(stage, SPEECH, 100)
        assert speaker.is_held is held
        assert bool(stage.told(TurnEnded)) is ("confirm_ms" in turns)
        await hears(stage, SPEECH, 300)
        assert stage.told(TurnEnded)[0].outcome is Outcome.INTERRUPTED


@virtual
async def test_what_is_said_while_the_reply_comes_to_its_end_is_the_next_turn():
    async with telling(**LOCAL, duck=False, heard=2900) as (stage, server, speaker):
        await hears(stage, SPEECH, 100)
        speaker.advance(1000)
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE
        await hears(stage, SPEECH, 100)
        assert stage.told(SpeechStarted)
        await hears(stage, QUIET, 1000)
        assert (await uttered(server)).count(SPEECH[:2]) == RATE * 2 // 10


@virtual
async def test_what_is_typed_takes_the_place_of_what_was_not_certain():
    async with telling(**LOCAL) as (stage, server, _):
        await hears(stage, SPEECH, 150)
        await stage.session.send_message("Never mind.")
        await hears(stage, QUIET, 2000)
        types = [event["type"] for event in kinds(server)]
        assert types == ["conversation.item.truncate", "conversation.item.create", "response.create"]


@virtual
async def test_speech_after_the_reply_begins_at_once():
    async with telling(**LOCAL) as (stage, _, speaker):
        speaker.advance(5000)
        await stage.until(TurnEnded)
        await frames(stage, SPEECH, 100)
        assert stage.told(SpeechStarted)


# -- what is played is not always of the present turn ----------------------------------------------


@pytest.mark.parametrize("by", ["speech", "text", "key"])
@virtual
async def test_the_end_of_a_reply_is_stopped_as_well_while_the_next_one_is_awaited(by):
    """A provider that begins another reply by itself, while all of the last one still waits to be heard."""
    turns = {"detection": "manual"} if by == "key" else {}
    async with telling(**turns) as (stage, server, speaker):
        server.begin("r2")
        await stage.until(TurnEnded)
        assert speaker.queued_ms == 2000
        if by == "speech":
            await hears(stage, SPEECH, 100)
            assert speaker.is_held
            server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
            await stage.until(TurnEnded)
        elif by == "text":
            await stage.session.send_message("Stop.")
        else:
            await stage.session.interrupt()
        assert (speaker.is_held, speaker.queue) == (False, b"")


@virtual
async def test_half_duplex_keeps_the_end_of_an_earlier_reply_out_of_the_microphone_too():
    async with telling(path={"duplex": "half"}) as (stage, server, speaker):
        server.begin("r2")
        await stage.until(TurnEnded)
        await stage.passes(1.0)
        kinds(server)
        await hears(stage, SPEECH, 100)
        assert set(await sound(server, 10 * len(SPEECH))) == {0}


@virtual
async def test_an_empty_reply_after_it_does_not_make_the_end_of_a_reply_unstoppable():
    async with telling() as (stage, server, speaker):
        server.begin("r2")
        server.done("r2")
        await stage.until(TurnEnded, turn=2)
        assert speaker.queued_ms == 2000
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await stage.passes(0.1)
        assert speaker.queue == b""
