"""Keys: where they come from, where they go."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.services.secrets import Keys, Place, system_keyring, tail

KEY = "sk-test-1234567890abcdef"
OTHER = "sk-other-1234567890abcdef"
NAMES = ("OPENAI_API_KEY", "OTHER_KEY")


class Ring:
    """A keyring in memory; ``locked`` makes it fail as real ones do."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def _check(self) -> None:
        if self.locked:
            raise RuntimeError("locked")

    def get_password(self, service: str, name: str) -> str | None:
        self._check()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        self._check()
        self.kept[service, name] = value

    def delete_password(self, service: str, name: str) -> None:
        self._check()
        del self.kept[service, name]


@pytest.fixture
def ring() -> Ring:
    return Ring()


def keys(folder: Path, ring: Ring | None = None, **environment: str) -> Keys:
    return Keys(folder, environment=environment, keyring=ring, look_for_keyring=False)


def test_nothing_is_found_at_first(tmp_path: Path, ring: Ring) -> None:
    assert keys(tmp_path, ring).find(NAMES) == ""
    assert keys(tmp_path, ring).where(NAMES) is None
    assert keys(tmp_path).find(NAMES) == ""


def test_the_environment_goes_first_whatever_the_order_of_names(tmp_path: Path, ring: Ring) -> None:
    store = keys(tmp_path, ring, OTHER_KEY=f" {OTHER} ")
    assert store.set("OPENAI_API_KEY", KEY) is Place.KEYRING
    assert store.find(NAMES) == OTHER
    found = store.where(NAMES)
    assert found is not None
    assert (found.name, found.place, found.tail) == ("OTHER_KEY", Place.ENVIRONMENT, "cdef")


def test_the_keyring_is_used_where_there_is_one(tmp_path: Path, ring: Ring) -> None:
    store = keys(tmp_path, ring)
    assert store.place is Place.KEYRING
    assert store.set("OPENAI_API_KEY", f" {KEY}\n") is Place.KEYRING
    assert store.find(NAMES) == KEY
    assert list(tmp_path.iterdir()) == []
    assert store.remove("OPENAI_API_KEY") == [Place.KEYRING]
    assert store.find(NAMES) == ""


def test_without_a_keyring_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    store = keys(tmp_path / "config")
    assert store.set("OPENAI_API_KEY", KEY) is Place.FILE
    assert stat.S_IMODE(store.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.file.parent.stat().st_mode) == 0o700
    assert keys(tmp_path / "config").find(NAMES) == KEY
    assert store.remove("OPENAI_API_KEY") == [Place.FILE]
    assert not store.file.exists()


def test_a_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    store = keys(tmp_path)
    store.set("OPENAI_API_KEY", KEY)
    store.file.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others") as caught:
        store.find(NAMES)
    assert KEY not in str(caught.value)


def test_a_damaged_file_is_told_without_its_content(tmp_path: Path) -> None:
    store = keys(tmp_path)
    store.set("OPENAI_API_KEY", KEY)
    store.file.write_text(f'{{"OPENAI_API_KEY": "{KEY}')
    with pytest.raises(ConfigError, match="damaged") as caught:
        store.find(NAMES)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_key_that_moves_into_the_keyring_leaves_the_file(tmp_path: Path, ring: Ring) -> None:
    keys(tmp_path).set("OPENAI_API_KEY", OTHER)
    store = keys(tmp_path, ring)
    store.set("OPENAI_API_KEY", KEY)
    assert store.find(NAMES) == KEY
    assert not store.file.exists()


def test_removing_one_key_keeps_the_others(tmp_path: Path) -> None:
    store = keys(tmp_path)
    store.set("OPENAI_API_KEY", KEY)
    store.set("OTHER_KEY", OTHER)
    assert store.remove("OPENAI_API_KEY") == [Place.FILE]
    assert store.remove("OPENAI_API_KEY") == []
    assert store.find(NAMES) == OTHER


def test_a_locked_keyring_is_empty_to_read_and_a_sentence_to_write(tmp_path: Path, ring: Ring) -> None:
    ring.locked = True
    store = keys(tmp_path, ring)
    assert store.find(NAMES) == ""
    with pytest.raises(ConfigError, match="RuntimeError") as caught:
        store.set("OPENAI_API_KEY", KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("bad", ["", "  ", "two words", "käse", "a\x1b[0m", "x" * 5000])
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ConfigError) as caught:
        keys(tmp_path).set("OPENAI_API_KEY", bad)
    assert not bad.strip() or bad not in str(caught.value)


def test_the_tail_of_a_short_key_is_not_shown() -> None:
    assert tail("short") == ""
    assert tail(KEY) == "cdef"


def test_no_keyring_package_or_backend_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends import fail

    monkeypatch.setattr(keyring, "get_keyring", fail.Keyring)
    assert system_keyring() is None
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert system_keyring() is None


def test_a_real_backend_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import keyring
    from keyring.backend import KeyringBackend

    class Memory(KeyringBackend):
        priority = 1
        kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    monkeypatch.setattr(keyring, "get_keyring", Memory)
    store = Keys(tmp_path, environment={})
    assert store.set("OPENAI_API_KEY", KEY) is Place.KEYRING
    assert Memory.kept == {("neko", "OPENAI_API_KEY"): KEY}
