"""What the systems of the seeds get wrong as a whole session, neko does not; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import AudioChunk, ScreenFrame
from neko_cli.core.errors import NekoError, StoreError
from neko_cli.core.events import (
    Failure,
    InputMode,
    Notice,
    Outcome,
    Swap,
    TurnEnded,
)
from neko_cli.core.pictures import WAITING as PICTURES
from tests.core.test_parking import FakeJournal
from tests.fakes.outlet import numbered
from tests.fakes.staging import (
    COLD,
    TALK,
    exchange,
    profile,
    sound,
    staged,
    swapped,
    texts_of,
    told,
    works,
)
from tests.fakes.virtual import virtual

RATE = 24_000


def chunk(first: int, count: int = 2400) -> AudioChunk:
    return AudioChunk(numbered(first, count), RATE)


# -- nobody reads -------------------------------------------------------------------------------


@virtual
async def test_what_is_said_while_nobody_reads_is_remembered_kept_and_told_to_the_next_link():
    kept: list[object] = []

    class Journal(FakeJournal):
        def write(self, session, event, wall):
            kept.append(event)
            return super().write(session, event, wall)

    async with staged(COLD, journal=Journal(), session_id="s") as stage:
        server = await stage.start()
        await stage.reader.aclose()
        await stage.session.send_message("I am Mia.")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r1", "Hello Mia.")
        await asyncio.sleep(1.0)
        assert [(m.role, m.text) for m in stage.session.memory.recent()] == TALK
        ended = [event for event in kept if isinstance(event, TurnEnded)]
        assert [(event.outcome, event.text) for event in ended] == [(Outcome.COMPLETE, "Hello Mia.")]
        await stage.session.swap()
        assert await told(await stage.back(1.0), 2) == TALK


# -- typing and speaking ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(InputMode))
@virtual
async def test_typing_and_speaking_in_turns_need_one_link_and_lose_nothing(mode):
    """The seeds' session is torn down and made anew whenever the kind of input changes."""
    async with staged(COLD) as stage:
        server = await stage.start(mode)
        for n in range(5):
            await stage.session.stream_data(chunk(1 + 2400 * n))
            assert await sound(server, 4800) == numbered(1 + 2400 * n, 2400)
            await exchange(stage, server, f"question {n}", f"answer {n}")
        await stage.passes(5.0)
        server.nothing_more()
        assert stage.transport.connections.empty()
        assert stage.session.state.input_mode is mode


# -- starting -----------------------------------------------------------------------------------


@virtual
async def test_a_start_waits_for_nothing_but_the_configured_link_and_asks_for_nothing():
    """No warm-up, which would cost a reply and outlast the patience of who waits."""
    async with staged(COLD) as stage:
        began = asyncio.get_running_loop().time()
        server = await stage.start(InputMode.AUDIO)
        assert asyncio.get_running_loop().time() == began
        await stage.passes(30.0)
        server.nothing_more()


@pytest.mark.parametrize("way", ["fails", "hangs"])
@virtual
async def test_a_history_that_cannot_be_read_does_not_keep_a_session_from_starting(way):
    class Journal(FakeJournal):
        async def used_today(self, profile, wall):
            if way == "hangs":
                await asyncio.Event().wait()
            raise StoreError("The disk is broken.")

    tables = profile(guard={"max_minutes_day": 10})
    async with staged(tables, journal=Journal(), session_id="s", profile_name="p") as stage:
        server = await stage.start()
        assert "not readable" in (await stage.until(Notice)).text
        await works(stage, server)


