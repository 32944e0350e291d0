"""New profiles and edits."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.services import profile_edit
from neko_cli.services.profile_files import ProfileFiles


@pytest.fixture
def files(tmp_path: Path) -> ProfileFiles:
    return ProfileFiles(tmp_path / "config" / "profiles")


def editor(tmp_path: Path, text: str | None, code: int = 0) -> list[str]:
    """An editor that writes ``text`` over the file it is given (None removes it)."""
    program = tmp_path / "editor.py"
    action = "path.unlink()" if text is None else f"path.write_text({text!r}, encoding='utf-8')"
    program.write_text(
        f"import sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n{action}\nsys.exit({code})\n"
    )
    return [sys.executable, str(program)]


def test_a_new_profile_is_right_private_and_extends_its_base(files: ProfileFiles) -> None:
    path = profile_edit.create(files, "mine", "openai")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = files.resolve("mine")
    assert [file.name for file in loaded.files] == ["mine", "openai", "default"]
    assert loaded.profile.provider.name == "openai"


def test_every_line_of_the_template_that_is_commented_out_is_a_key_there_is(files: ProfileFiles) -> None:
    text = profile_edit.template("mine", "default").replace("# You are Neko, …\n", "You.\n")
    lines = [
        line.removeprefix("# ") if line.startswith("# ") and (" = " in line or '"""' in line) else line
        for line in text.splitlines()
    ]
    files.folder.mkdir(parents=True)
    (files.folder / "all.toml").write_text("\n".join(lines), encoding="utf-8")
    assert files.load("all").turns.silence_ms == 700


@pytest.mark.parametrize(("name", "base"), [("a b", "default"), ("mine", "nobody"), ("mine", "mine")])
def test_a_new_profile_that_cannot_be(files: ProfileFiles, name: str, base: str) -> None:
    with pytest.raises(ConfigError):
        profile_edit.create(files, name, base)
    assert not files.folder.exists() or not list(files.folder.iterdir())


def test_a_profile_is_not_made_over_another(files: ProfileFiles) -> None:
    path = profile_edit.create(files, "mine", "default")
    path.write_text("title = 'kept'\n")
    with pytest.raises(ConfigError, match="already"):
        profile_edit.create(files, "mine", "default")
    assert path.read_text() == "title = 'kept'\n"


def test_an_edit_replaces_the_profile_and_leaves_no_draft(files: ProfileFiles, tmp_path: Path) -> None:
    path = profile_edit.create(files, "mine", "default")
    loaded = profile_edit.edit(files, files.find("mine"), editor(tmp_path, "title = 'new'\n"))
    assert loaded.profile.title == "new"
    assert path.read_text() == "title = 'new'\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in files.folder.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("title = \n", 0, "line 1"),
        ("[voice]\nspeed = 99\n", 0, "voice.speed"),
        ("title = 'x'\n", 1, "code 1"),
        ("extends = 'nobody'\n", 0, "nobody"),
        (None, 0, "removed"),
    ],
)
def test_a_bad_edit_changes_nothing(
    files: ProfileFiles, tmp_path: Path, text: str | None, code: int, word: str
) -> None:
    path = profile_edit.create(files, "mine", "default")
    before = path.read_text()
    with pytest.raises(ConfigError, match=word):
        profile_edit.edit(files, files.find("mine"), editor(tmp_path, text, code))
    assert path.read_text() == before


def test_a_draft_with_a_mistake_is_what_the_next_edit_begins_with(
    files: ProfileFiles, tmp_path: Path
) -> None:
    profile_edit.create(files, "mine", "default")
    with pytest.raises(ConfigError) as caught:
        profile_edit.edit(files, files.find("mine"), editor(tmp_path, "title = 'half\n"))
    assert "mine.toml.draft" in caught.value.hint
    fixing = tmp_path / "fix.py"
    fixing.write_text(
        "import sys\nfrom pathlib import Path\np = Path(sys.argv[-1])\n"
        "p.write_text(p.read_text().replace('half', \"half'\"))\n"
    )
    loaded = profile_edit.edit(files, files.find("mine"), [sys.executable, str(fixing)])
    assert loaded.profile.title == "half"


def test_the_editor(tmp_path: Path) -> None:
    path = str(Path(sys.executable).parent)
    name = Path(sys.executable).name
    assert profile_edit.editor_command({"VISUAL": f"{name} -w", "PATH": path}) == [name, "-w"]
    assert profile_edit.editor_command({"EDITOR": name, "PATH": path}) == [name]
    with pytest.raises(ConfigError, match="not installed"):
        profile_edit.editor_command({"EDITOR": "no-such-editor", "PATH": path})
    with pytest.raises(ConfigError, match="quote"):
        profile_edit.editor_command({"EDITOR": "vi 'x", "PATH": path})
    with pytest.raises(ConfigError, match="no editor"):
        profile_edit.editor_command({"PATH": str(tmp_path)})
