"""``neko say --screen``: a picture of the screen goes before the question, or a sentence says why not."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from neko_cli.cli.screen_option import is_source, joined
from tests.cli.running import clean, neko
from tests.real.conftest import require
from tests.real.screen import VirtualScreen
from tests.real.x_windows import XWindows

NO_SCREEN: dict[str, str | None] = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "XDG_SESSION_TYPE": None}


@pytest.fixture
def display() -> Iterator[str]:
    """A screen that is red, with a green window."""
    require([] if shutil.which("Xvfb") else ["Xvfb"])
    with VirtualScreen(320, 240) as screen, XWindows(screen.display) as windows:
        windows.window(0, 0, 320, 240, 0xFF0000)
        windows.window(100, 80, 64, 48, 0x00FF00, "Editor: notes")
        yield screen.display


def shown(server) -> list[tuple[str, Image.Image | None]]:
    """The parts that came, with the pictures decoded."""
    found: list[tuple[str, Image.Image | None]] = []
    for event in server.of("conversation.item.create"):
        for part in event["item"]["content"]:
            picture = None
            if part["type"] == "input_image":
                data = base64.b64decode(part["image_url"].partition(",")[2])
                picture = Image.open(io.BytesIO(data)).convert("RGB")
            found.append((part["type"], picture))
    return found


def near(pixel, color) -> bool:
    return all(abs(one - other) <= 6 for one, other in zip(pixel, color, strict=True))


def test_a_picture_of_the_screen_goes_before_the_words(provider, say, display: str) -> None:
    server = provider()
    done = say(server, "--screen", "what is it?", env={**NO_SCREEN, "DISPLAY": display})
    clean(done)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"what is it?" in done.stdout
    (kind, picture), (words, _) = shown(server)
    assert (kind, words) == ("input_image", "input_text")
    assert picture is not None
    assert picture.size == (320, 240)
    assert near(picture.getpixel((30, 30)), (255, 0, 0))
    assert near(picture.getpixel((132, 104)), (0, 255, 0))


def test_a_window_by_its_title(provider, say, display: str) -> None:
    server = provider()
    env = {**NO_SCREEN, "DISPLAY": display}
    assert say(server, "what is it?", "--screen", "window:editor", env=env).returncode == 0
    picture = shown(server)[0][1]
    assert picture is not None
    assert picture.size == (64, 48)


def test_every_line_is_about_the_screen(provider, say, display: str) -> None:
    server = provider()
    done = say(server, "--lines", "--screen", env={**NO_SCREEN, "DISPLAY": display}, input=b"a\nb\n")
    clean(done)
    assert done.stdout.count(b"\n") == 2
    assert [kind for kind, _ in shown(server)] == ["input_image", "input_text", "input_text"]


def test_a_picture_file_needs_no_screen(provider, say, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "blue").save(tmp_path / "p.png")
    server = provider()
    done = say(server, f"--screen=file:{tmp_path}/p.png", "what is it?", env=NO_SCREEN)
    assert (done.returncode, done.stderr) == (0, b"")
    picture = shown(server)[0][1]
    assert picture is not None
    assert near(picture.getpixel((20, 15)), (0, 0, 255))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--screen"], b"There is no screen here: neither DISPLAY nor WAYLAND_DISPLAY is set."),
        (["--screen=file:gone.png"], b"There is no file gone.png."),
        (["--screen=moon"], b"'moon' is nothing that can be shown; allowed: a monitor's number"),
        (["--screen", "99"], b"'99' is nothing that can be shown"),
    ],
)
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_without_a_picture_nothing_is_asked(provider, say, arguments, said: bytes, quiet) -> None:
    server = provider()
    done = say(server, *arguments, *quiet, "what is it?", env=NO_SCREEN)
    clean(done)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"neko: " + said)
    assert done.stderr.count(said) == 1, "told once"
    assert server.of("conversation.item.create") == server.of("response.create") == []


def test_a_model_that_cannot_see_is_a_sentence(provider, tmp_path: Path, display: str) -> None:
    server = provider()
    env = {**NO_SCREEN, "DISPLAY": display, "XAI_API_KEY": "xai-test-1234567890"}
    done = neko(
        "say", "--provider", "xai", "--url", server.url, "--screen", "hello", home=tmp_path / "h", env=env
    )
    clean(done)
    assert done.returncode == 2
    assert done.stderr.startswith(b"neko: This model cannot see pictures. Give describe_url")


def test_a_chat_without_a_terminal_shows_it_too(provider, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "blue").save(tmp_path / "p.png")
    server = provider()
    shared = ["--provider", "openai", "--url", server.url]
    done = neko(
        "chat", f"--screen=file:{tmp_path}/p.png", *shared, home=tmp_path / "h", env=NO_SCREEN, input=b"hi\n"
    )
    clean(done)
    assert [kind for kind, _ in shown(server)] == ["input_image", "input_text"]
    refused = neko("chat", "--screen=moon", *shared, home=tmp_path / "h", env=NO_SCREEN)
    assert refused.returncode == 2
    assert b"'moon' is nothing that can be shown" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--screen"], ["--screen="]),
        (["--screen", "what is this?"], ["--screen=", "what is this?"]),
        (["hello", "--screen", "--json"], ["hello", "--screen=", "--json"]),
        (["--screen", "2", "hello"], ["--screen=2", "hello"]),
        (["--screen", "0,0,10x10"], ["--screen=0,0,10x10"]),
        (["--screen", "window:A b", "-"], ["--screen=window:A b", "-"]),
        (["--screen", "window:", "x"], ["--screen=window:", "x"]),
        (["--screen", "clipboard"], ["--screen=clipboard"]),
        (["--screen", "-"], ["--screen=", "-"]),
        (["--screen", ""], ["--screen=", ""]),
        (["--screen=1", "a"], ["--screen=1", "a"]),
        (["--", "--screen", "1"], ["--", "--screen", "1"]),
    ],
)
def test_the_value_may_be_left_out(arguments: list[str], expected: list[str]) -> None:
    assert joined(arguments) == expected


def test_what_looks_like_a_source_is_one_even_when_it_is_a_mistake() -> None:
    assert all(is_source(word) for word in ("99", "10,10,5", "file:x", "-5,-5,10x10"))
    assert not any(is_source(word) for word in ("", " ", "x", "so what", "-q", "--json", "file"))
