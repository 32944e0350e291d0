"""``neko history``, and ``--resume`` and ``--session``."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import stat
import subprocess
import time
from pathlib import Path

import pytest

from neko_cli.__main__ import main
from neko_cli.cli import wanted
from neko_cli.core.errors import ConfigError
from neko_cli.core.events import Notice, NoticeKind, Outcome, Severity, TurnEnded, UserText
from neko_cli.core.ports import SessionRecord
from neko_cli.services.store import Store
from tests.cli.running import clean, command, environment, neko

FIRST = "20261121-101500-x7k2"
SECOND = "20261122-180000-b3m9"
AT = time.mktime((2026, 11, 21, 10, 15, 0, 0, 0, -1))


def record(name: str, character: str, at: float) -> SessionRecord:
    return SessionRecord(
        id=name, character=character, profile="default", provider="embedded", model="builtin",
        mode="text", started_at=at,
    )  # fmt: skip


async def _fill(path: Path) -> None:
    store = Store(path)
    await store.begin(record(FIRST, "Neko", AT))
    await store.write(FIRST, UserText(at=0, turn=1, text="what time\nis it?", final=True), AT + 60)
    await store.write(FIRST, TurnEnded(at=0, turn=1, text="# Ten.", outcome=Outcome.COMPLETE), AT + 120)
    await store.begin(record(SECOND, "東京ねこ", AT + 86_400))
    await store.write(
        SECOND, UserText(at=0, turn=1, text="ラーメンはどこ\x1b[31m red", final=True), AT + 86_400
    )
    await store.write(
        SECOND, TurnEnded(at=0, turn=1, text="駅の\u202e近く", outcome=Outcome.INTERRUPTED), AT + 86_460
    )
    notice = Notice(at=0, kind=NoticeKind.AGENT, severity=Severity.INFO, text="found it")
    await store.write(SECOND, notice, AT + 86_460)
    await store.summarised(SECOND, "text", "They spoke of food.", 1)
    await store.aclose()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEKO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def path(home: Path) -> Path:
    """A history with two conversations."""
    path = home / "data" / "history.db"
    asyncio.run(_fill(path))
    return path


Captured = pytest.CaptureFixture[str]


def test_without_a_history_there_is_an_empty_list(capsys: Captured, home: Path) -> None:
    assert main(["history"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no conversation yet" in err
    assert main(["history", "list", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert main(["history", "search", "x", "--json"]) == 1
    assert capsys.readouterr().out == "[]\n"
    assert main(["history", "export", "--all"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["history", "delete", "--all"]) == 0
    assert "no conversation to delete" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("arguments", [["history"], ["history", "list"]])
def test_the_list(arguments: list[str], capsys: Captured) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{SECOND}  2026-11-22 10:16  東京ねこ  2  ラーメンはどこ red",
        f"{FIRST}  2026-11-21 10:17  Neko      2  what time is it?",
    ]
    assert err == ""


@pytest.mark.usefixtures("path")
def test_a_shorter_list(capsys: Captured) -> None:
    assert main(["history", "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith(SECOND)
    assert main(["history", "list", "-n", "0"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["history", "list", "-n", "-1"]) == 2


@pytest.mark.usefixtures("path")
def test_the_list_as_json(capsys: Captured) -> None:
    assert main(["history", "list", "--json"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    newest, _ = json.loads(out)
    assert newest == {
        "id": SECOND,
        "character": "東京ねこ",
        "profile": "default",
        "provider": "embedded",
        "model": "builtin",
        "mode": "text",
        "started_at": AT + 86_400,
        "updated_at": AT + 86_460,
        "messages": 2,
        "connected_s": 0.0,
        "title": "ラーメンはどこ\x1b[31m red",
    }


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("columns", [40, 52, 60, 80])
def test_lists_fit_the_terminal(columns: int, home: Path) -> None:
    from rich.cells import cell_len

    for words in (["list"], ["search", "time"]):
        lines = on_terminal(["history", *words], home, columns=columns).splitlines()
        assert lines
        # An id and a time are never cut.
        assert max(map(cell_len, lines)) <= max(columns, 54)
        assert all(re.match(r"2026\d{4}-\d{6}-\w{4}  2026-11-2\d \d\d:\d\d  ", line) for line in lines)
    assert "what time" in on_terminal(["history", "search", "time"], home, columns=80)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("name", [[], ["last"], [SECOND], ["20261122"]])
def test_show(name: list[str], capsys: Captured) -> None:
    assert main(["history", "show", *name]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "東京ねこ, 2026-11-22 10:15"
    assert SECOND in out.splitlines()[1]
    assert out.splitlines()[3:] == [
        "10:15  You: ラーメンはどこ red",
        "10:16  東京ねこ: 駅の近く (interrupted)",
    ]


@pytest.mark.usefixtures("path")
def test_show_as_json_has_everything(capsys: Captured) -> None:
    assert main(["history", "show", "last", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [message["role"] for message in whole["messages"]] == ["user", "assistant"]
    assert whole["notices"][0]["text"] == "found it"
    assert whole["summaries"][0]["text"] == "They spoke of food."
    assert whole["turns"][0]["outcome"] == "interrupted"
    assert whole["usage"] == []


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["ラーメン"], [SECOND]),
        (["駅"], [SECOND]),
        (["time", "WHAT"], [FIRST]),
        (["time is it"], [FIRST]),
        (['"', "OR"], []),
        (["31m"], []),
        (["--", "-x"], []),
    ],
)
def test_search(words: list[str], ids: list[str], capsys: Captured) -> None:
    assert main(["history", "search", *words]) == (0 if ids else 1)
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ids
    assert err == ""


@pytest.mark.usefixtures("path")
def test_search_shows_who_said_it_and_when(capsys: Captured) -> None:
    assert main(["history", "search", "ten."]) == 0
    assert capsys.readouterr().out == f"{FIRST}  2026-11-21 10:17  Neko: # Ten.\n"
    assert main(["history", "search", "ten.", "--json"]) == 0
    (hit,) = json.loads(capsys.readouterr().out)
    assert (hit["session"], hit["character"], hit["role"], hit["turn"]) == (FIRST, "Neko", "assistant", 1)
    assert main(["history", "search", " "]) == 2
    assert "nothing to look for" in capsys.readouterr().err


MARKDOWN = f"""\
# Neko, 2026-11-21 10:15

