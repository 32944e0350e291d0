"""What readers of the history get, and what a deletion leaves."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError, StoreError
from neko_cli.core.events import Notice, NoticeKind, Severity, Usage
from neko_cli.core.ports import PastMessage
from neko_cli.services import store_file
from neko_cli.services.store import Store
from neko_cli.services.store_reading import History
from neko_cli.services.store_schema import INDEX
from tests.services.store_parts import ID, WALL, answered, in_store, record, said

OTHER = "20261121-111500-aaaa"
THIRD = "20261122-090000-bbbb"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


@pytest.fixture
async def history(path: Path) -> History:
    """Three sessions: the first has the newest message, the last has none."""
    store = Store(path)
    await store.begin(record())
    await store.begin(record(OTHER, character="Mio", profile="mio"))
    await store.begin(record(THIRD))
    await store.write(ID, answered(1, "Hello, I am Neko."), WALL)
    await store.write(ID, said(2, "what time is it?"), WALL + 10)
    await store.write(ID, answered(2, "Ten o'clock."), WALL + 100)
    await store.write(OTHER, said(1, "东京的拉面在哪里"), WALL + 20)
    await store.write(THIRD, Notice(at=0, kind=NoticeKind.SESSION, severity=Severity.INFO, text="up"), WALL)
    await store.aclose()
    return History(path)


def test_where_there_is_no_file_there_is_nothing_and_none_is_made(path: Path) -> None:
    history = History(path)
    assert history.sessions() == []
    assert history.last_session() is None
    assert history.past(ID) is None
    assert history.messages(ID) == []
    assert history.beside(ID) == {}
    assert history.kept(ID) is None
    assert history.search(["hello"]) == []
    assert history.used_today("default", WALL) == 0
    assert history.delete([ID]).sessions == 0
    assert history.delete_all().sessions == 0
    with pytest.raises(ConfigError, match="no conversation yet"):
        history.session("last")
    with pytest.raises(ConfigError, match="no conversation 'x'"):
        history.session("x")
    assert not path.parent.exists()


def test_the_list_has_sessions_with_words_by_their_last_message(history: History) -> None:
    first, second = history.sessions()
    assert (first.record, first.messages, first.title) == (record(), 3, "what time is it?")
    assert (second.record.id, second.messages, second.title) == (OTHER, 1, "东京的拉面在哪里")
    assert first.updated_at == WALL + 100
    assert history.sessions(1) == [first]


def test_a_session_is_found_by_an_unambiguous_beginning(history: History) -> None:
    assert history.session(ID).id == ID
    assert history.session("20261121-10").id == ID
    assert history.session("20261122").id == THIRD
    assert history.session("last").id == ID
    with pytest.raises(ConfigError, match=f"Several .* {ID}, {OTHER}"):
        history.session("20261121")
    for name in ("", "2027", "%", "20261121-10150_-x7k2", "\x1b[31m"):
        with pytest.raises(ConfigError, match="no conversation"):
            history.session(name)


async def test_a_whole_id_is_not_ambiguous_when_another_one_begins_with_it(path: Path) -> None:
    store = Store(path)
    await store.begin(record("abc"))
    await store.begin(record("abcd"))
    await store.aclose()
    assert store.session("abc").id == "abc"


def test_the_last_session_of_a_profile_or_character_has_a_message(history: History) -> None:
    assert history.last_session() == ID
    assert history.last_session("mio") == OTHER
    assert history.last_session("Mio") == OTHER
    assert history.last_session("default") == ID
    assert history.last_session("nobody") is None


async def test_the_past_of_a_short_session_is_all_of_it_in_order(path: Path) -> None:
    async def talk(store: Store) -> None:
        await store.write(ID, said(1, "one"), WALL)
        await store.write(ID, answered(1, "two"), WALL + 1)
        await store.write(ID, answered(2, "four"), WALL + 2)
        await store.write(ID, said(2, "three", spoken=True), WALL + 3)  # a transcript that came late
        await store.write(ID, answered(3, ""), WALL + 4)

    await in_store(path, talk)
    past = History(path).past(ID)
    assert past is not None
    assert past.session == record()
    assert [message.text for message in past.messages] == ["one", "two", "three", "four"]
    assert past.messages[0] == PastMessage("user", "one", 1, WALL)
    assert (past.summary, past.last_turn) == ("", 3)


async def talk_long(store: Store, turns: int) -> None:
    await asyncio.gather(
        *(store.write(ID, said(turn, f"line {turn}"), WALL + turn) for turn in range(1, turns + 1))
    )


async def test_the_past_of_a_long_session_is_the_newest_and_what_no_summary_covers(path: Path) -> None:
    async def talk(store: Store) -> None:
        await talk_long(store, 100)
        await store.summarised(ID, "text", "an old summary", 20)
        await store.summarised(ID, "text", "the newest summary", 70)

    await in_store(path, talk)
    history = History(path)
    past = history.past(ID, limit=10)
    assert past is not None
    assert past.summary == "the newest summary"
    assert [message.turn for message in past.messages] == list(range(71, 101))
    covered = history.past(ID, limit=50)
    assert covered is not None
    assert [message.turn for message in covered.messages] == list(range(51, 101))


async def test_the_past_is_bounded_where_there_is_no_summary(path: Path) -> None:
    await in_store(path, lambda store: talk_long(store, 100))
    past = History(path).past(ID, limit=5)
    assert past is not None
    assert [message.turn for message in past.messages] == list(range(61, 101))


async def test_turn_numbers_go_on_after_a_summary_of_turns_without_words(path: Path) -> None:
    await in_store(path, lambda store: store.summarised(ID, "call", "they said little", 9))
    past = History(path).past(ID)
    assert past is not None
    assert (past.messages, past.summary, past.last_turn) == ((), "they said little", 9)


async def test_what_is_kept_beside_the_words(path: Path) -> None:
    async def talk(store: Store) -> None:
        await store.write(ID, answered(1, "yes"), WALL)
        await store.write(ID, Usage(at=0, turn=1, input_tokens=3), WALL)
        await store.summarised(ID, "text", "short", 1)

    await in_store(path, talk)
    beside = History(path).beside(ID)
    assert list(beside) == ["turns", "notices", "usage", "summaries"]
    assert beside["turns"] == [
        {"number": 1, "outcome": "complete", "heard_ms": None, "first_audio_ms": None, "at": WALL}
    ]
    assert beside["usage"][0]["input_tokens"] == 3
    assert beside["summaries"][0]["text"] == "short"
    assert beside["notices"] == []


def everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


async def test_nothing_of_what_is_deleted_stays_in_the_files(path: Path) -> None:
    words = ("xylophone", "quixotic", "zwieback")

    async def talk(store: Store) -> None:
        await store.begin(record(OTHER))
        for turn in range(200):
            await store.write(ID, said(turn, f"{words[0]} {turn}"), WALL)
            await store.write(OTHER, said(turn, f"ordinary {turn}"), WALL)
        await store.write(ID, answered(1, words[1]), WALL)
        await store.summarised(ID, "text", words[2], 1)

    await in_store(path, talk)
    history = History(path)
    assert all(word.encode() in everything(path) for word in words)
    assert b"xyl" in everything(path)
    done = history.delete([ID])
    assert (done.sessions, done.traces) == (1, False)
    left = everything(path)
    # The index holds three letters at a time; of a deleted word none may be left either.
    for trace in (*words, "xyl", "ylo", "qui", "zwi"):
        assert trace.encode() not in left
    assert history.search(["xylophone"]) == []
    assert len(history.search(["ordinary"], None)) == 200
    db = sqlite3.connect(path)
    db.execute(f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('integrity-check', 1)")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


async def test_deleting_all_leaves_an_empty_small_file(path: Path) -> None:
    async def talk(store: Store) -> None:
        await store.begin(record(OTHER))
        await talk_long(store, 900)

    await in_store(path, talk)
    before = path.stat().st_size
    history = History(path)
    assert history.delete_all().sessions == 2
    assert history.sessions() == []
    assert b"line" not in everything(path)
    assert path.stat().st_size < before / 2


async def test_a_deletion_beside_a_running_conversation(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    await store.begin(record(OTHER))
    await store.write(ID, said(1, "xylophone"), WALL)
    await store.write(OTHER, said(1, "ordinary"), WALL)
    done = store.history.delete([ID])
    assert done.sessions == 1
    await store.write(OTHER, said(2, "more"), WALL)
    await store.aclose()
    assert [kept.record.id for kept in store.history.sessions()] == [OTHER]
    assert b"xylophone" not in everything(path)


async def test_traces_that_a_reader_keeps_are_told(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    await store.write(ID, said(1, "xylophone"), WALL)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    assert store.history.delete([ID]).traces
    reader.close()
    await store.aclose()
    assert b"xylophone" not in everything(path)


async def test_a_locked_file_deletes_nothing(path: Path, history: History, monkeypatch) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.1)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        history.delete([ID])
    assert len(history.messages(ID)) == 3  # readers do not mind
    lock.close()
    assert history.delete([ID]).sessions == 1


def test_a_foreign_file_is_no_history(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("not a database, but a long enough text " * 100)
    with pytest.raises(StoreError, match="damaged") as caught:
        History(path).search(["text"])
    assert "sets it aside" in caught.value.hint
    assert "not a database" in path.read_text()
