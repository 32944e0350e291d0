"""Planned swaps: each reason to replace a live link, and that nobody notices; time passes at once."""

from __future__ import annotations

import asyncio
import base64

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.events import (
    Connected,
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    ReplyText,
    StatusChanged,
    Swap,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.profile import parse
from neko_cli.core.provider_events import GoingAway
from tests.fakes.outlet import numbered
from tests.fakes.staging import staged, texts_of
from tests.fakes.virtual import virtual

COLD = {"swap": {"standby": "cold"}, "guard": {"park_minutes": 0}}
TALK = [("user", "I am Mia."), ("assistant", "Hello Mia.")]


def profile(**tables):
    return {**COLD, **{name: {**COLD.get(name, {}), **table} for name, table in tables.items()}}


async def exchange(stage, server, question="I am Mia.", answer="Hello Mia.", *, usage=None):
    """One turn over the fake wire."""
    number = len(stage.told(TurnEnded)) + 1
    await stage.session.send_message(question)
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin(f"r{number}")
    server.words(f"r{number}", answer)
    response = {"id": f"r{number}", "status": "completed", "output": [], "status_details": None}
    server.tell("response.done", response={**response, "usage": usage})
    assert (await stage.until(TurnEnded)).text == answer


async def told(server, count):
    """So many messages that a link is told when it is made, or when it takes over."""
    return texts_of([await server.expect("conversation.item.create") for _ in range(count)])


async def swapped(stage, reason, old, new):
    """The next swap; what every planned one must be."""
    swap = await stage.until(Swap)
    assert (swap.reason, swap.planned) == (reason, True)
    assert swap.to_link == swap.from_link + 1
    assert swap.gap_ms <= 20.0
    await stage.passes(0.1)
    assert old.closing is not None
    assert (old.closing.code, old.closing.by_us) == (1000, True)
    assert new.closing is None
    assert stage.told(Failure) == []
    return swap


async def works(stage, server):
    """The conversation goes on."""
    await exchange(stage, server, "Who am I?", "Mia.")
    assert stage.session.state.link is LinkWord.ONLINE


async def configured(server, **session):
    """The hand-shake with more in the session than usual."""
    server.tell("session.created", session={"type": "realtime", "id": "s", "model": "m", **session})
    update = await server.expect("session.update")
    server.tell("session.updated", session={"type": "realtime", "id": "s", "model": "m", **session})
    return update["session"]


async def started(stage, *, expires_in, mode=InputMode.TEXT):
    """A session whose first link says when it ends."""
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.session.start_session(mode))
        server = await stage.transport.accepted()
        await configured(server, expires_at=stage.clock.time() + expires_in)
    return server


# -- the provider's limit -----------------------------------------------------------------------


@virtual
async def test_before_the_time_that_the_provider_tells_is_over():
    async with staged(COLD) as stage:
        server = await started(stage, expires_in=1000.0)
        await exchange(stage, server)
        spare = await stage.back()
        assert 695.0 <= stage.core.now() <= 702.0  # five minutes before
        assert await told(spare, 2) == TALK
        await swapped(stage, "limit", server, spare)
        spare.nothing_more()
        await works(stage, spare)


@virtual
async def test_before_the_longest_life_of_a_session_is_over():
    async with staged(COLD, capabilities={"max_session": 600.0, "renew_before": 60.0}) as stage:
        server = await stage.start()
        await exchange(stage, server)
        for lap in (1, 2, 3):
            spare = await stage.back()
            assert stage.core.now() == pytest.approx(540.0 * lap, abs=3.0)
            assert await told(spare, 2) == TALK
            await swapped(stage, "limit", server, spare)
            server = spare
        await works(stage, server)


@virtual
async def test_before_the_provider_goes_away():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        stage.core.provider_event(GoingAway(50.0))
        spare = await stage.back(1.0)
        assert await told(spare, 2) == TALK
        await swapped(stage, "limit", server, spare)
        await works(stage, spare)
        await stage.passes(200.0)
        assert len(stage.told(Swap)) == 1


@virtual
async def test_a_session_of_three_seconds_is_replaced_in_time_again_and_again():
    async with staged(COLD) as stage:
        server = await started(stage, expires_in=3.0)
        for _ in range(5):
            spare = await stage.transport.accepted()
            await configured(spare, expires_at=stage.clock.time() + 3.0)
            await swapped(stage, "limit", server, spare)
            server = spare
        assert stage.core.now() <= 11.0


@virtual
async def test_a_time_that_is_over_already_is_a_wrong_clock_and_no_reason():
    """The computer's clock is two hours fast: nothing is swapped again and again for that."""
    async with staged(COLD) as stage:
        server = await started(stage, expires_in=-3600.0)
        await stage.passes(100.0)
        assert stage.transport.connections.empty()
        await exchange(stage, server)
        spare = await stage.back()
        assert stage.core.now() == pytest.approx(3300.0, abs=5.0)  # what is known of the provider
        await swapped(stage, "limit", server, spare)


