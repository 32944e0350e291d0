"""Dead ends, sleep and other networks, and utterances that nobody hears; time passes at once."""

from __future__ import annotations

import asyncio

from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    Severity,
    SpeechStarted,
    StatusChanged,
    Swap,
    TurnEnded,
    UserText,
)
from neko_cli.core.vigil import REACTS_WITHIN, WAY_PROBE
from tests.fakes.outlet import loud, numbered, quiet
from tests.fakes.staging import COLD, sound, staged
from tests.fakes.virtual import virtual

RATE = 24_000


class FakeRoute:
    """Which way packets go, as the test says."""

    def __init__(self, address: str = "10.0.0.5") -> None:
        self.address = address
        self.asked = 0

    def local_address(self, url: str) -> str:
        self.asked += 1
        return self.address


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


# -- speech that was none to the provider -------------------------------------------------------


@virtual
async def test_what_the_provider_does_not_take_for_speech_is_let_go_of_once_it_has_had_the_time():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(loud(500) + quiet(1_000), RATE))
        await stage.passes(REACTS_WITHIN - 0.5)
        assert stage.core.hears_speech
        await stage.passes(1.5)
        assert not stage.core.hears_speech
        assert WAY_PROBE in server.probes  # the sound had come, or there would have been no answer
        server.drop(1006)
        await stage.back()
        assert (await stage.until(Swap)).resent_ms < 500.0  # the silence after it


@virtual
async def test_who_still_speaks_is_not_let_go_of_though_the_provider_says_nothing():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        for _ in range(10):
            await stage.session.stream_data(AudioChunk(loud(500), RATE))
            await stage.passes(0.5)
        await stage.passes(4.0)
        assert stage.core.hears_speech
        server.drop(1006)
        await stage.back()
        assert (await stage.until(Swap)).resent_ms == 5_000.0


@virtual
async def test_what_the_provider_takes_for_speech_is_kept_until_it_is_answered():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(loud(500) + quiet(1_000), RATE))
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await stage.passes(2 * REACTS_WITHIN)
        server.drop(1006)
        await stage.back()
        assert (await stage.until(Swap)).resent_ms == 1_500.0
