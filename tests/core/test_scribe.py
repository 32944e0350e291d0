"""A final line is on disk before it is told."""

from __future__ import annotations

import pytest

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
from neko_cli.core.profile import parse
from neko_cli.core.scribe import is_final
from tests.fakes.desk import RECORD, Desk, FakeJournal, settled
from tests.fakes.staging import COLD, exchange, profile, staged
from tests.fakes.virtual import virtual


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