@virtual
async def test_a_swap_that_is_due_waits_for_the_end_of_a_reply():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Tell me a story.")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.begin("r1")
        server.words("r1", "Once upon")
        await stage.until(ReplyText)
        stage.core.provider_event(GoingAway(50.0))
        spare = await stage.back(1.0)
        await stage.passes(20.0)
        assert stage.told(Swap) == []
        server.words("r1", " a time.")
        server.done("r1")
        await swapped(stage, "limit", server, spare)
        assert await told(spare, 2) == [("user", "Tell me a story."), ("assistant", "Once upon a time.")]
        spare.nothing_more()


@virtual
async def test_a_reply_that_outlasts_its_link_is_asked_for_once_more():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Tell me a story.")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.begin("r1")
        server.words("r1", "Once upon")
        await stage.until(ReplyText)
        stage.core.provider_event(GoingAway(10.0))
        spare = await stage.back(1.0)
        server.words("r1", " a")
        swap = await stage.until(Swap)
        assert swap.at == pytest.approx(7.0, abs=0.5)
        assert await told(spare, 2) == [("user", "Tell me a story."), ("assistant", "Once upon a")]
        asked = await spare.expect("response.create")
        assert "Once upon a" in asked["response"]["instructions"]
        spare.reply("r1", "time.")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.outcome, ended.text) == (1, Outcome.COMPLETE, "Once upon a time.")
        assert [m.text for m in stage.session.memory.recent()] == ["Tell me a story.", "Once upon a time."]


# -- the context --------------------------------------------------------------------------------


@virtual
async def test_after_so_many_turns():
    async with staged(profile(swap={"turns": 2})) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.passes(10.0)
        assert stage.transport.connections.empty()
        await exchange(stage, server, "And you?", "I am Neko.")
        spare = await stage.back(1.0)
        assert await told(spare, 4) == [*TALK, ("user", "And you?"), ("assistant", "I am Neko.")]
        await swapped(stage, "context", server, spare)
        await works(stage, spare)
        await stage.passes(10.0)
        assert stage.transport.connections.empty()  # it counts afresh


@virtual
async def test_when_a_context_is_too_large():
    async with staged(profile(swap={"tokens": 1000})) as stage:
        server = await stage.start()
        await exchange(stage, server, usage={"input_tokens": 600, "output_tokens": 300})
        await stage.passes(10.0)
        assert stage.transport.connections.empty()
        await exchange(stage, server, "And?", "So.", usage={"input_tokens": 900, "output_tokens": 100})
        spare = await stage.back(1.0)
        await swapped(stage, "context", server, spare)


