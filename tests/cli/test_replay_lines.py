"""Lines of a recorded conversation: who said what, and nothing that is not plain text."""

from __future__ import annotations

import pytest

from neko_cli.cli.replay_lines import Line, lines_of, stamped
from neko_cli.core.errors import LinkError
from neko_cli.core.events import (
    AnyEvent,
    Connected,
    Failure,
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    ScreenShown,
    Severity,
    Swap,
    ToolCall,
    TurnEnded,
    UserText,
)
from neko_cli.core.transport.recorded import Moment


def lines(*moments: tuple[float, AnyEvent]) -> list[tuple[float, str]]:
    return [tuple(line) for line in lines_of([Moment(*moment) for moment in moments], "Mio")]  # type: ignore[misc]


def said(turn: int, text: str, *, final: bool = True) -> UserText:
    return UserText(at=0.0, turn=turn, text=text, final=final)


def ended(
    turn: int, text: str, outcome: Outcome = Outcome.COMPLETE, heard_ms: float | None = None
) -> TurnEnded:
    return TurnEnded(at=0.0, turn=turn, outcome=outcome, text=text, heard_ms=heard_ms)


def test_a_reply_stands_where_it_began() -> None:
    assert lines(
        (1.0, said(1, "hel", final=False)),
        (1.5, said(1, "hello")),
        (2.0, ReplyText(at=0.0, turn=1, delta="Hi ")),
        (2.1, ReplyText(at=0.0, turn=1, delta="you.")),
        (3.0, said(2, "and?")),
        (4.0, ended(1, "Hi you.")),
        (5.0, ended(2, "")),
    ) == [(1.5, "You: hello"), (2.0, "Mio: Hi you."), (3.0, "You: and?")]


def test_a_reply_that_was_cut_says_so() -> None:
    assert lines(
        (4.0, ended(1, "Hi y", Outcome.INTERRUPTED, 1234.0)), (5.0, ended(2, "x", Outcome.FAILED))
    ) == [
        (4.0, "Mio: Hi y (interrupted after 1.2 s)"),
        (5.0, "Mio: x (failed)"),
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Connected(at=0.0, provider="OpenAI", model="m"), "· Connected: OpenAI m"),
        (
            Notice(at=0.0, kind=NoticeKind.SOUND, severity=Severity.WARNING, text="The microphone is gone."),
            "! The microphone is gone.",
        ),
        (
            Swap(at=0.0, reason="context", planned=True, from_link=1, to_link=2, gap_ms=3.2, cached_ms=40.0,
                 resent_ms=0.0),
            "· Fresh connection. (context: gap 3 ms, held 40 ms, sent again 0 ms)",
        ),
        (Failure.of(LinkError("No connection.", hint="Try later."), at=0.0), "! No connection. Try later."),
        (ToolCall(at=0.0, turn=1, call_id="c", name="weather", arguments='{"town":"Ulm"}'),
         '· Mio wants to use weather {"town":"Ulm"}'),
    ],
)  # fmt: skip
def test_what_was_told(event: AnyEvent, line: str) -> None:
    assert lines((1.0, event)) == [(1.0, line)]


def test_pictures_are_told() -> None:
    shown = ScreenShown(at=0.0, source="screen 1", width=10, height=10, bytes=5, sent=True)
    ((_, line),) = lines((1.0, shown))
    assert line.startswith("· ")


@pytest.mark.parametrize(
    "evil", ["\x1b[31mred", "\x1b]0;title\x07", "a\rb", "a\nb", "\u202eback", "\x9b2J", "\x00"]
)
def test_nothing_of_a_file_reaches_the_terminal_raw(evil: str) -> None:
    notice = Notice(at=0.0, kind=NoticeKind.SOUND, severity=Severity.INFO, text=f"n{evil}")
    call = ToolCall(at=0.0, turn=1, call_id="c", name=f"t{evil}", arguments=evil)
    moments = [
        Moment(0.0, event)
        for event in (
            said(1, f"s{evil}"),
            ended(1, f"e{evil}"),
            notice,
            call,
            Connected(at=0.0, provider=f"p{evil}", model=evil),
        )
    ]
    for line in lines_of(moments, f"Mio{evil}"):
        assert stamped(line).isprintable(), stamped(line)


@pytest.mark.parametrize(
    ("at", "stamp"), [(0.0, "[00:00.0]"), (59.99, "[00:59.9]"), (61.25, "[01:01.2]"), (6000.0, "[100:00.0]")]
)
def test_the_time(at: float, stamp: str) -> None:
    assert stamped(Line(at, "x")) == f"{stamp} x"
