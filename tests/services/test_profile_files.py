"""Finding, reading and extending profiles."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import ConfigError
from neko_cli.services.profile_files import ProfileFiles, check_name, decode


@pytest.fixture
def files(tmp_path: Path) -> ProfileFiles:
    folder = tmp_path / "profiles"
    folder.mkdir()
    return ProfileFiles(folder)


def write(files: ProfileFiles, name: str, text: str) -> Path:
    path = files.folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_bundled_profiles_are_right_and_the_default_comes_first(tmp_path: Path) -> None:
    files = ProfileFiles(tmp_path / "missing")
    names = [file.name for file in files.all()]
    assert names[0] == "default"
    assert "openai" in names
    for name in names:
        loaded = files.resolve(name)
        assert loaded.profile.title
        assert loaded.profile.character.persona
        assert loaded.files[0].bundled


def test_the_default_needs_neither_key_nor_network(files: ProfileFiles) -> None:
    profile = files.load()
    assert profile.provider.name == "embedded"
    assert profile.provider.url == ""
    assert profile.character.name == "Neko"


def test_a_profile_takes_what_it_does_not_say_from_the_one_it_extends(files: ProfileFiles) -> None:
    write(files, "mine", 'extends = "default"\n[character]\nname = "Mio"\n')
    loaded = files.resolve("mine")
    assert loaded.profile.character.name == "Mio"
    assert loaded.profile.character.persona == files.load().character.persona
    assert loaded.profile.title == ""
    assert [file.name for file in loaded.files] == ["mine", "default"]


def test_a_chain_is_laid_in_order(files: ProfileFiles) -> None:
    write(files, "a", '[character]\nname = "A"\nlanguage = "de"\n[voice]\nname = "v"\n')
    write(files, "b", 'extends = "a"\n[character]\nname = "B"\n')
    write(files, "c", 'extends = "b"\n[voice]\nspeed = 1.5\n')
    profile = files.load("c")
    assert (profile.character.name, profile.character.language) == ("B", "de")
    assert (profile.voice.name, profile.voice.speed) == ("v", 1.5)


def test_a_profile_of_the_same_name_hides_the_bundled_one_and_may_extend_it(files: ProfileFiles) -> None:
    write(files, "default", 'extends = "default"\n[character]\nname = "Mine"\n')
    loaded = files.resolve("default")
    assert loaded.profile.character.name == "Mine"
    assert loaded.profile.character.persona
    assert [file.bundled for file in loaded.files] == [False, True]
    assert [file.name for file in files.all()].count("default") == 1
    # What is bundled extends what is bundled.
    assert files.load("openai").character.name == "Neko"


def test_a_path_and_a_relative_extends(files: ProfileFiles, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "base.toml").write_text('[character]\nname = "Base"\n')
    (folder / "top.toml").write_text('extends = "./base.toml"\n')
    assert files.load(str(folder / "top.toml")).character.name == "Base"


@pytest.mark.parametrize(("names", "circle"), [("a", "a → a"), ("ab", "a → b → a"), ("abc", "a → b → c → a")])
def test_a_circle_is_told(files: ProfileFiles, names: str, circle: str) -> None:
    for place, name in enumerate(names):
        following = names[(place + 1) % len(names)]
        write(files, name, f'extends = "{files.folder}/{following}.toml"\n')
    with pytest.raises(ConfigError, match="circle") as caught:
        files.load("a")
    assert circle in caught.value.message


def test_a_very_long_chain_is_refused(files: ProfileFiles) -> None:
    for number in range(20):
        write(files, f"p{number}", f'extends = "p{number + 1}"\n')
    with pytest.raises(ConfigError, match="more than"):
        files.load("p0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[character\n", ["line 1"]),
        ('x = "a"\n\nname = \n', ["line 3"]),
        ("[voice]\nspeed = 9.0\n", ["voice.speed", "1.5"]),
        ("[turns]\ndetection = 'magic'\n", ["turns.detection", "magic", "server"]),
        ("[character]\nnmae = 'x'\n", ["character.nmae", "'name'"]),
        ("[provider]\ninsecure = 'yes'\n", ["provider.insecure", "true"]),
        ("extends = 'nobody'\n", ["nobody", "extends"]),
        ("extends = 'defualt'\n", ["'default'"]),
    ],
)
def test_mistakes_name_the_file_the_place_and_what_is_allowed(
    files: ProfileFiles, text: str, words: list[str]
) -> None:
    path = write(files, "bad", text)
    with pytest.raises(ConfigError) as caught:
        files.load("bad")
    for word in [str(path), *words]:
        assert word in caught.value.message


def test_a_mistake_in_what_is_extended_names_that_file(files: ProfileFiles) -> None:
    base = write(files, "base", "[voice]\nspeed = 'fast'\n")
    write(files, "top", "extends = 'base'\n")
    with pytest.raises(ConfigError) as caught:
        files.load("top")
    assert str(base) in caught.value.message


def test_an_unknown_name_is_told_with_one_that_is_like_it(files: ProfileFiles) -> None:
    with pytest.raises(ConfigError, match="'openai'"):
        files.find("opnai")
    with pytest.raises(ConfigError, match="There are: default"):
        files.find("zzz")
    with pytest.raises(ConfigError, match="no profile file"):
        files.find("./default.toml")


def test_files_that_cannot_be_read(files: ProfileFiles) -> None:
    (files.folder / "latin.toml").write_bytes(b"title = '\xe9'\n")
    (files.folder / "huge.toml").write_text("# " + "x" * 300_000)
    (files.folder / "folder.toml").mkdir()
    with pytest.raises(ConfigError, match="UTF-8"):
        files.load("latin")
    with pytest.raises(ConfigError, match="too long"):
        files.load("huge")
    with pytest.raises(ConfigError, match="no profile"):
        files.load("folder")


def test_a_byte_order_mark_is_no_mistake(files: ProfileFiles) -> None:
    (files.folder / "bom.toml").write_bytes(b"\xef\xbb\xbftitle = 'x'\n")
    assert files.load("bom").title == "x"


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".x", "a b", "ä", "x" * 65, "-x"])
def test_names_that_are_no_file_names(name: str) -> None:
    with pytest.raises(ConfigError):
        check_name(name)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=string.printable + "é\x00\u202e", max_size=200))
def test_any_text_is_tables_or_a_sentence(text: str) -> None:
    result: object
    try:
        result = decode(text, "x.toml")
    except ConfigError as error:
        result = error.message
    assert isinstance(result, dict) or str(result).startswith("x.toml")
