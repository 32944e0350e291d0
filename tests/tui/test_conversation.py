"""Events become lines: order, marks, bounds, and nothing raw."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import LinkError
from neko_cli.core.events import (
    AgentTask,
    AnyEvent,
    Outcome,
    SessionEnded,
    Severity,
    SpeechStarted,
    TextOf,
    Translated,
    TurnEnded,
    UserText,
)
from neko_cli.core.memory import Remembered
from neko_cli.core.text import sanitise
from neko_cli.tui.conversation import CORRECT, Conversation
from neko_cli.tui.lines import Added, Change, Changed, Line, Mark, Removed, Role
from neko_cli.tui.look import line_parts
from neko_cli.tui.sheet import LONGEST, REMEMBERED
from tests.tui.scenes import CONVERSATION, delta, ended, failure, feels, notice, said, typed


def screen(changes: Iterable[Change]) -> list[Line]:
    """The lines after the changes, as the transcript would show them."""
    lines: list[Line] = []
    for change in changes:
        keys = [line.key for line in lines]
        match change:
            case Added(line, before):
                lines.insert(keys.index(before) if before in keys else len(lines), line)
            case Changed(line):
                lines[keys.index(line.key)] = line
            case Removed(key):
                del lines[keys.index(key)]
    return lines


def play(*events: AnyEvent, conversation: Conversation | None = None) -> list[Line]:
    conversation = conversation or Conversation("Neko")
    return screen([change for event in events for change in conversation.apply(event)])


def test_a_turn_is_two_lines() -> None:
    you, neko = play(typed(1, "hello"), delta(1, "Hi "), delta(1, "there."), ended(1, "Hi there."))
    assert (you.role, you.text) == (Role.YOU, "hello")
    assert (neko.role, neko.name, neko.text, neko.live) == (Role.CHARACTER, "Neko", "Hi there.", False)


def test_partial_speech_is_replaced_by_the_final_text() -> None:
    [line] = play(said(1, "what ti", final=False), said(1, "what time is it"))
    assert (line.text, line.live, line.mark) == ("what time is it", False, Mark.NONE)


def test_speech_shows_before_its_words_and_its_late_words_stand_above_the_reply() -> None:
    [waiting] = play(SpeechStarted(at=0.0, turn=1))
    assert waiting.live
    assert waiting.text == ""
    lines = play(delta(1, "It is noon."), said(1, "what time is it"), ended(1, "It is noon."))
    assert [line.role for line in lines] == [Role.YOU, Role.CHARACTER]


def test_speech_that_came_to_nothing_leaves_no_line() -> None:
    assert play(SpeechStarted(at=0.0, turn=1), ended(1, "", Outcome.CANCELLED)) == []


def test_speech_that_was_answered_but_never_written_down_keeps_its_place() -> None:
    you, _ = play(SpeechStarted(at=0.0, turn=1), delta(1, "Yes."), ended(1, "Yes."))
    assert (you.text, you.live) == ("", False)


def test_an_interrupted_reply_keeps_what_was_heard_and_says_so() -> None:
    [line] = play(delta(1, "Once upon a time there was"), ended(1, "Once upon", Outcome.INTERRUPTED))
    assert (line.text, line.mark) == ("Once upon", Mark.INTERRUPTED)
    assert line.unheard == "a time there was"


def test_a_reply_that_was_read_but_not_heard_does_not_vanish() -> None:
    [line] = play(delta(1, "Two plus two is 4."), ended(1, "", Outcome.INTERRUPTED))
    assert (line.text, line.unheard, line.mark) == ("", "Two plus two is 4.", Mark.INTERRUPTED)
    shown = "".join(part.text for part in line_parts(line))
    assert shown.endswith("— Two plus two is 4.")


def test_a_failed_turn_is_marked_even_without_a_word() -> None:
    [line] = play(ended(1, "", Outcome.FAILED))
    assert (line.text, line.mark) == ("", Mark.FAILED)


def test_a_cancelled_turn_without_a_word_shows_nothing() -> None:
    assert play(ended(1, "", Outcome.CANCELLED)) == []


def test_the_emotion_stands_beside_the_reply_whether_it_comes_before_or_after() -> None:
    [before] = play(feels(1, "happy"), delta(1, "Hi"))
    [after] = play(delta(1, "Hi"), feels(1, "sad"))
    assert (before.emotion, after.emotion) == ("happy", "sad")


def test_low_confidence_is_offered_for_correction_until_settled() -> None:
    conversation = Conversation("Neko")
    changes = conversation.apply(said(1, "wreck a nice beach", confidence=0.2))
    assert conversation.unsure_text == "wreck a nice beach"
    [line] = screen(changes)
    assert (line.mark, line.aside) == (Mark.UNSURE, CORRECT)
    [line] = screen(changes + conversation.settle())
    assert (line.mark, line.aside) == (Mark.UNSURE, "")
    assert conversation.unsure_text == ""


def test_empty_speech_is_unsure_and_has_nothing_to_correct() -> None:
    conversation = Conversation("Neko")
    [line] = play(said(1, "", confidence=None), conversation=conversation)
    assert line.mark is Mark.UNSURE
    assert conversation.unsure
    assert conversation.unsure_text == ""


def test_sure_speech_withdraws_the_offer_to_correct_older_speech() -> None:
    conversation = Conversation("Neko")
    first, _ = play(said(1, "wreck a", confidence=0.2), said(2, "hello"), conversation=conversation)
    assert first.aside == ""
    assert not conversation.unsure


def test_unknown_confidence_counts_as_sure() -> None:
    [line] = play(said(1, "hello", confidence=None))
    assert line.mark is Mark.NONE


def test_an_error_told_as_an_event_is_not_told_again() -> None:
    conversation = Conversation("Neko")
    conversation.apply(failure("No route.", fatal=True))
    assert conversation.error(LinkError("No route.")) == []
    assert len(conversation.error(LinkError("Another."))) == 1


def test_the_end_of_the_session_closes_open_lines() -> None:
    lines = play(SpeechStarted(at=0.0, turn=2), delta(1, "Half a"), SessionEnded(at=0.0, reason="x"))
    assert [(line.text, line.live) for line in lines] == [("Half a", False)]


def test_what_was_said_before_stands_dim_between_two_dividers() -> None:
    conversation = Conversation("Neko")
    messages = [Remembered("user", "I am Jo\x1b[1m.", 1), Remembered("assistant", "Hello Jo.", 1)]
    lines = screen(conversation.earlier("Jo said hello.", messages))
    assert [line.role for line in lines] == [
        Role.DIVIDER,
        Role.NOTICE,
        Role.YOU,
        Role.CHARACTER,
        Role.DIVIDER,
    ]
    assert [line.text for line in lines] == [
        "earlier",
        "In short: Jo said hello.",
        "I am Jo.",
        "Hello Jo.",
        "now",
    ]
    assert all(line.past for line in lines[1:-1])
    assert not conversation.talked


def test_nothing_said_before_is_no_line() -> None:
    assert Conversation("Neko").earlier(" ", []) == []


def test_what_was_said_before_stands_above_what_waits_to_be_sent() -> None:
    conversation = Conversation("Neko")
    changes = [
        *conversation.notice("An offer."),
        *conversation.waiting("hello"),
        *conversation.earlier("", [Remembered("user", "before", 1)]),
    ]
    assert [line.text for line in screen(changes)] == ["An offer.", "earlier", "before", "now", "hello"]


def test_it_knows_whether_anything_was_said() -> None:
    conversation = Conversation("Neko")
    conversation.apply(said(1, "hel", final=False))
    conversation.apply(notice("x"))
    assert not conversation.talked
    conversation.apply(said(1, "hello"))
    assert conversation.talked


def test_hostile_text_is_cleaned_wherever_it_comes_from() -> None:
    bad = "a\x1b]0;title\x07b\u202ec\x9b31md"
    lines = play(
        said(1, bad),
        feels(1, bad),
        delta(1, bad),
        ended(2, bad),
        notice(bad),
        failure(bad, hint=bad, fatal=True),
    )
    for line in lines:
        for text in (line.name, line.text, line.aside, line.emotion):
            assert text == sanitise(text)
            assert "title" not in text


def test_an_escape_sequence_cut_between_two_deltas_does_not_come_through() -> None:
    [line] = play(delta(1, "a\x1b]0;ti"), delta(1, "tle\x07b"))
    assert line.text == "ab"


def test_markup_is_kept_as_it_is() -> None:
    [line] = play(ended(1, "[bold]not bold[/bold] [@click=app.quit]x[/]"))
    assert line.text == "[bold]not bold[/bold] [@click=app.quit]x[/]"


def test_an_endless_reply_is_shown_up_to_a_limit() -> None:
    conversation = Conversation("Neko")
    lines = play(*(delta(1, "word " * 100) for _ in range(60)), conversation=conversation)
    assert len(lines[0].text) == LONGEST


def test_what_is_remembered_is_bounded() -> None:
    conversation = Conversation("Neko")
    for turn in range(REMEMBERED * 3):
        conversation.apply(typed(turn, "x"))
        conversation.apply(feels(turn, "happy"))
        conversation.apply(delta(turn, "y"))
    assert len(conversation._sheet.lines) <= REMEMBERED
    assert len(conversation._emotions) <= REMEMBERED
    assert len(conversation._cleaners) <= REMEMBERED


EVENTS = st.sampled_from(
    [*CONVERSATION, SpeechStarted(at=0.0, turn=2), said(2, "", final=False), ended(3, "", Outcome.CANCELLED)]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_whatever_the_order_the_users_line_stands_above_the_reply(events: list[AnyEvent]) -> None:
    lines = play(*events)
    keys = [line.key for line in lines]
    assert len(keys) == len(set(keys))
    for turn in range(1, 5):
        if f"you-0-{turn}" in keys and f"reply-0-{turn}" in keys:
            assert keys.index(f"you-0-{turn}") < keys.index(f"reply-0-{turn}")


def test_a_waiting_message_gives_way_to_the_sent_one() -> None:
    conversation = Conversation("Neko")
    changes = conversation.waiting("hello")
    [line] = screen(changes)
    assert line.mark is Mark.WAITING
    assert screen(changes + conversation.sent(line.key)) == []
    assert conversation.sent(line.key) == []


def test_another_session_that_counts_from_one_again_gets_lines_of_its_own() -> None:
    conversation = Conversation("Neko")
    changes = [
        *conversation.apply(typed(1, "first")),
        *conversation.apply(delta(1, "half a")),
        *conversation.begin(),
        *conversation.apply(typed(1, "second")),
        *conversation.apply(ended(1, "whole")),
    ]
    lines = screen(changes)
    assert [line.text for line in lines] == ["first", "half a", "second", "whole"]
    assert not any(line.live for line in lines)


def translated(of, original, text, turn=1):
    return Translated(at=0.0, turn=turn, original_of=of, original=original, text=text, language="de")


def test_a_translation_stands_under_what_it_translates():
    conversation = Conversation("Neko")
    conversation.apply(UserText(at=0.0, turn=1, text="Guten Tag", final=True))
    conversation.apply(TurnEnded(at=0.0, turn=1, outcome=Outcome.COMPLETE, text="こんにちは"))
    (changed,) = conversation.apply(translated(TextOf.REPLY, "こんにちは", "Hallo\x1b[31m"))
    assert (changed.line.text, changed.line.translated) == ("こんにちは", "Hallo")
    (changed,) = conversation.apply(translated(TextOf.USER, "Guten Tag", "Good day"))
    assert (changed.line.text, changed.line.translated) == ("Guten Tag", "Good day")
    assert conversation.apply(translated(TextOf.REPLY, "x", "y", turn=9)) == []


def test_the_translation_of_a_notice_is_a_line_of_its_own():
    conversation = Conversation("Neko")
    (added,) = conversation.apply(translated(TextOf.NOTICE, "Trying again.", "Neuer Versuch.", turn=0))
    assert added.line.text == "→ Neuer Versuch."


def test_a_background_task_is_one_line():
    conversation = Conversation("Neko")
    task = AgentTask(at=0.0, id="t1", status="running", title="make\x1b[2J test", source="command")
    (added,) = conversation.apply(task)
    assert added.line.text == "make test (command): is running"
    ended = AgentTask(at=0.0, id="t1", status="failed", title="make test", source="command", detail="code 2")
    (changed,) = conversation.apply(ended)
    assert (changed.line.key, changed.line.text) == (added.line.key, "make test (command): failed")
    assert (changed.line.aside, changed.line.severity) == ("code 2", Severity.ERROR)
