"""Idle links are closed until somebody speaks or types, and time is limited; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.errors import QuotaExhausted
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    Severity,
    Status,
    StatusChanged,
    TurnEnded,
)
from tests.fakes.outlet import numbered
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import sound, staged
from tests.fakes.virtual import virtual

PARKS = {"swap": {"standby": "cold"}}
MANUAL = {**PARKS, "turns": {"detection": "manual"}}
FRAME = 240
"""Samples of 10 ms."""


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


def soft(ms: int) -> list[bytes]:
    return [b"\x03\x00\xfd\xff" * (FRAME // 2) for _ in range(ms // 10)]


async def question(stage, server):
    await stage.session.send_message("Hello?")
    await server.expect("conversation.item.create")
    await server.expect("response.create")


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
    async with staged(PARKS) as stage:
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
async def test_while_somebody_types_the_link_comes_back_and_is_warm_when_the_line_is_sent():
    async with staged(PARKS) as stage:
        server = await stage.start()
        await parked(stage, server)
        stage.session.wake()
        assert stage.session.state.link is LinkWord.RECONNECTING
        stage.session.wake()
        server = await stage.back(1.0)
        await stage.until(StatusChanged, link=LinkWord.ONLINE, within=1.0)
        server.nothing_more()
        await stage.passes(20.0)
        await question(stage, server)
        server.reply("r1", "Yes.")
        assert (await stage.until(TurnEnded)).text == "Yes."
        assert stage.transport.connections.empty()
        assert (stage.told(Failure), stage.told(StatusChanged, link=LinkWord.SWAPPING)) == ([], [])


@virtual
async def test_a_line_that_is_sent_before_the_link_is_back_waits_for_it():
    async with staged(PARKS) as stage:
        server = await stage.start()
        await parked(stage, server)
        stage.session.wake()
        await stage.session.send_message("Hello?")
        server = await stage.back(1.0)
        assert (await server.expect("conversation.item.create"))["item"]["content"][0]["text"] == "Hello?"
        await server.expect("response.create")
        assert stage.transport.connections.empty()


@virtual
async def test_whoever_typed_nothing_after_all_is_left_alone_again():
    async with staged(PARKS) as stage:
        server = await stage.start()
        await parked(stage, server)
        await stage.passes(1000.0)
        stage.session.wake()
        woken_at = stage.core.now()
        server = await stage.back(1.0)
        await parked(stage, server)
        assert stage.core.now() - woken_at == pytest.approx(300.0, abs=2.0)


@virtual
async def test_a_key_does_nothing_to_a_link_that_is_awake_or_ended():
    async with staged(PARKS) as stage:
        stage.session.wake()
        server = await stage.start()
        await stage.passes(200.0)
        stage.session.wake()  # nobody has said anything by that
        await parked(stage, server)
        assert stage.core.now() == pytest.approx(300.0, abs=2.0)
        await stage.session.end_session()
        stage.session.wake()
        await stage.passes(10.0)
        assert stage.session.state.link is LinkWord.CLOSED
        assert stage.transport.connections.empty()


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
    async with staged(PARKS) as stage:
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
    async with staged(PARKS) as stage:
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
    async with staged(PARKS, capabilities={"idle_is_free": True, "max_session": None}) as stage:
        await stage.start()
        await stage.passes(3000.0)
        assert stage.session.state.link is LinkWord.ONLINE


@virtual
async def test_where_the_profile_says_so_none_is_closed():
    async with staged({**PARKS, "guard": {"park_minutes": 0}}) as stage:
        await stage.start()
        await stage.passes(3000.0)
        assert stage.session.state.link is LinkWord.ONLINE


@virtual
async def test_who_talks_from_time_to_time_is_not_parked():
    async with staged(PARKS) as stage:
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
    async with staged(PARKS) as stage:
        server = await stage.start()
        await parked(stage, server)
        await stage.session.end_session()
        assert stage.session.state.link is LinkWord.CLOSED


# -- what it costs ------------------------------------------------------------------------------


@virtual
async def test_a_limit_on_a_session_is_told_twice_before_it_ends_the_link_for_good():
    async with staged({**PARKS, "guard": {"max_minutes": 10, "park_minutes": 0}}) as stage:
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
    async with staged({**PARKS, "guard": {"max_minutes": 1, "park_minutes": 0}}) as stage:
        server = await stage.start()
        await stage.passes(58.0)
        await question(stage, server)
        assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED


@virtual
async def test_the_day_counts_what_other_sessions_have_used():
    journal = FakeJournal(used_today=540.0)
    guard = {"guard": {"max_minutes_day": 10, "park_minutes": 0}}
    async with staged({**PARKS, **guard}, journal=journal, session_id="s", profile_name="p") as stage:
        await stage.start()
        assert (await stage.until(Failure, fatal=True)).at == pytest.approx(60.0, abs=1.0)


@virtual
async def test_starting_again_does_not_get_around_the_limit_of_a_session():
    async with staged({**PARKS, "guard": {"max_minutes": 1, "park_minutes": 0}}) as stage:
        await stage.start()
        await stage.until(Failure, fatal=True)
        with pytest.raises(QuotaExhausted) as refused:
            await stage.session.start_session(InputMode.TEXT)
        assert refused.value.code == "time_limit"
        assert refused.value.hint
        await stage.passes(5.0)
        assert stage.transport.connections.empty()


@virtual
async def test_a_day_that_is_used_up_opens_nothing():
    journal = FakeJournal(used_today=600.0)
    guard = {"guard": {"max_minutes_day": 10}}
    speaker = FakeSpeaker()
    async with staged(
        {**PARKS, **guard}, journal=journal, session_id="s", profile_name="p", speaker=speaker
    ) as stage:
        for _ in range(2):
            with pytest.raises(QuotaExhausted) as refused:
                await stage.session.start_session(InputMode.TEXT)
            assert refused.value.code == "time_limit"
        assert stage.transport.connections.empty()
        assert stage.session.state.link is LinkWord.OFFLINE
        journal.earlier = 590.0
        await stage.start()
        assert (await stage.until(Failure, fatal=True)).code == "time_limit"


@virtual
async def test_our_own_time_counts_once_when_the_session_is_started_again():
    journal = FakeJournal(used_today=60.0)
    guard = {"guard": {"max_minutes_day": 10, "park_minutes": 0}}
    async with staged({**PARKS, **guard}, journal=journal, session_id="s", profile_name="p") as stage:
        await stage.start()
        await stage.passes(300.0)
        await stage.session.end_session()
        journal.earlier += sum(journal.seconds)
        await stage.start()
        began = stage.core.now()
        failure = await stage.until(Failure, fatal=True)
        assert failure.at - began == pytest.approx(240.0, abs=2.0)


@virtual
async def test_only_time_with_a_link_is_counted():
    journal = FakeJournal()
    async with staged(PARKS, journal=journal, session_id="s", profile_name="p") as stage:
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
    async with staged({**PARKS, **guard}, journal=journal, session_id="s", profile_name="p") as stage:
        await stage.start()
        await stage.passes(10.0)
        asyncio.get_running_loop().jump(7200.0)
        await stage.back()
        await stage.passes(10.0)
        assert stage.told(Failure, fatal=True) == []
        await stage.session.end_session()
        assert sum(journal.seconds) == pytest.approx(20.0, abs=3.0)