{FIRST} · 2026-11-21 10:15 to 2026-11-21 10:17 · profile default · embedded builtin · text

**You** · 10:16

> what time
> is it?

**Neko** · 10:17

> # Ten.
"""

TEXT = f"""\
Neko, 2026-11-21 10:15
{FIRST} · 2026-11-21 10:15 to 2026-11-21 10:17 · profile default · embedded builtin · text

10:16  You: what time
       is it?
10:17  Neko: # Ten.
"""


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("form", "text"), [("markdown", MARKDOWN), ("text", TEXT)])
def test_export(form: str, text: str, capsys: Captured) -> None:
    assert main(["history", "export", FIRST, "--format", form]) == 0
    assert capsys.readouterr() == (text, "")


@pytest.mark.usefixtures("path")
def test_all_of_it_oldest_first_and_each_once(capsys: Captured) -> None:
    assert main(["history", "export", "--all"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{MARKDOWN}\n# 東京ねこ")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert main(["history", "export", FIRST, "last", SECOND]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.usefixtures("path")
def test_export_as_json_lines_keeps_everything_as_it_was(capsys: Captured) -> None:
    assert main(["history", "export", "--all", "-f", "jsonl"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["type"] for line in lines] == [
        "session", "message", "message", "turn",
        "session", "message", "message", "turn", "notice", "summary",
    ]  # fmt: skip
    assert lines[5]["text"] == "ラーメンはどこ\x1b[31m red"
    assert lines[6]["text"] == "駅の\u202e近く"
    assert {line.get("session", line.get("id")) for line in lines[4:]} == {SECOND}


@pytest.mark.usefixtures("path")
def test_export_into_a_file_that_its_owner_alone_can_read(tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "talk.md"
    assert main(["history", "export", FIRST, "--out", str(target)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 conversation in" in err
    assert target.read_text(encoding="utf-8") == MARKDOWN
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert main(["history", "export", FIRST, "--out", str(tmp_path)]) == 2


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nobody"], "no conversation 'nobody'"),
        (["show", "2026"], "Several conversations"),
        (["export", "nobody"], "no conversation 'nobody'"),
        (["export"], "Say which"),
        (["export", FIRST, "--all"], "Say which"),
        (["export", FIRST, "--format", "pdf"], "pdf"),
        (["delete"], "Say which"),
        (["delete", FIRST, "--all", "--yes"], "Say which"),
        (["delete", FIRST, "nobody", "--yes"], "no conversation 'nobody'"),
        (["search"], "WORDS"),
    ],
)
def test_mistakes(arguments: list[str], words: str, capsys: Captured) -> None:
    assert main(["history", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert main(["history", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2  # and nothing was deleted


def test_delete(path: Path, capsys: Captured) -> None:
    assert main(["history", "delete", FIRST, "20261121", "--yes"]) == 0
    assert "1 conversation deleted" in capsys.readouterr().err
    assert main(["history"]) == 0
    assert FIRST not in capsys.readouterr().out
    assert b"what time" not in path.read_bytes()
    assert main(["history", "delete", "--all", "-y"]) == 0
    assert "1 conversation deleted" in capsys.readouterr().err
    assert main(["history", "show"]) == 2


def test_deleting_all_names_what_was_set_aside(path: Path, capsys: Captured) -> None:
    path.with_name("history.db.broken-20261101-000000").write_bytes(b"damaged")
    path.with_name("history.db.broken-20261101-000000-wal").write_bytes(b"damaged")
    assert main(["history", "delete", "--all", "--yes"]) == 0
    assert "history.db.broken-20261101-000000.\n" in capsys.readouterr().err


def test_deleting_asks_and_without_a_terminal_needs_yes(path: Path, home: Path) -> None:
    done = neko("history", "delete", FIRST, home=home)
    clean(done)
    assert done.returncode == 2
    assert b"--yes" in done.stderr
    assert b"what time" in path.read_bytes()


@pytest.mark.parametrize(("answer", "left"), [("n", 2), ("", 2), ("y", 1)])
@pytest.mark.usefixtures("path")
def test_on_a_terminal_it_asks(answer: str, left: int, home: Path, capsys: Captured) -> None:
    seen = on_terminal(["history", "delete", FIRST], home, answer=answer, code=0 if left == 1 else 1)
    assert "Delete 1 conversation with 2 messages for good?" in seen
    assert ("Nothing was deleted" in seen) is (left == 2)
    assert main(["history", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == left


def on_terminal(
    arguments: list[str], home: Path, *, columns: int = 80, answer: str | None = None, code: int = 0
) -> str:
    """What a person sees on a terminal of that width."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(home, COLUMNS=str(columns), TERM="dumb"), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while True:
            piece = os.read(ours, 4096)
            if not piece:
                break
            seen += piece
            if answer is not None and b"[y/N]" in seen:
                os.write(ours, f"{answer}\n".encode())
                answer = None
    except OSError:  # Linux: the other side of the terminal is closed
        pass
    os.close(ours)
    assert process.wait(20) == code, seen
    return seen.decode().replace("\r\n", "\n")


