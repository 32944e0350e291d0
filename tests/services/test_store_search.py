"""Search: any script, any input, with and without an index, always the same answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import ConfigError
from neko_cli.services import store_schema
from neko_cli.services.store import Store
from neko_cli.services.store_reading import History
from neko_cli.services.store_rows import event_rows, same_words
from neko_cli.services.store_schema import INDEX, fold, migrate, prepare_index
from neko_cli.services.store_search import find_messages, words_to_find
from tests.services.store_parts import ID, WALL, in_store, record, said

TEXTS = (
    "What time is it in Tokyo?",
    "Straße, STRASSE und Strasse",
    "東京のラーメンはどこですか",
    "北京今天的天气怎么样?",
    "ＦＵＬＬ　ｗｉｄｔｈ and ﾗｰﾒﾝ",
    "He said \"don't\", didn't he? (100 %) AND NOT near* col:umn ^x -y {z}",
    "line one\nline two\ttabbed",
    "İstanbul ǅ ﬁre Ω",
    "\x1b[31mred\x1b[0m ale\u200brt",
    "naïve café 👩\u200d💻 emoji",
    "a_b%c \\ backslash",
)


def database(*, indexed: bool) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(db)
    if indexed:
        assert prepare_index(db)
    return db


def keep(db: sqlite3.Connection, texts: tuple[str, ...] | list[str], *, indexed: bool) -> None:
    for turn, text in enumerate(texts):
        work = event_rows(record(), said(turn, text), WALL + turn)
        if work is not None:
            work(db, indexed)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    made = database(indexed=True), database(indexed=False)
    for db, indexed in zip(made, (True, False), strict=True):
        keep(db, TEXTS, indexed=indexed)
    yield made
    for db in made:
        db.close()


def found(db: sqlite3.Connection, words: list[str], *, indexed: bool) -> list[str]:
    hits = find_messages(db, words_to_find(words), None, indexed=indexed)
    return sorted(hit.message.text for hit in hits)


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["tokyo"], [0]),
        (["TIME", "what"], [0]),
        (["okyo?"], [0]),
        (["time is"], [0]),
        (["is time"], []),
        (["is", "time"], [0]),
        (["tokyo", "paris"], []),
        (["strasse"], [1]),
        (["STRAẞE"], [1]),
        (["東京"], [2]),
        (["ラーメン"], [2, 4]),
        (["ﾗｰﾒﾝ"], [2, 4]),
        (["天"], [3]),
        (["天气", "北京"], [3]),
        (["full width"], [4]),
        (['"don\'t"'], [5]),
        (["AND", "NOT"], [5]),
        (["near*"], [5]),
        (["col:umn"], [5]),
        (["^x -y {z}"], [5]),
        (["one line"], [6]),
        (["fire"], [7]),
        (["alert"], [8]),
        (["[31m"], []),
        (["café"], [9]),
        (["👩\u200d💻"], [9]),
        (["_b%"], [10]),
        (["%"], [5, 10]),
        (["b_c"], []),
        (["\\"], [10]),
    ],
)
def test_what_is_found(both, words: list[str], places: list[int]) -> None:
    expected = sorted(TEXTS[place] for place in places)
    assert found(both[0], words, indexed=True) == expected
    assert found(both[1], words, indexed=False) == expected


@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(st.text(max_size=30), max_size=6),
    words=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4),
    picked=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 29), st.integers(1, 8)), max_size=2),
)
def test_an_index_never_changes_the_answer(
    texts: list[str], words: list[str], picked: list[tuple[int, int, int]]
) -> None:
    """Any input is a search, and it finds just the messages that hold all of the words."""
    words += [texts[which][start : start + size] for which, start, size in picked if which < len(texts)]
    wanted = [fold(word) for word in words if fold(word)]
    if not wanted:
        with pytest.raises(ConfigError):
            words_to_find(words)
        return
    kept = [text for text in texts if text.strip()]
    expected = sorted(text for text in kept if all(word in fold(text) for word in wanted))
    for indexed in (True, False):
        db = database(indexed=indexed)
        keep(db, kept, indexed=indexed)
        assert found(db, words, indexed=indexed) == expected
        db.close()


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=20))
def test_a_text_has_the_same_words_as_itself_in_capitals(text: str) -> None:
    assert same_words(text, text)
    assert same_words(f" {text} ", text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("what time is it", "What time is it?", True),
        ("東京 です", "東京 です。", True),
        ("yes", "yes please", False),
        ("set it to 7", "set it to 8", False),
        ("!", "?", False),
        ("Straße", "strasse", True),
    ],
)
def test_what_counts_as_a_correction(one: str, other: str, same: bool) -> None:
    assert same_words(one, other) is same


def test_nothing_and_too_much_are_mistakes() -> None:
    for words in ([], [""], [" ", "\n"], ["\u200b"]):
        with pytest.raises(ConfigError, match="nothing to look for"):
            words_to_find(words)
    with pytest.raises(ConfigError, match="too many"):
        words_to_find(["word"] * 33)


def test_as_many_words_as_are_allowed_are_no_trouble_to_the_index(both) -> None:
    assert found(both[0], [f"word{number}" for number in range(32)], indexed=True) == []
    assert found(both[0], ["long" * 20_000], indexed=True) == []


async def test_newest_first_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "history.db"

    async def talk(store: Store) -> None:
        for turn in range(5):
            await store.write(ID, said(turn, f"ramen {turn}"), WALL + turn)

    await in_store(path, talk)
    hits = History(path).search(["ramen"], 3)
    assert [hit.message.text for hit in hits] == ["ramen 4", "ramen 3", "ramen 2"]
    assert {(hit.session, hit.character) for hit in hits} == {(ID, "Neko")}


async def test_a_sqlite_without_the_index_writes_and_finds_and_another_one_indexes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.db"
    with monkeypatch.context() as without:
        without.setattr(store_schema, "TOKENIZER", "not_in_this_sqlite")
        await in_store(path, lambda store: store.write(ID, said(1, "ramen"), WALL))
        assert len(History(path).search(["ramen"])) == 1
    assert _indexed(path) is None
    assert len(History(path).search(["ramen"])) == 1
    assert _indexed(path) == 1


async def test_an_index_that_another_sqlite_could_not_keep_is_made_afresh(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    await in_store(path, lambda store: store.write(ID, said(1, "ramen"), WALL))
    _set_tokenizer(path, "trigram", "not_in_this_sqlite")
    await in_store(path, lambda store: store.write(ID, said(2, "more ramen"), WALL))
    assert len(History(path).search(["ramen"])) == 2
    History(path).delete(["none"])
    _set_tokenizer(path, "not_in_this_sqlite", "trigram")
    assert len(History(path).search(["ramen"])) == 2
    assert _indexed(path) == 2


def _indexed(path: Path) -> int | None:
    """How many messages the index finds; None without an index."""
    db = sqlite3.connect(path)
    try:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (INDEX,)).fetchone() is None:
            return None
        return db.execute(f"SELECT count(*) FROM {INDEX} WHERE {INDEX} MATCH 'ramen'").fetchone()[0]
    finally:
        db.close()


def _set_tokenizer(path: Path, old: str, new: str) -> None:
    """Make the file look as if its index needed something that this SQLite has, or has not."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?", (old, new, INDEX))
    db.commit()
    db.close()
