"""Dead ends, sleep, other networks, idle time and what it costs; time passes at once."""

from __future__ import annotations

import asyncio
import base64

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    Severity,
    SpeechStarted,
    Status,
    StatusChanged,
    Swap,
    TurnEnded,
    UserText,
)
from tests.fakes.outlet import numbered
from tests.fakes.staging import staged
from tests.fakes.virtual import virtual

COLD = {"swap": {"standby": "cold"}}
MANUAL = {**COLD, "turns": {"detection": "manual"}}
RATE = 24_000
FRAME = 240
"""Samples of 10 ms."""


class FakeRoute:
    """Which way packets go, as the test says."""

    def __init__(self, address: str = "10.0.0.5") -> None:
        self.address = address
        self.asked = 0

    def local_address(self, url: str) -> str:
        self.asked += 1
        return self.address


class FakeJournal:
    """Saves everything at once, and remembers the time of connection."""

    def __init__(self, used_today: float = 0.0) -> None:
        self.earlier = used_today
        self.seconds: list[float] = []

    def _done(self) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def begin(self, record):
        return self._done()

    def write(self, session, event, wall):
        return self._done()

    def summarised(self, session, mode, text, upto_turn):
        return self._done()

    def used(self, session, seconds, wall):
        self.seconds.append(seconds)
        return self._done()

    async def used_today(self, profile, wall):
        return self.earlier