def test_a_damaged_history_is_told_in_a_sentence(path: Path, home: Path) -> None:
    path.write_bytes(b"no database " * 1000)
    for words in (["list"], ["show", "last"], ["search", "x"], ["export", "--all"], ["delete", "x", "-y"]):
        done = neko("history", *words, home=home)
        clean(done)
        assert done.returncode == 1
        assert b"is damaged" in done.stderr
        assert done.stdout == b""


@pytest.mark.usefixtures("path")
def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as nobody:
        done = subprocess.run(
            command("history", "export", "--all"),
            stdout=nobody, stderr=subprocess.PIPE, env=environment(home), timeout=30, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.usefixtures("path")
def test_a_terminal_that_cannot_show_it_shows_a_question_mark(home: Path) -> None:
    done = neko("history", "list", home=home, env={"PYTHONIOENCODING": "ascii"})
    clean(done)
    assert done.returncode == 0
    assert b"??????? red" in done.stdout


@pytest.mark.usefixtures("path")
def test_ids_are_completed(home: Path) -> None:
    env = {"_NEKO_COMPLETE": "complete_bash", "COMP_WORDS": "neko history show 20261", "COMP_CWORD": "3"}
    done = neko(home=home, env=env)
    assert done.stdout.decode().split() == [SECOND, FIRST]


def test_resume_and_session_reach_the_options() -> None:
    assert wanted.to_options(wanted.Wanted(resume=True)).resume
    assert wanted.to_options(wanted.Wanted(session="2026")).session == "2026"
    plain = wanted.to_options(wanted.Wanted())
    assert (plain.resume, plain.session) == (False, "")
    with pytest.raises(ConfigError, match="not both"):
        wanted.to_options(wanted.Wanted(resume=True, session="2026"))


@pytest.mark.parametrize("arguments", [["say", "hi"], ["chat"], []])
def test_both_at_once_are_a_mistake_everywhere(arguments: list[str], home: Path) -> None:
    done = neko(*arguments, "--resume", "--session", "x", home=home)
    clean(done)
    assert done.returncode == 2
    assert b"not both" in done.stderr