@virtual
async def test_of_what_is_shown_while_starting_the_newest_pictures_are_kept_and_no_more():
    async with staged(COLD) as stage:
        starting = asyncio.gather(stage.session.start_session(InputMode.TEXT))
        server = await stage.transport.accepted()
        for n in range(3 * PICTURES):
            await stage.session.stream_data(ScreenFrame(bytes([n]), "image/jpeg", 4, 4))
        await server.configured()
        await starting
        shown = [await server.expect("conversation.item.create") for _ in range(PICTURES)]
        urls = [item["item"]["content"][0]["image_url"] for item in shown]
        assert len(set(urls)) == PICTURES
        assert urls[-1] == "data:image/jpeg;base64,Cw=="  # the eleventh byte
        server.nothing_more()


@virtual
async def test_what_cannot_be_sent_any_more_is_refused_and_not_swallowed():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        server.drop(1008)
        await stage.until(Failure, fatal=True)
        asks = [
            stage.session.send_message("Hello?"),
            stage.session.stream_data(chunk(1)),
            stage.session.stream_data(ScreenFrame(b"\xff", "image/jpeg", 4, 4)),
        ]
        for ask in asks:
            with pytest.raises(NekoError):
                await ask


@pytest.mark.parametrize(
    ("code", "reason", "fatal", "says"),
    [(1011, "out of order", False, "out of order"), (1007, "in arrears", True, "in arrears")],
)
@virtual
async def test_why_a_provider_closed_the_link_reaches_the_user(code, reason, fatal, says):
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        server.drop(code, reason)
        failure = await stage.until(Failure)
        assert says in failure.message
        assert (failure.fatal, failure.code) == (fatal, str(code))
        assert failure.hint if fatal else failure.retry_in is not None
        await stage.passes(0.1)
        assert len(stage.told(Failure)) == 1


# -- the next link ------------------------------------------------------------------------------

CHARACTER = {
    "character": {"name": "Mio", "persona": "You are a cat.", "language": "ja"},
    "voice": {"name": "cedar", "speed": 1.2},
    "turns": {"threshold": 0.3, "silence_ms": 900, "prefix_ms": 200},
    "provider": {"transcription_model": "ears", "max_output_tokens": 99},
}


@pytest.mark.parametrize("push_to_talk", [False, True])
@pytest.mark.parametrize("planned", [True, False])
@virtual
async def test_the_next_link_is_configured_as_the_first(planned, push_to_talk):
    """Its voice above all: the seeds' second session has another one."""
    async with staged(profile(**CHARACTER)) as stage:
        server = await stage.start(InputMode.AUDIO)
        first = stage.configuration
        assert first["audio"]["output"]["voice"] == "cedar"
        if push_to_talk:
            await stage.session.set_push_to_talk(True)
            await server.expect("session.update")
            first["audio"]["input"]["turn_detection"] = None
        if planned:
            await stage.session.swap()
        else:
            server.drop(1006)
        await stage.back()
        assert stage.configuration == first
        await stage.until(Swap)


class Slow:
    """A summariser that takes three seconds."""

    async def summarise(self, earlier, lines, *, language, within=None):
        await asyncio.sleep(3.0)
        return "What came before."


@pytest.mark.parametrize("reason", ["context", "user"])
@virtual
async def test_what_is_said_while_the_next_link_is_being_prepared_is_told_to_it_once(reason):
    """While its summary is made, and while it is being configured."""
    async with staged(profile(swap={"turns": 6 if reason == "context" else 0}), summariser=Slow()) as stage:
        server = await stage.start()
        for n in range(6):
            await exchange(stage, server, f"question {n}", f"answer {n}")
        if reason == "user":
            await stage.session.swap()
        await stage.passes(0.5)
        await exchange(stage, server, "question 6", "answer 6")
        fresh = await stage.transport.accepted()
        await exchange(stage, server, "question 7", "answer 7")
        await fresh.configured()
        await swapped(stage, reason, server, fresh)
        items = []
        while not fresh.to_server.empty():
            items.append(fresh.to_server.get_nowait())
        said = [text for role, text in texts_of(items) if role != "system"]
        first = 2 if reason == "context" else 0  # the others are in the summary
        assert said == [words for n in range(first, 8) for words in (f"question {n}", f"answer {n}")]
