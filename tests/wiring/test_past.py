"""Session ids, and which earlier conversation a run goes on with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.events import UserText
from neko_cli.core.ports import SessionRecord
from neko_cli.services.store import Store
from neko_cli.wiring.options import Options
from neko_cli.wiring.past import find_past, new_session_id


def test_ids_sort_by_time_and_are_never_the_same() -> None:
    ids = [new_session_id(1_795_256_100 + number) for number in range(50)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20261121-101500-")
    assert all(re.fullmatch(r"\d{8}-\d{6}-[2-9a-z]{4}", one) for one in ids)
    assert len({new_session_id(0) for _ in range(200)}) > 190


async def talked(path: Path, *sessions: tuple[str, str, str]) -> Store:
    """A history with sessions (id, profile, what was said), oldest first."""
    store = Store(path)
    for at, (session, profile, text) in enumerate(sessions, 1_700_000_000):
        record = SessionRecord(
            id=session, character=profile.title(), profile=profile, provider="embedded", model="m",
            mode="text", started_at=at,
        )  # fmt: skip
        await store.begin(record)
        await store.write(session, UserText(at=0, turn=1, text=text, final=True), at)
    await store.aclose()
    return store


SESSIONS = (("a1", "default", "one"), ("a2", "mio", "two"), ("b3", "default", "three"))


@pytest.mark.parametrize(
    ("asked", "profile", "said"),
    [
        ({"resume": True}, "", "three"),
        ({"resume": True}, "mio", "two"),
        ({"session": "a1"}, "", "one"),
        ({"session": "b"}, "", "three"),
        ({"session": "last"}, "mio", "three"),
    ],
)
async def test_the_past_that_is_asked_for(
    tmp_path: Path, asked: dict[str, bool | str], profile: str, said: str
) -> None:
    store = await talked(tmp_path / "h" / "history.db", *SESSIONS)
    past = find_past(Options(**asked), store.history, profile)  # type: ignore[arg-type]
    assert past is not None
    assert [message.text for message in past.messages] == [said]
    assert past.last_turn == 1


async def test_nothing_is_looked_for_when_nobody_asks(tmp_path: Path) -> None:
    store = await talked(tmp_path / "h" / "history.db", *SESSIONS)
    assert find_past(Options(), store.history, "default") is None


@pytest.mark.parametrize(
    ("asked", "profile", "words"),
    [
        ({"resume": True}, "nobody", "no earlier conversation with 'nobody'"),
        ({"session": "zz"}, "", "no conversation 'zz'"),
        ({"session": "a"}, "", "Several"),
    ],
)
async def test_a_past_that_is_not_there_is_a_clear_sentence(
    tmp_path: Path, asked: dict[str, bool | str], profile: str, words: str
) -> None:
    store = await talked(tmp_path / "h" / "history.db", *SESSIONS)
    with pytest.raises(ConfigError, match=words):
        find_past(Options(**asked), store.history, profile)  # type: ignore[arg-type]


def test_before_the_first_conversation_there_is_none_to_go_on_with(tmp_path: Path) -> None:
    history = Store(tmp_path / "h" / "history.db").history
    with pytest.raises(ConfigError, match="no earlier conversation to go on") as caught:
        find_past(Options(resume=True), history, "")
    assert "neko history list" in caught.value.hint
    assert not (tmp_path / "h").exists()
