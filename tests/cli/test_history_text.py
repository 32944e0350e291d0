"""How conversations look: nothing of what was said can pass for something else."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from neko_cli.cli.history_text import (
    Conversation,
    Format,
    around,
    export,
    fit,
    hit_lines,
    plain,
    session_lines,
)
from neko_cli.core.ports import SessionRecord
from neko_cli.core.text import sanitise
from neko_cli.services.store_records import Hit, KeptMessage, KeptSession

text = st.text(max_size=60)


def session(name: str = "id", character: str = "Neko", title: str = "hello") -> KeptSession:
    record = SessionRecord(
        id=name, character=character, profile="p", provider="x", model="m", mode="text", started_at=0.0
    )
    return KeptSession(record=record, updated_at=60.0, messages=1, title=title, seconds=1.0)


def message(words: str, role: str = "user", outcome: str = "") -> KeptMessage:
    return KeptMessage(role=role, text=words, turn=1, at=0.0, spoken=False, outcome=outcome)


@settings(max_examples=100, deadline=None)
@given(
    words=text,
    name=text,
    model=st.sampled_from(["m", "\x1b]0;title\x07"]),
    outcome=st.sampled_from(["", "failed"]),
)
def test_what_is_exported_is_safe_to_show(words: str, name: str, model: str, outcome: str) -> None:
    talk = Conversation(session(name, name, words), [message(words, "assistant", outcome)], {})
    for form in (Format.MARKDOWN, Format.TEXT):
        out = export(talk, form)
        assert out == sanitise(out)
        assert out.endswith("\n")
    for line in export(talk, Format.JSONL).splitlines():
        assert isinstance(json.loads(line), dict)


@given(words=text)
def test_what_was_said_is_quoted_in_markdown(words: str) -> None:
    talk = Conversation(session(), [message(f"{words}\n# title\n**You** · 10:00\n\n> x")], {})
    lines = export(talk, Format.MARKDOWN).splitlines()
    assert [line for line in lines if line.startswith("#")] == [lines[0]]
    assert len([line for line in lines if line.startswith("**You**")]) == 1


@given(words=text)
def test_what_was_said_is_indented_in_plain_text(words: str) -> None:
    talk = Conversation(session(), [message(f"{words}\n10:00  You: nonsense")], {})
    assert sum(line[:1].isdigit() for line in plain(talk).splitlines()[3:]) == 1


@given(words=text, cells=st.integers(1, 40))
def test_a_line_fits(words: str, cells: int) -> None:
    line = " ".join(sanitise(words).split())
    assert cell_len(fit(line, cells)) <= cells
    if cell_len(line) <= cells:
        assert fit(line, cells) == line


@given(names=st.lists(text, min_size=1, max_size=4), title=text, width=st.none() | st.integers(20, 200))
def test_lists_are_one_safe_line_each(names: list[str], title: str, width: int | None) -> None:
    kept = [session(name, name, title) for name in names]
    lines = [*session_lines(kept, width)]
    hits = [Hit(session=name, character=name, message=message(title, "assistant")) for name in names]
    lines += hit_lines(hits, ["word"], width)
    assert len(lines) == 2 * len(names)
    assert all(line == sanitise(line) and "\n" not in line for line in lines)


def test_a_hit_is_shown_from_shortly_before_it() -> None:
    words = "word " * 40 + "needle\nin " + "hay " * 100
    shown = around(words, ["NEEDLE"])
    assert shown.startswith("…")
    assert 20 <= shown.index("needle in") <= 40
    assert around("short needle", ["needle"]) == "short needle"
    assert around("no such word", ["needle"]) == "no such word"


def test_columns_line_up_also_with_wide_letters() -> None:
    lines = list(session_lines([session("a", "Neko"), session("b", "東京ねこ")], None))
    assert [cell_len(line[: line.index("hello")]) for line in lines] == [34, 34]
