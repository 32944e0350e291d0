"""``neko profiles``."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from neko_cli.__main__ import main
from tests.cli.running import clean, neko

BUNDLED = len([file for file in (resources.files("neko_cli") / "profiles").iterdir() if file.is_file()])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEKO_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "config" / "profiles"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("arguments", [["profiles"], ["profiles", "list"]])
def test_list(arguments: list[str], capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "mine.toml").write_text('title = "red \\u001b[31malarm"\n')
    (home / "broken.toml").write_text("title = \n")
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("default")
    assert "red alarm  (yours)" in out
    assert "line 1" in out
    assert "(comes with neko)" in out


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"name", "title", "bundled", "path", "problem"} == set(rows[0])


def test_show_is_toml_with_everything_in_it(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "mine.toml").write_text('extends = "default"\n[character]\nname = "Mio"\n')
    assert main(["profiles", "show", "mine"]) == 0
    tables = tomllib.loads(capsys.readouterr().out)
    assert tables["character"]["name"] == "Mio"
    assert tables["turns"]["silence_ms"] == 700
    (home / "again.toml").write_text("\n".join(f"# {line}" for line in ["x"]) + "\n")
    assert main(["profiles", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["provider"]["name"] == "embedded"


def test_what_show_prints_is_a_profile_again(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert main(["profiles", "show", "openai"]) == 0
    (home / "copy.toml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["profiles", "check", "copy"]) == 0


def test_new_check_path(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert main(["profiles", "new", "mine"]) == 0
    assert capsys.readouterr().out == f"{home / 'mine.toml'}\n"
    assert main(["profiles", "path", "mine"]) == 0
    assert capsys.readouterr().out == f"{home / 'mine.toml'}\n"
    assert main(["profiles", "path"]) == 0
    assert capsys.readouterr().out == f"{home}\n"
    assert main(["profiles", "check"]) == 0
    assert capsys.readouterr().out.count("ok  ") == BUNDLED + 1


def test_check_tells_every_mistake_and_goes_on(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "a.toml").write_text("title = \n")
    (home / "b.toml").write_text('[provider]\nname = "nobody"\n')
    assert main(["profiles", "check"]) == 2
    out, err = capsys.readouterr()
    assert out.count("ok  ") == BUNDLED
    assert "line 1" in err
    assert "provider.name" in err
    assert "nobody" in err


def test_editing_a_bundled_profile_makes_a_copy_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    program = tmp_path / "editor.py"
    program.write_text(
        "import sys\nfrom pathlib import Path\np = Path(sys.argv[1])\n"
        "p.write_text(p.read_text() + '\\n[user]\\nname = \"Ada\"\\n')\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {program}")
    monkeypatch.delenv("VISUAL", raising=False)
    assert main(["profiles", "edit"]) == 0
    assert tomllib.loads((home / "default.toml").read_text())["user"]["name"] == "Ada"


def test_edit_without_an_editor_makes_no_copy(tmp_path: Path) -> None:
    done = neko("profiles", "edit", home=tmp_path, env={"EDITOR": "no-such-editor", "VISUAL": None})
    clean(done)
    assert done.returncode == 2
    assert not (tmp_path / "config" / "profiles").exists()


def test_an_editor_that_fails_leaves_the_bundled_profile_in_force(tmp_path: Path) -> None:
    done = neko("profiles", "edit", "default", home=tmp_path, env={"EDITOR": "false", "VISUAL": None})
    assert done.returncode == 2
    assert b"own copy" not in done.stderr
    assert not (tmp_path / "config" / "profiles" / "default.toml").exists()
