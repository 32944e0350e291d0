"""Where files go, and what happens where they cannot."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.services.folders import Folders, make_private, prepare, private_temporary, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_one_variable_moves_everything(tmp_path: Path) -> None:
    root = tmp_path / "one"
    folders = Folders.find({"NEKO_HOME": str(root)})
    places = [folders.config, folders.data, folders.profiles, folders.models]
    assert all(place.is_relative_to(root) for place in places)
    assert not root.exists()
    assert folders.state.is_relative_to(root)
    assert folders.log.is_relative_to(root)
    assert folders.run.is_relative_to(root)
    assert folders.notice == ""


def test_what_is_created_is_private_with_its_parents(tmp_path: Path) -> None:
    folders = Folders.find({"NEKO_HOME": str(tmp_path / "a" / "b")})
    assert mode(folders.state) == 0o700
    assert mode(tmp_path / "a" / "b") == 0o700
    assert mode(tmp_path / "a") == 0o700


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    assert Folders.find({"NEKO_HOME": str(tmp_path / "home")}).state.is_dir()
    assert mode(tmp_path / "home") == 0o755


def test_state_goes_to_a_private_temporary_folder_when_it_must(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blocked = tmp_path / "file"
    blocked.write_text("")
    folders = Folders.find({"NEKO_HOME": str(blocked)})
    assert folders.state.is_dir()
    assert mode(folders.state) == 0o700
    assert mode(folders.state.parent) == 0o700
    assert str(blocked) in folders.notice
    # Configuration is not moved: what is written there must not get lost.
    assert folders.config.is_relative_to(blocked)
    with pytest.raises(ConfigError, match="cannot be made"):
        prepare(folders.profiles)


def test_the_temporary_folder_is_the_same_in_every_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert private_temporary() == private_temporary()


@pytest.mark.parametrize("trap", ["open", "link", "file"])
def test_a_temporary_folder_that_is_not_ours_is_not_used(tmp_path: Path, monkeypatch, trap: str) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    usual = private_temporary()
    usual.rmdir()
    if trap == "open":
        usual.mkdir()
        usual.chmod(0o777)
    elif trap == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        usual.symlink_to(tmp_path / "elsewhere")
    else:
        usual.write_text("")
    other = private_temporary()
    assert other != usual
    assert mode(other) == 0o700


def test_no_home_at_all(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    folders = Folders.find({})
    assert folders.config.is_relative_to(tmp_path)
    assert folders.state.is_dir()


def test_a_private_write_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "f.json"
    write_private(path, b"one")
    path.chmod(0o644)
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert mode(path) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["f.json"]


def test_a_private_write_that_fails_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_private(tmp_path / "taken", b"one")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_a_private_write_never_takes_the_place_of_a_device_or_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="not a file"):
        write_private(pipe, b"one")
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_a_private_write_leaves_a_link_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "mio.toml"
    real.write_bytes(b"old")
    link = tmp_path / "mio.toml"
    link.symlink_to(real)
    write_private(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(OSError, match="folder"):
        make_private(tmp_path / "f")
