"""The bundle for a bug report."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.services.report import without_home, write_bundle


def test_the_bundle_is_private_and_holds_neither_keys_nor_the_home(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/people/jane-doe")
    (tmp_path / "neko.log").write_text("key sk-1234567890abcdef in /people/jane-doe/x\n")
    path = tmp_path / "report.zip"
    write_bundle(path, facts={"neko": "1"}, findings=[{"text": "in /people/jane-doe"}], log_folder=tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(texts) == {"README.txt", "doctor.json", "neko.log"}
    assert json.loads(texts["doctor.json"])["findings"][0]["text"] == "in ~"
    for text in texts.values():
        assert "jane-doe" not in text
        assert "1234567890abcdef" not in text


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError):
        write_bundle(tmp_path / "file" / "r.zip", facts={}, findings=[], log_folder=tmp_path)


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        write_bundle(tmp_path / "typo" / "r.zip", facts={}, findings=[], log_folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_home_leaves_the_text_alone(monkeypatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert without_home("/somewhere/x") == "/somewhere/x"
