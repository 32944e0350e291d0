"""Nobody notices a swap: no sample, no word and no event is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import base64

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import LinkError
from neko_cli.core.events import (
    Connected,
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    StatusChanged,
    Swap,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.provider_events import GoingAway
from tests.fakes.outlet import numbered
from tests.fakes.staging import COLD, TALK, exchange, staged, told, with_door, works
from tests.fakes.virtual import virtual

# -- nobody notices -----------------------------------------------------------------------------


@virtual
async def test_what_is_told_and_in_which_order():
    async with staged(COLD) as stage:
        await stage.start()
        await stage.until(Connected)
        before = len(stage.seen)
        await stage.session.swap()
        await stage.back(1.0)
        await stage.until(Swap)
        await stage.passes(5.0)
        kinds = [(type(e), getattr(e, "link", None)) for e in stage.seen[before:]]
        assert kinds == [
            (StatusChanged, LinkWord.SWAPPING),
            (StatusChanged, LinkWord.ONLINE),
            (Connected, None),
            (Swap, None),
        ]


@virtual
async def test_no_sample_is_lost_or_out_of_order_however_often_links_are_swapped():
    """The detector hears nothing, so the silence since the beginning is sent to each link again."""
    async with staged(COLD) as stage:
        servers = [await stage.start(InputMode.AUDIO)]
        pushed = 0
        for _ in range(3):
            for _ in range(20):
                await stage.session.stream_data(AudioChunk(numbered(pushed, 240), 24_000))
                pushed += 240
                await stage.passes(0.01)
            await stage.session.swap()
            servers.append(await stage.back(1.0))
            await stage.until(Swap)
            await stage.passes(0.1)
        got = [samples(server) for server in servers]
        assert got[0] == numbered(0, 4800)
        for n, sound in enumerate(got[1:], start=1):
            assert sound == numbered(0, 4800 * min(n + 1, 3))
        swaps = stage.told(Swap)
        assert [s.resent_ms for s in swaps] == [200.0, 400.0, 600.0]
        assert sum(map(len, got)) / 48 == pushed / 24 + sum(s.resent_ms for s in swaps)


def samples(server):
    """All sound that a server has got, out of what it was sent."""
    got = b""
    while not server.to_server.empty():
        event = server.to_server.get_nowait()
        if event["type"] == "input_audio_buffer.append":
            got += base64.b64decode(event["audio"])
    return got


@virtual
async def test_an_utterance_that_is_open_when_time_is_up_goes_to_the_next_link_whole():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        stage.core.provider_event(GoingAway(5.0))
        standby = await stage.back(2.0)
        swap = await stage.until(Swap)
        assert swap.at == pytest.approx(2.0, abs=0.5)
        assert swap.resent_ms == 100.0
        await stage.session.stream_data(AudioChunk(numbered(2401, 2400), 24_000))
        await stage.passes(0.1)
        assert samples(standby) == numbered(1, 4800)
        standby.tell("input_audio_buffer.speech_started", item_id="v1", audio_start_ms=0)
        standby.tell("input_audio_buffer.speech_stopped", item_id="v1", audio_end_ms=200)
        standby.tell("input_audio_buffer.committed", item_id="v1", previous_item_id=None)
        kind = "conversation.item.input_audio_transcription.completed"
        standby.tell(kind, item_id="v1", content_index=0, transcript="Hello.")
        standby.reply("r1", "Hello.")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.outcome) == (1, Outcome.COMPLETE)
        assert [(t.turn, t.text) for t in stage.told(UserText)] == [(1, "Hello.")]


@virtual
async def test_what_a_replaced_link_says_changes_nothing():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)

        async def never(code=1000, reason=""):
            await asyncio.Event().wait()

        server.close = never  # it goes on talking for as long as it is waited for
        await stage.session.swap()
        standby = await stage.back(1.0)
        await stage.until(Swap)
        begun = len(stage.seen)
        server.tell("input_audio_buffer.speech_started", item_id="u9", audio_start_ms=0)
        server.reply("r9", "Too late.")
        server.tell("error", error={"type": "requests", "code": "rate_limit_exceeded", "message": "Stop."})
        server.drop(1011)
        await stage.passes(5.0)
        late = [e for e in stage.seen[begun:] if not isinstance(e, StatusChanged)]
        assert late == []
        assert len(stage.told(TurnStarted)) == 1
        assert stage.told(Notice) == []
        await told(standby, 2)
        await works(stage, standby)


@virtual
async def test_a_link_that_stays_for_late_words_gets_no_more_sound():
    """What waited for its slow socket goes to the next link, and there alone."""
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
        server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
        server.tell("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=100)
        await stage.passes(0.1)
        assert samples(server) == numbered(1, 2400)
        send, flows = server.send, asyncio.Event()

        async def slowly(frame):
            await flows.wait()
            await send(frame)

        server.send = slowly
        for n in range(5):
            await stage.session.stream_data(AudioChunk(numbered(2401 + 2400 * n, 2400), 24_000))
        stage.core.provider_event(GoingAway(2.0))
        standby = await stage.back(1.0)
        swap = await stage.until(Swap)
        flows.set()
        await stage.passes(0.5)
        kind = "conversation.item.input_audio_transcription.completed"
        server.tell(kind, item_id="u1", content_index=0, transcript="Good day.")
        assert (await stage.until(UserText, final=True)).text == "Good day."
        await stage.passes(5.0)
        assert server.closing is not None
        assert samples(standby) == numbered(2401, 12_000)
        assert len(samples(server)) <= 4800  # what was on its way when the link was replaced
        assert swap.cached_ms + swap.resent_ms == 500.0


# -- what goes wrong in the middle --------------------------------------------------------------


@virtual
async def test_what_is_said_while_a_link_is_replaced_outlasts_a_next_one_that_cannot_be_made():
    """Where no two links may be open at once, the old one is closed by then."""
    async with staged(COLD) as stage:
        door = with_door(stage)
        door.one_at_a_time = True
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))

        async def slowly(code=1000, reason=""):
            if server.closing is None:
                door.error = LinkError("No route.")
                await stage.session.stream_data(AudioChunk(numbered(2401, 2400), 24_000))
                server.drop(code)

        server.close = slowly
        await stage.session.swap()
        await stage.until(Failure)
        await stage.session.stream_data(AudioChunk(numbered(4801, 2400), 24_000))
        await stage.passes(3.0)
        door.error = None
        fresh = await stage.back()
        swap = await stage.until(Swap)
        await stage.passes(0.1)
        assert samples(server) == numbered(1, 2400)
        assert samples(fresh) == numbered(1, 7200)
        assert (swap.resent_ms, swap.cached_ms) == (100.0, 200.0)
        assert len(stage.told(Failure)) == 1


@virtual
async def test_sound_that_was_being_flushed_when_the_next_link_died_goes_whole_to_the_one_after_it():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        for n in range(10):
            await stage.session.stream_data(AudioChunk(numbered(1 + 2400 * n, 2400), 24_000))
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await stage.passes(0.1)
        server.drop(1006)
        second = await stage.transport.accepted()
        send, sent = second.send, 0

        async def some(frame):
            nonlocal sent
            if "append" in frame:
                sent += 1
                if sent > 3:
                    second.drop(1006)
                    raise LinkError("gone")
            await send(frame)

        second.send = some
        await second.configured()
        await stage.session.stream_data(AudioChunk(numbered(24_001, 2400), 24_000))
        third = await stage.back()
        await stage.passes(0.5)
        assert samples(second) == numbered(1, 7200)
        assert samples(third) == numbered(1, 26_400)


@virtual
async def test_a_standby_link_that_has_taken_over_is_the_live_one_in_every_respect():
    """What is done about a standby link from then on does not touch it; its loss is that of the live one."""
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.swap()
        standby = await stage.back(1.0)
        await stage.until(Swap)
        await told(standby, 2)
        stage.core.swapper.drop_standby()
        assert stage.core.swapper.take_standby() is None
        await stage.passes(5.0)
        assert standby.closing is None
        await stage.session.send_message("Still there?")
        await told(standby, 1)
        standby.drop(1011)
        after = await stage.back()
        assert await told(after, 3) == [*TALK, ("user", "Still there?")]
