"""Summaries are asked for in time, waited for only so long, and never lose or repeat a message."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.errors import LinkError
from neko_cli.core.events import InputMode, Notice, NoticeKind, SessionEnded, Swap, TurnEnded
from neko_cli.core.summaries import LONGEST, WORTH_IT
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import staged, texts_of
from tests.fakes.virtual import virtual

COLD = {"swap": {"standby": "cold"}, "guard": {"park_minutes": 0}}
SMALL = {**COLD, "memory": {"messages": 4}}


class FakeSummariser:
    """Counts its summaries; takes its time, or fails, when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.takes = 0.0
        self.error: Exception | None = None
        self.languages: set[str] = set()
        self.within: list[float | None] = []
        self.running = 0

    async def summarise(self, earlier, lines, *, language, within=None):
        self.asked.append((earlier, [f"{who}: {text}" for who, text in lines]))
        self.languages.add(language)
        self.within.append(within)
        self.running += 1
        assert self.running == 1, "two summaries at the same time"
        number = len(self.asked)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error
        return f"summary {number}"

    @property
    def texts(self) -> list[str]:
        """All lines that were ever summed up, in order."""
        return [line for _, lines in self.asked for line in lines]


async def talk(stage, server, turns, first=1):
    for n in range(first, first + turns):
        await stage.session.send_message(f"question {n}")
        server.reply(f"r{n}", f"answer {n}")
        await stage.until(TurnEnded)


def lines(first, last):
    return [line for n in range(first, last + 1) for line in (f"Mia: question {n}", f"Neko: answer {n}")]


NAMED = {"character": {"name": "Neko", "language": "de"}, "user": {"name": "Mia"}}


# -- in the background --------------------------------------------------------------------------


