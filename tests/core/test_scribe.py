"""A final line is on disk before it is told; and whatever the disk does, everything is told, in order."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import StoreError
from neko_cli.core.events import (
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    Severity,
    TurnEnded,
    Usage,
    UserText,
)
from neko_cli.core.ports import SessionRecord
from neko_cli.core.profile import parse
from neko_cli.core.scribe import PATIENCE, SET_ASIDE, Scribe, is_final
from tests.fakes.staging import COLD, exchange, profile, staged
from tests.fakes.virtual import virtual
from tests.simulation.loop import VirtualLoop

RECORD = SessionRecord(
    id="s1", character="Neko", profile="p", provider="embedded", model="m", mode="text", started_at=0.0
)


class FakeJournal:
    """Keeps what is written, and answers when the test says so."""

    def __init__(self) -> None:
        self.entries: list[tuple] = []
        self.futures: list[asyncio.Future[None]] = []
        self.at_once: BaseException | bool | None = None
        """True: everything is saved at once; an error: nothing is, and that is known at once."""

    def _entry(self, *entry) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self.entries.append(entry)
        self.futures.append(future)
        if isinstance(self.at_once, BaseException):
            future.set_exception(self.at_once)
        elif self.at_once:
            future.set_result(None)
        return future

    def begin(self, record):
        return self._entry("begin", record)

    def write(self, session, event, wall):
        return self._entry("write", session, event, wall)

    def summarised(self, session, mode, text, upto_turn):
        return self._entry("summarised", session, mode, text, upto_turn)

    def used(self, session, seconds, wall):
        return self._entry("used", session, seconds, wall)

    async def used_today(self, profile, wall):
        return 0.0


class Desk:
    """A scribe, its journal and its reader."""

    def __init__(self, *, journal: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.journal = FakeJournal()
        self.told: list = []
        self.when: list[float] = []
        self.scribe = Scribe(
            self.hear, self.journal if journal else None, "s1", loop.time, lambda: 1e9 + loop.time()
        )

    def hear(self, event) -> None:
        self.told.append(event)
        self.when.append(asyncio.get_running_loop().time())

    @property
    def texts(self) -> list[str]:
        """What was told, notices left out."""
        return [
            getattr(e, "text", None) or getattr(e, "delta", "")
            for e in self.told
            if not isinstance(e, Notice)
        ]

    @property
    def notices(self) -> list[str]:
        return [e.text for e in self.told if isinstance(e, Notice)]

    def final(self, text: str) -> asyncio.Future[None]:
        self.scribe.tell(UserText(at=0.0, turn=1, text=text, final=True))
        return self.journal.futures[-1]

    def word(self, text: str) -> None:
        self.scribe.tell(ReplyText(at=0.0, turn=1, delta=text))


async def settled() -> None:
    """Let callbacks run that are due."""
    for _ in range(5):
        await asyncio.sleep(0)


NOT_SAVED = "The conversation is not being saved: "
AGAIN = "The conversation is being saved again."


@pytest.mark.parametrize(
    ("event", "final"),
    [
        (UserText(at=0, turn=1, text="a", final=True), True),
        (UserText(at=0, turn=1, text="a", final=False), False),
        (TurnEnded(at=0, turn=1, outcome=Outcome.COMPLETE, text="a"), True),
        (TurnEnded(at=0, turn=1, outcome=Outcome.FAILED, text=""), True),
        (ReplyText(at=0, turn=1, delta="a"), False),
        (Usage(at=0, turn=1), False),
    ],
)
def test_which_lines_must_not_be_lost(event, final):
    assert is_final(event) is final


@virtual
async def test_a_final_line_waits_for_the_disk_and_holds_back_what_comes_after():
    desk = Desk()
    desk.word("before")
    written = desk.final("final")
    desk.word("after")
    await settled()
    assert desk.texts == ["before"]
    written.set_result(None)
    await settled()
    assert desk.texts == ["before", "final", "after"]


@virtual
async def test_a_line_that_is_on_disk_before_an_earlier_one_waits_for_that():
    desk = Desk()
    first, second = desk.final("first"), desk.final("second")
    second.set_result(None)
    await settled()
    assert desk.texts == []
    first.set_result(None)
    await settled()
    assert desk.texts == ["first", "second"]


@virtual
async def test_what_is_not_final_is_told_at_once_and_kept_all_the_same():
    desk = Desk()
    desk.scribe.tell(UserText(at=0.0, turn=1, text="half", final=False))
    desk.scribe.tell(Usage(at=0.0, turn=1))
    desk.word("word")
    assert desk.texts == ["half", "", "word"]
    assert [type(entry[2]) for entry in desk.journal.entries] == [UserText, Usage]


@virtual
async def test_a_disk_that_answers_at_once_holds_nothing_back():
    desk = Desk()
    desk.journal.at_once = True
    desk.final("final")
    assert desk.texts == ["final"]


@virtual
async def test_without_a_journal_everything_is_told_at_once():
    desk = Desk(journal=False)
    desk.scribe.begin(RECORD)
    desk.scribe.summarised("text", "summary", 1)
    desk.scribe.used(1.0)
    desk.scribe.tell(UserText(at=0.0, turn=1, text="final", final=True))
    assert desk.texts == ["final"]
    assert desk.journal.entries == []
    assert not desk.scribe.keeps


@virtual
async def test_everything_that_is_to_last_is_kept_with_its_session_and_time():
    desk = Desk()
    desk.journal.at_once = True
    desk.scribe.begin(RECORD)
    desk.scribe.summarised("call", "In short.", 7)
    desk.scribe.summarised("call", "", 8)
    desk.scribe.used(30.0)
    desk.scribe.used(0.0)
    ended = TurnEnded(at=0, turn=1, outcome=Outcome.COMPLETE, text="a")
    notice = Notice(at=0, kind=NoticeKind.SOUND, severity=Severity.INFO, text="n")
    desk.scribe.tell(ended)
    desk.scribe.tell(notice)
    assert desk.journal.entries == [
        ("begin", RECORD),
        ("summarised", "s1", "call", "In short.", 7),
        ("used", "s1", 30.0, 1e9),
        ("write", "s1", ended, 1e9),
        ("write", "s1", notice, 1e9),
    ]


@virtual
async def test_switched_off_nothing_more_reaches_the_disk_and_everything_is_told():
    desk = Desk()
    desk.journal.at_once = True
    desk.scribe.begin(RECORD)
    desk.final("kept")
    desk.scribe.keep(False)
    kept = list(desk.journal.entries)
    desk.scribe.tell(UserText(at=0.0, turn=2, text="private", final=True))
    desk.scribe.summarised("text", "What was said.", 2)
    desk.scribe.used(30.0)
    desk.scribe.begin(RECORD)
    desk.scribe.keep(False)
    assert desk.journal.entries == kept
    assert desk.texts == ["kept", "private"]
    assert desk.notices == ["From here on nothing is saved."]
    assert not desk.scribe.keeps


@virtual
async def test_switched_on_again_what_follows_is_kept_but_no_summary_of_what_was_not():
    desk = Desk()
    desk.journal.at_once = True
    desk.scribe.keep(False)
    desk.scribe.begin(RECORD)
    desk.scribe.tell(UserText(at=0.0, turn=1, text="private", final=True))
    desk.scribe.keep(True)
    desk.scribe.keep(True)
    desk.final("kept")
    desk.scribe.summarised("text", "It was private.", 1)
    assert [entry[0] for entry in desk.journal.entries] == ["begin", "write"]
    assert desk.notices == ["From here on nothing is saved.", "From here on the conversation is saved."]
    assert desk.scribe.keeps


@virtual
async def test_a_line_that_was_on_its_way_to_the_disk_is_still_told_after_it():
    desk = Desk()
    written = desk.final("on its way")
    desk.scribe.keep(False)
    desk.scribe.tell(UserText(at=0.0, turn=2, text="private", final=True))
    await settled()
    assert desk.texts == []
    written.set_result(None)
    await settled()
    assert desk.texts == ["on its way", "private"]


@virtual
async def test_without_a_journal_it_says_when_saving_begins():
    desk = Desk(journal=False)
    desk.scribe.keep(True)
    assert desk.notices == ["What is said is saved when neko is started the next time."]
    assert not desk.scribe.keeps


@virtual
async def test_a_profile_that_says_so_while_talking_stops_the_saving():
    journal = FakeJournal()
    journal.at_once = True
    async with staged(COLD, journal=journal, session_id="s", profile_name="p") as stage:
        server = await stage.start()
        await exchange(stage, server)
        assert stage.session.session_id == "s"
        await stage.session.switch_profile(parse(profile(memory={"save": False}), "test.toml"))
        kept = list(journal.entries)
        await stage.until(Notice, text="From here on nothing is saved.")
        await exchange(stage, server, "A secret.", "I forget it.")
        await stage.passes(60.0)
        assert journal.entries == kept
        assert stage.session.session_id == ""
        await stage.session.switch_profile(parse(COLD, "test.toml"))
        await exchange(stage, server, "And now?", "Kept.")
        assert "A secret." not in str(journal.entries)
        assert "Kept." in str(journal.entries)


@virtual
async def test_a_disk_that_hangs_is_waited_for_one_second_and_told_once():
    desk = Desk()
    desk.final("first")
    desk.word("after")
    await desk.scribe.drained()
    assert desk.when[-1] == pytest.approx(PATIENCE)
    assert desk.texts == ["first", "after"]
    desk.final("second")  # nobody waits for a disk that does not answer
    assert desk.texts == ["first", "after", "second"]
    await asyncio.sleep(5)
    assert desk.notices == [f"{NOT_SAVED}The disk does not answer."]
    assert isinstance(desk.told[-2], Notice)


@virtual
async def test_a_disk_that_comes_back_is_told_once_and_waited_for_again():
    desk = Desk()
    first = desk.final("first")
    await desk.scribe.drained()
    second = desk.final("second")
    first.set_result(None)
    second.set_result(None)
    await settled()
    assert desk.notices == [f"{NOT_SAVED}The disk does not answer.", AGAIN]
    third = desk.final("third")
    await settled()
    assert desk.texts == ["first", "second"]
    third.set_result(None)
    await settled()
    assert desk.texts == ["first", "second", "third"]
    assert len(desk.notices) == 2


@virtual
async def test_each_line_has_a_second_of_its_own():
    """A slow disk that keeps up is not one that hangs, however long the queue is never empty."""
    desk = Desk()
    waiting = [desk.final("0")]
    for n in range(1, 10):
        await asyncio.sleep(PATIENCE * 0.3)
        waiting.append(desk.final(str(n)))
        await asyncio.sleep(PATIENCE * 0.3)
        waiting.pop(0).set_result(None)
        await settled()
        assert desk.texts == [str(k) for k in range(n)]
    assert desk.notices == []


@virtual
async def test_the_session_waits_for_no_longer_than_that_at_its_end():
    desk = Desk()
    for n in range(5):
        desk.final(str(n))
    started = asyncio.get_running_loop().time()
    await desk.scribe.drained()
    assert asyncio.get_running_loop().time() - started == pytest.approx(PATIENCE)
    assert desk.texts == ["0", "1", "2", "3", "4"]


@virtual
async def test_a_disk_that_fails_is_told_once_with_its_reason_and_everything_goes_on():
    desk = Desk()
    desk.journal.at_once = StoreError("The disk is full.")
    for n in range(4):
        desk.final(str(n))
        await settled()
    assert desk.texts == ["0", "1", "2", "3"]
    assert desk.notices == [f"{NOT_SAVED}The disk is full."]


@virtual
async def test_a_line_whose_writing_fails_later_is_told_then():
    desk = Desk()
    written = desk.final("first")
    desk.word("after")
    await asyncio.sleep(PATIENCE / 2)
    written.set_exception(StoreError("The disk is full."))
    await settled()
    assert desk.texts == ["first", "after"]
    assert desk.notices == [f"{NOT_SAVED}The disk is full."]
    assert desk.when[0] == pytest.approx(PATIENCE / 2)


@virtual
async def test_failing_again_after_it_was_well_is_told_again():
    desk = Desk()
    for outcome in (StoreError("Full."), True, StoreError("Locked."), True):
        desk.journal.at_once = outcome
        desk.final("x")
        await settled()
    assert desk.notices == [f"{NOT_SAVED}Full.", AGAIN, f"{NOT_SAVED}Locked.", AGAIN]


@virtual
async def test_what_else_cannot_be_kept_counts_as_well():
    desk = Desk()
    desk.journal.at_once = StoreError("Full.")
    desk.scribe.begin(RECORD)
    desk.scribe.used(3.0)
    await settled()
    assert desk.notices == [f"{NOT_SAVED}Full."]


@virtual
async def test_a_damaged_file_that_was_set_aside_is_told_and_saving_goes_on():
    desk = Desk()
    desk.journal.at_once = StoreError("It was damaged and put aside.", code=SET_ASIDE)
    desk.final("first")
    await settled()
    assert desk.notices == ["It was damaged and put aside."]
    desk.journal.at_once = True
    desk.final("second")
    await settled()
    assert len(desk.notices) == 1


@virtual
async def test_our_own_notices_are_not_written_to_a_disk_that_fails():
    desk = Desk()
    desk.journal.at_once = StoreError("Full.")
    desk.final("x")
    await settled()
    assert [type(entry[2]) for entry in desk.journal.entries] == [UserText]


@virtual
async def test_an_unexpected_error_of_the_journal_names_no_content():
    desk = Desk()
    desk.final("x").set_exception(RuntimeError("secret words"))
    await settled()
    assert desk.texts == ["x"]
    assert desk.notices == [f"{NOT_SAVED}The disk does not answer."]


@virtual
async def test_a_cancelled_write_holds_nothing_back():
    desk = Desk()
    first, second = desk.final("first"), desk.final("second")
    first.cancel()
    await settled()
    assert desk.texts == ["first"]
    second.cancel()
    await desk.scribe.drained()
    assert desk.texts == ["first", "second"]
    assert desk.notices == []


@virtual
async def test_an_answer_after_it_was_told_tells_nothing_twice():
    desk = Desk()
    written = desk.final("first")
    await desk.scribe.drained()
    waiting = desk.final("second")
    written.set_result(None)
    await settled()
    waiting.set_result(None)
    await asyncio.sleep(5)
    assert desk.texts == ["first", "second"]


STEPS = st.one_of(
    st.tuples(st.just("final")),
    st.tuples(st.just("word")),
    st.tuples(st.just("answer"), st.integers(0, 30), st.sampled_from(["saved", "failed", "cancelled"])),
    st.tuples(st.just("wait"), st.floats(0.01, 1.5)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_whatever_the_disk_does_all_is_told_once_in_order_and_in_time(steps):
    async def course():
        desk, told = Desk(), []
        since: list[float] = []
        loop = asyncio.get_running_loop()
        for number, step in enumerate(steps):
            match step:
                case ("final",):
                    desk.final(str(number))
                case ("word",):
                    desk.word(str(number))
                case ("answer", which, how):
                    pending = [f for f in desk.journal.futures if not f.done()]
                    if pending:
                        future = pending[which % len(pending)]
                        {"saved": lambda f: f.set_result(None),
                         "failed": lambda f: f.set_exception(StoreError("Full.")),
                         "cancelled": lambda f: f.cancel()}[how](future)  # fmt: skip
                        await settled()
                case ("wait", seconds):
                    await asyncio.sleep(seconds)
            if step[0] in ("final", "word"):
                told.append(str(number))
                since.append(loop.time())
            assert desk.texts == told[: len(desk.texts)]
        await asyncio.sleep(PATIENCE + 0.01)
        assert desk.texts == told
        when = [at for at, e in zip(desk.when, desk.told, strict=True) if not isinstance(e, Notice)]
        assert all(at - begun <= PATIENCE + 0.01 for at, begun in zip(when, since, strict=True))
        for before, after in zip(desk.notices, desk.notices[1:], strict=False):
            assert (before == AGAIN) != (after == AGAIN)  # never the same news twice

    loop = VirtualLoop()
    loop.run(course())
    assert loop.unhandled == []