class FakeSummariser:
    """Names what it was given; hangs or fails when told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.hangs = False

    async def summarise(self, earlier, lines, *, language, within=None):
        self.asked.append([text for _, text in lines])
        if self.hangs:
            await asyncio.Event().wait()
        return "They greeted one another."


async def long_talk(stage, server):
    for n in range(6):
        await exchange(stage, server, f"question {n}", f"answer {n}")


LAST_FOUR = [line for n in range(2, 6) for line in (("user", f"question {n}"), ("assistant", f"answer {n}"))]


@virtual
async def test_a_large_context_becomes_a_summary_and_the_last_turns():
    summariser = FakeSummariser()
    async with staged(profile(swap={"turns": 6}), summariser=summariser) as stage:
        server = await stage.start()
        await long_talk(stage, server)
        spare = await stage.back(1.0)
        (role, text), *lines = await told(spare, 9)
        assert role == "system"
        assert "They greeted one another." in text
        assert lines == LAST_FOUR
        await swapped(stage, "context", server, spare)
        spare.nothing_more()
        assert summariser.asked == [["question 0", "answer 0", "question 1", "answer 1"]]


@virtual
async def test_a_summary_that_does_not_come_is_not_waited_for_longer_than_the_profile_says():
    summariser = FakeSummariser()
    summariser.hangs = True
    tables = profile(swap={"turns": 6}, memory={"summary_wait": 2.0})
    async with staged(tables, summariser=summariser) as stage:
        server = await stage.start()
        await long_talk(stage, server)
        begun = stage.core.now()
        spare = await stage.back(3.0)
        assert stage.core.now() - begun == pytest.approx(2.0, abs=0.5)
        assert await told(spare, 8) == LAST_FOUR
        await swapped(stage, "context", server, spare)


# -- another character --------------------------------------------------------------------------


@virtual
async def test_another_character_takes_over_from_the_next_turn_on():
    async with staged(profile(character={"persona": "You are a cat."})) as stage:
        server = await stage.start()
        assert "cat" in stage.configuration["instructions"]
        await exchange(stage, server)
        other = {"character": {"persona": "You are a dog."}, "voice": {"name": "cedar"},
                 "provider": {"model": "other-model"}}  # fmt: skip
        await stage.session.switch_profile(parse(profile(**other), "test.toml"))
        spare = await stage.back(1.0)
        assert "dog" in stage.configuration["instructions"]
        assert stage.configuration["audio"]["output"]["voice"] == "cedar"
        assert "model=other-model" in spare.endpoint.url
        assert await told(spare, 2) == TALK
        await swapped(stage, "character", server, spare)
        await works(stage, spare)


@virtual
async def test_a_switch_in_the_middle_of_a_turn_waits_for_its_end():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        await stage.session.switch_profile(
            parse(profile(character={"persona": "You are a dog."}), "test.toml")
        )
        spare = await stage.back(1.0)
        await stage.passes(5.0)
        assert stage.told(Swap) == []
        server.reply("r1", "Meow.")
        await swapped(stage, "character", server, spare)
        assert await told(spare, 2) == [("user", "Hello?"), ("assistant", "Meow.")]


@virtual
async def test_a_second_switch_makes_the_spare_link_anew():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        for persona in ("You are a dog.", "You are a bird."):
            await stage.session.switch_profile(parse(profile(character={"persona": persona}), "test.toml"))
            spare = await stage.back(1.0)
            await stage.passes(1.0)
        server.reply("r1", "Meow.")
        await stage.until(Swap)
        assert "bird" in stage.configuration["instructions"]
        assert spare.closing is None


@virtual
async def test_a_switch_while_a_link_is_being_made_is_not_forgotten():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.passes(20.0)
        server.drop(1006)
        coming = await stage.transport.accepted()
        await stage.session.switch_profile(
            parse(profile(character={"persona": "You are a dog."}), "test.toml")
        )
        await coming.configured()
        assert not (await stage.until(Swap)).planned
        spare = await stage.back(5.0)
        assert "dog" in stage.configuration["instructions"]
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("character", True)
        assert spare.closing is None


@virtual
async def test_what_is_not_the_session_s_business_swaps_nothing():
    async with staged(COLD) as stage:
        await stage.start()
        await stage.session.switch_profile(stage.session.profile)
        await stage.session.switch_profile(
            parse(profile(swap={"tokens": 5000}, sound={"duplex": "full"}), "test.toml")
        )
        await stage.passes(5.0)
        assert stage.transport.connections.empty()


# -- agents, and the user -----------------------------------------------------------------------

NO_SYSTEM = {"system_items": False}


@virtual
async def test_news_of_agents_where_the_provider_takes_none_in_mid_session():
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        await exchange(stage, server)
        stage.session.enqueue_agent_callback(AgentResult("completed", "The build is green."))
        assert await stage.session.trigger_agent_callbacks()
        spare = await stage.back(1.0)
        assert stage.configuration["instructions"].count("The build is green.") == 1
        assert await told(spare, 2) == TALK
        await swapped(stage, "agent", server, spare)
        await spare.expect("response.create")
        spare.nothing_more()
        spare.reply("n1", "The build is green!")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.text) == (2, "The build is green!")
        await stage.session.swap()
        await stage.back(1.0)
        assert "green" not in stage.configuration.get("instructions", "")  # told once


@virtual
async def test_more_news_before_the_first_was_told_takes_nothing_away():
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        for words in ("The build is green.", "The mail is sent."):
            stage.session.enqueue_agent_callback(AgentResult("completed", words))
            assert await stage.session.trigger_agent_callbacks()
        await stage.back(1.0)
        assert "The build is green." in stage.configuration["instructions"]
        assert "The mail is sent." in stage.configuration["instructions"]
        await stage.until(Swap)
        assert server.closing is not None


@virtual
async def test_when_the_user_wants_one():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.swap()
        spare = await stage.back(1.0)
        assert await told(spare, 2) == TALK
        await swapped(stage, "user", server, spare)
        await works(stage, spare)


@virtual
async def test_when_the_server_s_session_is_at_its_end():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.end_session(by_server=True)
        spare = await stage.back(1.0)
        await swapped(stage, "user", server, spare)


@virtual
async def test_wanting_it_often_swaps_once():
    async with staged(COLD) as stage:
        server = await stage.start()
        for _ in range(5):
            await stage.session.swap()
        spare = await stage.back(1.0)
        await swapped(stage, "user", server, spare)
        await stage.passes(10.0)
        assert stage.transport.connections.empty()


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
        spare = await stage.back(2.0)
        swap = await stage.until(Swap)
        assert swap.at == pytest.approx(2.0, abs=0.5)
        assert swap.resent_ms == 100.0
        await stage.session.stream_data(AudioChunk(numbered(2401, 2400), 24_000))
        await stage.passes(0.1)
        assert samples(spare) == numbered(1, 4800)
        spare.tell("input_audio_buffer.speech_started", item_id="v1", audio_start_ms=0)
        spare.tell("input_audio_buffer.speech_stopped", item_id="v1", audio_end_ms=200)
        spare.tell("input_audio_buffer.committed", item_id="v1", previous_item_id=None)
        kind = "conversation.item.input_audio_transcription.completed"
        spare.tell(kind, item_id="v1", content_index=0, transcript="Hello.")
        spare.reply("r1", "Hello.")
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
        spare = await stage.back(1.0)
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
        await told(spare, 2)
        await works(stage, spare)