@virtual
async def test_what_falls_out_of_memory_is_summed_up_in_the_background_once_it_is_worth_it():
    summariser = FakeSummariser()
    async with staged({**SMALL, **NAMED}, summariser=summariser) as stage:
        server = await stage.start()
        await talk(stage, server, 2 + WORTH_IT // 2 - 1)
        assert summariser.asked == []
        await talk(stage, server, 1, first=2 + WORTH_IT // 2)
        await stage.passes(0.1)
        assert summariser.asked == [("", lines(1, WORTH_IT // 2))]
        assert stage.session.memory.summary == "summary 1"
        assert stage.session.memory.waiting == []
        assert summariser.languages == {"de"}


@virtual
async def test_each_message_is_summed_up_once_and_upon_the_earlier_summary():
    summariser = FakeSummariser()
    async with staged({**SMALL, **NAMED}, summariser=summariser) as stage:
        server = await stage.start()
        await talk(stage, server, 30)
        await stage.passes(0.1)
        assert len(summariser.asked) >= 4
        assert summariser.texts == lines(1, 30)[: len(summariser.texts)]
        assert [earlier for earlier, _ in summariser.asked] == [
            "" if n == 0 else f"summary {n}" for n in range(len(summariser.asked))
        ]


@virtual
async def test_what_is_said_meanwhile_waits_for_the_next_summary():
    summariser = FakeSummariser()
    summariser.takes = 20.0
    async with staged({**SMALL, **NAMED}, summariser=summariser) as stage:
        server = await stage.start()
        await talk(stage, server, 20)
        assert len(summariser.asked) == 1
        await stage.passes(25.0)
        await talk(stage, server, 1, first=21)
        await stage.passes(25.0)
        assert len(summariser.asked) == 2
        assert summariser.texts == lines(1, 19)


@virtual
async def test_a_summary_that_fails_or_hangs_loses_nothing():
    summariser = FakeSummariser()
    async with staged({**SMALL, **NAMED}, summariser=summariser) as stage:
        server = await stage.start()
        summariser.error = LinkError("No route.")
        await talk(stage, server, 8)
        await stage.passes(0.1)
        summariser.error, summariser.takes = None, 1e6
        await talk(stage, server, 1, first=9)
        await stage.passes(LONGEST + 1.0)
        summariser.takes = 0.0
        await talk(stage, server, 1, first=10)
        await stage.passes(0.1)
        assert stage.session.memory.summary == "summary 3"
        assert summariser.asked[-1] == ("", lines(1, 8))
        assert stage.session.memory.waiting == []


@virtual
async def test_without_a_summariser_memory_does_with_its_messages():
    async with staged(SMALL) as stage:
        server = await stage.start()
        await talk(stage, server, 20)
        assert stage.session.memory.summary == ""


# -- before a swap ------------------------------------------------------------------------------


@virtual
async def test_a_swap_waits_for_a_summary_no_longer_than_the_profile_says():
    summariser = FakeSummariser()
    async with staged(
        {**COLD, "memory": {"messages": 4, "summary_wait": 2.0}}, summariser=summariser
    ) as stage:
        server = await stage.start()
        await talk(stage, server, 4)
        summariser.takes = 1e6
        begun = stage.core.now()
        await stage.session.swap()
        fresh = await stage.back(3.0)
        assert stage.core.now() - begun == pytest.approx(2.0, abs=0.3)
        assert summariser.within[-1] < 2.0
        told = texts_of([await fresh.expect("conversation.item.create") for _ in range(8)])
        assert [text for _, text in told] == [
            m for n in range(1, 5) for m in (f"question {n}", f"answer {n}")
        ]
        await stage.until(Swap)


@virtual
async def test_a_swap_does_not_wait_behind_a_summary_that_is_being_made():
    summariser = FakeSummariser()
    async with staged(
        {**COLD, "memory": {"messages": 4, "summary_wait": 2.0}}, summariser=summariser
    ) as stage:
        server = await stage.start()
        summariser.takes = 30.0
        await talk(stage, server, 8)
        await stage.passes(0.1)
        assert summariser.running == 1
        begun = stage.core.now()
        await stage.session.swap()
        await stage.back(3.0)
        assert stage.core.now() - begun <= 2.3
        await stage.passes(31.0)
        assert stage.session.memory.summary == "summary 1"


# -- at the end of a call -----------------------------------------------------------------------


async def call(stage, turns):
    """A call of so many turns, over the fake wire."""
    server = await stage.start(InputMode.AUDIO)
    await talk(stage, server, turns)
    return server


@virtual
async def test_a_call_is_summed_up_when_it_ends_and_the_next_one_knows_it():
    summariser = FakeSummariser()
    async with staged({**COLD, **NAMED}, summariser=summariser) as stage:
        await call(stage, 5)
        await stage.session.end_session()
        assert summariser.asked == [("", lines(1, 5))]
        server = await stage.start(InputMode.AUDIO)
        (role, text), *rest = texts_of([await server.expect("conversation.item.create")])
        assert role == "system"
        assert "summary 1" in text
        assert rest == []
        server.nothing_more()
        assert len(stage.session.memory) == 0


@pytest.mark.parametrize("turns", [1, 2, 3])
@virtual
async def test_a_short_call_is_remembered_as_well(turns):
    summariser = FakeSummariser()
    async with staged({**COLD, **NAMED}, summariser=summariser) as stage:
        await call(stage, turns)
        await stage.session.end_session()
        server = await stage.start(InputMode.AUDIO)
        ((_, text),) = texts_of([await server.expect("conversation.item.create")])
        assert "question 1" in text or "summary 1" in text


@virtual
async def test_a_call_whose_summary_does_not_come_is_summed_up_by_this_machine():
    summariser = FakeSummariser()
    async with staged({**COLD, **NAMED}, summariser=summariser) as stage:
        await call(stage, 5)
        summariser.takes = 1e6
        begun = stage.core.now()
        await stage.session.end_session()
        assert stage.core.now() - begun <= 5.0
        assert "question" in stage.session.memory.summary


@virtual
async def test_a_call_that_ends_while_an_older_part_is_being_summed_up_loses_nothing():
    summariser = FakeSummariser()
    async with staged({**SMALL, **NAMED}, summariser=summariser) as stage:
        summariser.takes = 2.0
        server = await call(stage, 8)
        await stage.passes(1.0)  # the older part is done one second from now, the rest is not in time
        assert summariser.running == 1
        await stage.session.end_session()
        assert server.closing is not None
        for words in ("summary 1", "question 8"):
            assert words in stage.session.memory.summary


@virtual
async def test_text_is_not_summed_up_at_its_end():
    summariser = FakeSummariser()
    async with staged(COLD, summariser=summariser) as stage:
        server = await stage.start(InputMode.TEXT)
        await talk(stage, server, 5)
        await stage.session.end_session()
        assert summariser.asked == []
        again = await stage.start(InputMode.TEXT)
        told = texts_of([await again.expect("conversation.item.create") for _ in range(10)])
        assert told[-1] == ("assistant", "answer 5")


@virtual
async def test_a_resumed_call_shows_the_summary_of_the_last_one_first():
    summariser = FakeSummariser()
    capabilities = {"resume": "conversation"}
    async with staged(COLD, summariser=summariser, capabilities=capabilities) as stage:
        server = await stage.start(InputMode.AUDIO)
        server.tell("conversation.created", conversation={"id": "c1"})
        await talk(stage, server, 5)
        await stage.session.end_session()
        again = await stage.start(InputMode.AUDIO)
        assert "conversation=c1" in again.endpoint.url
        notice = await stage.until(Notice, kind=NoticeKind.MEMORY)
        assert "summary 1" in notice.text


@virtual
async def test_who_is_in_a_hurry_at_the_end_ends_everything_all_the_same():
    """A clean-up gives the end a few seconds; a summary that hangs must not keep the loudspeaker open."""
    summariser = FakeSummariser()
    speaker = FakeSpeaker()
    tables = {**COLD, "memory": {"summary_wait": 60.0}}
    async with staged(tables, summariser=summariser, speaker=speaker) as stage:
        await call(stage, 5)
        summariser.takes = 1e6
        begun = stage.core.now()
        await stage.session.cleanup()
        assert stage.core.now() - begun <= 10.0
        assert not speaker.is_open
        assert (await stage.until(SessionEnded)).reason == "closed"
        assert "question" in stage.session.memory.summary