def loud(ms: int) -> list[bytes]:
    return [numbered(20_000, FRAME) for _ in range(ms // 10)]


def soft(ms: int) -> list[bytes]:
    return [b"\x03\x00\xfd\xff" * (FRAME // 2) for _ in range(ms // 10)]


async def sound(server, n_bytes: int) -> bytes:
    got = b""
    while len(got) < n_bytes:
        got += base64.b64decode((await server.expect("input_audio_buffer.append"))["audio"])
    return got


async def question(stage, server):
    await stage.session.send_message("Hello?")
    await server.expect("conversation.item.create")
    await server.expect("response.create")


# -- half-open links ----------------------------------------------------------------------------


@virtual
async def test_a_provider_that_falls_silent_in_a_turn_and_answers_no_ping_is_given_up():
    async with staged(COLD) as stage:
        server = await stage.start()
        await question(stage, server)
        server.answers_pings = False
        failure = await stage.until(Failure)
        assert failure.code == "silent"
        assert 5.0 <= failure.at <= 6.5
        assert server.probes == [5.0]
        again = await stage.back()
        assert server.closing.by_us
        server = again
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r1", "Yes.")
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE


@virtual
async def test_a_provider_that_thinks_for_long_and_answers_pings_is_waited_for():
    async with staged(COLD) as stage:
        server = await stage.start()
        await question(stage, server)
        await stage.passes(50.0)
        assert len(server.probes) >= 10
        assert stage.told(Failure) == []
        server.reply("r1", "Yes.")
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE


@virtual
async def test_a_provider_that_goes_on_talking_is_not_asked():
    async with staged(COLD) as stage:
        server = await stage.start()
        await question(stage, server)
        server.begin("r1")
        for _ in range(20):
            server.words("r1", "and ")
            await stage.passes(4.0)
        assert server.probes == []


@virtual
async def test_between_turns_silence_is_usual():
    async with staged(COLD) as stage:
        server = await stage.start()
        server.answers_pings = False
        await stage.passes(200.0)
        assert server.probes == []
        assert stage.told(Failure) == []


@virtual
async def test_an_answer_that_comes_while_the_ping_is_out_is_no_loss():
    async with staged(COLD) as stage:
        server = await stage.start()
        await question(stage, server)

        async def probe(timeout: float) -> bool:
            server.drop(1011)  # the link is lost for another reason meanwhile
            await asyncio.sleep(timeout)
            return False

        server.probe = probe
        server = await stage.back()
        await stage.passes(4.0)
        assert [f.code for f in stage.told(Failure)] != ["silent"]
        assert len(stage.told(Swap)) == 1


# -- sleep --------------------------------------------------------------------------------------


@virtual
async def test_after_a_sleep_of_the_computer_the_link_is_made_anew():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.passes(3.0)
        stage.clock.asleep += 3600.0
        failure = await stage.until(Failure, within=2.0)
        assert failure.code == "asleep"
        assert "3600 s" in failure.message
        await stage.back(2.0)
        assert server.closing is not None
        assert (await stage.until(Notice, severity=Severity.SUCCESS)).text == "The connection is back."


@virtual
async def test_after_the_process_was_stopped_the_link_is_made_anew():
    async with staged(COLD) as stage:
        await stage.start()
        await stage.passes(3.0)
        asyncio.get_running_loop().jump(60.0)
        assert (await stage.until(Failure, within=2.0)).code == "asleep"
        await stage.back(2.0)


@virtual
async def test_a_small_step_of_the_clock_is_no_sleep():
    async with staged(COLD) as stage:
        await stage.start()
        await stage.passes(3.0)
        stage.clock.asleep += 4.0
        await stage.passes(3.0)
        stage.clock.asleep -= 3600.0
        await stage.passes(3.0)
        assert stage.told(Failure) == []


@virtual
async def test_the_wait_for_a_ping_is_no_sleep():
    async with staged(COLD) as stage:
        server = await stage.start()
        await question(stage, server)

        async def probe(timeout: float) -> bool:
            await asyncio.sleep(timeout + 5.0)
            return True

        server.probe = probe
        await stage.passes(40.0)
        assert stage.told(Failure) == []


@virtual
async def test_a_sleep_without_a_link_changes_nothing():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.passes(1.0)
        server.drop(1000)
        await stage.until(StatusChanged, link=LinkWord.PARKED)
        stage.clock.asleep += 3600.0
        await stage.passes(3.0)
        assert stage.session.state.link is LinkWord.PARKED


# -- another network ----------------------------------------------------------------------------


@virtual
async def test_another_network_over_which_nothing_answers_is_a_lost_link():
    route = FakeRoute()
    async with staged(COLD, route=route) as stage:
        server = await stage.start()
        await stage.passes(5.0)
        route.address, server.answers_pings = "192.168.1.7", False
        assert (await stage.until(Failure, within=5.0)).code == "network_changed"
        await stage.back(2.0)
        await stage.passes(10.0)
        assert len(stage.told(Failure)) == 1
        assert 4 <= route.asked <= 12


@virtual
async def test_another_address_over_which_the_provider_answers_is_none():
    route = FakeRoute()
    async with staged(COLD, route=route) as stage:
        server = await stage.start()
        await stage.passes(5.0)
        route.address = "10.0.0.6"
        await stage.passes(10.0)
        assert len(server.probes) == 1
        assert stage.told(Failure) == []


@virtual
async def test_another_network_after_a_time_without_any_is_noticed_as_well():
    """Out of one house and into the next: in between there is no address at all."""
    route = FakeRoute()
    async with staged(COLD, route=route) as stage:
        server = await stage.start()
        await stage.passes(5.0)
        route.address = ""
        await stage.passes(20.0)
        assert stage.told(Failure) == []
        route.address, server.answers_pings = "192.168.1.7", False
        assert (await stage.until(Failure, within=5.0)).code == "network_changed"


@virtual
async def test_a_new_link_may_go_another_way_from_the_beginning():
    route = FakeRoute()
    async with staged(COLD, route=route) as stage:
        server = await stage.start()
        await stage.passes(5.0)
        server.answers_pings = False
        route.address = "192.168.1.7"
        server.drop(1006)
        server = await stage.back()
        server.answers_pings = False
        await stage.passes(10.0)
        assert len(stage.told(Failure)) == 1


# -- parking ------------------------------------------------------------------------------------


async def parked(stage, server) -> None:
    """Wait until nobody has said anything for too long."""
    status = await stage.until(StatusChanged, link=LinkWord.PARKED)
    await stage.passes(0.1)
    assert server.closing is not None
    assert server.closing.code == 1000
    assert stage.transport.connections.empty()
    assert status.reason in ("idle", "closed by the provider")


@virtual
async def test_an_idle_link_is_closed_until_somebody_types():
    async with staged(COLD) as stage:
        server = await stage.start()
        await parked(stage, server)
        assert stage.core.now() == pytest.approx(300.0, abs=2.0)
        assert "until you do" in stage.told(Notice)[-1].text
        await stage.session.send_message("Hello?")
        server = await stage.back(1.0)
        assert (await server.expect("conversation.item.create"))["item"]["content"][0]["text"] == "Hello?"
        await server.expect("response.create")
        server.reply("r1", "Yes.")
        assert (await stage.until(TurnEnded)).text == "Yes."
        assert stage.told(Failure) == []


@virtual
async def test_a_key_brings_the_link_back():
    async with staged(MANUAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await parked(stage, server)
        await stage.session.start_listening()
        stage.microphones[-1].hear(numbered(1, 4800))
        server = await stage.back(1.0)
        assert await sound(server, 9600) == numbered(1, 4800)
        await stage.session.stop_listening(commit=True)
        await server.expect("input_audio_buffer.commit")


@virtual
async def test_a_voice_brings_the_link_back_and_none_of_it_is_lost():
    """Also when the way to the provider takes longer than what is kept of the silence before."""
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        microphone = stage.microphones[-1]
        await parked(stage, server)
        for frame in soft(3000):
            microphone.hear(frame)
        await stage.passes(0.1)
        assert stage.transport.connections.empty()
        said = [numbered(20_000 + 7 * n, FRAME) for n in range(500)]
        for frame in said[:20]:
            microphone.hear(frame)
        await stage.until(StatusChanged, link=LinkWord.RECONNECTING, within=1.0)
        for frame in said[20:]:
            microphone.hear(frame)
        await stage.passes(0.1)
        server = await stage.back()
        everything = b"".join(said)
        got = b""
        while not got.endswith(everything):
            got += await sound(server, 1)
        assert stage.core.uplink.dropped_ms == 0.0


@virtual
async def test_noise_that_is_always_there_does_not_bring_the_link_back():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await parked(stage, server)
        for frame in soft(10_000):
            stage.microphones[-1].hear(frame)
        await stage.passes(1.0)
        assert stage.session.state.link is LinkWord.PARKED
        assert stage.core.uplink.waiting_ms <= 2_000.0
        assert stage.core.uplink.dropped_ms == 0.0


@virtual
async def test_where_idle_links_cost_nothing_none_is_closed():
    async with staged(COLD, capabilities={"idle_is_free": True, "max_session": None}) as stage:
        await stage.start()
        await stage.passes(3000.0)
        assert stage.session.state.link is LinkWord.ONLINE


@virtual
async def test_where_the_profile_says_so_none_is_closed():
    async with staged({**COLD, "guard": {"park_minutes": 0}}) as stage:
        await stage.start()
        await stage.passes(3000.0)
        assert stage.session.state.link is LinkWord.ONLINE


@virtual
async def test_who_talks_from_time_to_time_is_not_parked():
    async with staged(COLD) as stage:
        server = await stage.start()
        for n in range(4):
            await stage.passes(250.0)
            await question(stage, server)
            server.reply(f"r{n}", "Yes.")
            await stage.until(TurnEnded)
        assert stage.told(StatusChanged, link=LinkWord.PARKED) == []
        await parked(stage, server)


@virtual
async def test_a_parked_session_can_be_ended():
    async with staged(COLD) as stage:
        server = await stage.start()
        await parked(stage, server)
        await stage.session.end_session()
        assert stage.session.state.link is LinkWord.CLOSED


# -- what it costs ------------------------------------------------------------------------------


@virtual
async def test_a_limit_on_a_session_is_told_twice_before_it_ends_the_link_for_good():
    async with staged({**COLD, "guard": {"max_minutes": 10, "park_minutes": 0}}) as stage:
        server = await stage.start()
        first = await stage.until(Notice, severity=Severity.WARNING)
        second = await stage.until(Notice, severity=Severity.WARNING)
        assert (first.at, second.at) == (pytest.approx(480.0, abs=1), pytest.approx(540.0, abs=1))
        failure = await stage.until(Failure, fatal=True)
        assert failure.at == pytest.approx(600.0, abs=1.0)
        assert (failure.category, failure.code) == ("quota", "time_limit")
        await stage.passes(0.1)
        assert server.closing.code == 1000
        await stage.passes(100.0)
        assert len(stage.told(Failure)) == 1
        assert stage.session.state.status is Status.ERROR


@virtual
async def test_a_limit_ends_what_is_going_on():
    async with staged({**COLD, "guard": {"max_minutes": 1, "park_minutes": 0}}) as stage:
        server = await stage.start()
        await stage.passes(58.0)
        await question(stage, server)
        assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED


@virtual
async def test_the_day_counts_what_other_sessions_have_used():
    journal = FakeJournal(used_today=540.0)
    guard = {"guard": {"max_minutes_day": 10, "park_minutes": 0}}
    async with staged({**COLD, **guard}, journal=journal, session_id="s", profile_name="p") as stage:
        await stage.start()
        assert (await stage.until(Failure, fatal=True)).at == pytest.approx(60.0, abs=1.0)


@virtual
async def test_only_time_with_a_link_is_counted():
    journal = FakeJournal()
    async with staged(COLD, journal=journal, session_id="s", profile_name="p") as stage:
        server = await stage.start()
        await parked(stage, server)
        await stage.passes(3600.0)
        await stage.session.end_session()
        assert sum(journal.seconds) == pytest.approx(300.0, abs=2.0)
        assert max(journal.seconds) <= 31.0


@virtual
async def test_time_in_which_the_process_stood_still_is_not_counted():
    journal = FakeJournal()
    guard = {"guard": {"max_minutes": 30, "park_minutes": 0}}
    async with staged({**COLD, **guard}, journal=journal, session_id="s", profile_name="p") as stage:
        await stage.start()
        await stage.passes(10.0)
        asyncio.get_running_loop().jump(7200.0)
        await stage.back()
        await stage.passes(10.0)
        assert stage.told(Failure, fatal=True) == []
        await stage.session.end_session()
        assert sum(journal.seconds) == pytest.approx(20.0, abs=3.0)


# -- an utterance that was sent again -----------------------------------------------------------


async def spoken_and_lost(stage, server):
    """An utterance is open when its link is lost; the next link has it."""
    await stage.session.stream_data(AudioChunk(numbered(1, 2400), RATE))
    await sound(server, 4800)
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted)
    server.drop(1006)
    server = await stage.back()
    await sound(server, 4800)
    return server


@virtual
async def test_an_utterance_that_the_next_detector_does_not_hear_ends():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await spoken_and_lost(stage, server)
        ended = await stage.until(TurnEnded, within=12.0)
        assert ended.outcome is Outcome.CANCELLED


@virtual
async def test_an_utterance_that_the_next_detector_hears_may_last_as_long_as_it_likes():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        server = await spoken_and_lost(stage, server)
        server.tell("input_audio_buffer.speech_started", item_id="v1", audio_start_ms=0)
        await stage.passes(30.0)
        assert stage.told(TurnEnded) == []
        server.tell("input_audio_buffer.speech_stopped", item_id="v1", audio_end_ms=100)
        server.tell("input_audio_buffer.committed", item_id="v1", previous_item_id=None)
        server.tell(
            "conversation.item.input_audio_transcription.completed",
            item_id="v1",
            content_index=0,
            transcript="A long sentence.",
        )
        server.reply("r1", "I see.")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.outcome) == (1, Outcome.COMPLETE)
        assert [(t.turn, t.text) for t in stage.told(UserText)] == [(1, "A long sentence.")]
