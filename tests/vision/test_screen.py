"""The eye where there is no screen, with files and the clipboard, and with programs that stand in."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from neko_cli.core.companions.eyes import ScreenError, Seen
from neko_cli.core.companions.sources import parse_source
from neko_cli.core.ports import Look
from neko_cli.vision import clipboard, wayland
from neko_cli.vision.screen import ScreenEye
from neko_cli.vision.worker import Worker, WorkerStuck

PNG = ("image/png",)
PATIENCE = 10.0


async def picture(eye: ScreenEye, source: str, blur=()) -> Image.Image:
    look = Look(source=parse_source(source), media_types=PNG, blur=blur)
    glance = await eye.glance(look, lambda seen: True)
    assert glance.picture is not None
    return Image.open(io.BytesIO(glance.picture.data)).convert("RGB")


def png(color: str = "red", size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind)
    return out.getvalue()


def program(folder: Path, name: str, output: bytes, *, before: str = "", code: int = 0) -> dict[str, str]:
    """An environment with a program that notes its arguments and gives an output."""
    (folder / f"{name}.out").write_bytes(output)
    script = folder / name
    script.write_text(
        f'#!/bin/sh\necho "$@" >>"{folder}/{name}.calls"\n{before}\ncat "{folder}/{name}.out"\nexit {code}\n'
    )
    script.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def calls(folder: Path, name: str) -> list[str]:
    return (folder / f"{name}.calls").read_text().splitlines()


async def test_without_a_display_one_sentence_says_what_is_needed() -> None:
    with pytest.raises(ScreenError) as caught:
        await picture(ScreenEye({}), "1")
    assert "neither DISPLAY nor WAYLAND_DISPLAY" in caught.value.message
    assert "file:PICTURE" in caught.value.hint
    assert not caught.value.permanent


@pytest.mark.parametrize("source", ["1", "window:x"])
async def test_a_display_that_is_not_there_is_a_sentence(source: str) -> None:
    with pytest.raises(ScreenError, match=":31999 cannot be seen: it does not answer"):
        await picture(ScreenEye({"DISPLAY": ":31999"}), source)


async def test_a_file_is_shown_blurred_without_any_display(tmp_path: Path) -> None:
    path = tmp_path / "a b.png"
    striped = Image.new("RGB", (200, 100), "red")
    for column in range(0, 200, 2):
        striped.paste("blue", (column, 0, column + 1, 100))
    striped.save(path)
    eye = ScreenEye({})
    assert ImageChops.difference(await picture(eye, f"file:{path}"), striped).getbbox() is None
    hidden = await picture(eye, f"file:{path}", ((0.25, 0.0, 0.5, 1.0),))
    assert hidden.getpixel((10, 50)) == (0, 0, 255)
    colors = hidden.crop((50, 0, 150, 100)).getcolors(2)
    assert colors in ([(10_000, (127, 0, 127))], [(10_000, (128, 0, 128))])


@pytest.mark.parametrize(("name", "said"), [("no.png", "There is no file"), ("text.png", "not a picture")])
async def test_a_file_that_shows_nothing_is_a_sentence(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ScreenError, match=said):
        await picture(ScreenEye({}), f"file:{tmp_path / name}")
    with pytest.raises(ScreenError):
        await picture(ScreenEye({}), "file:a\0b")


@pytest.mark.parametrize(("name", "env"), [("xclip", {}), ("wl-paste", {"WAYLAND_DISPLAY": "wayland-0"})])
async def test_the_clipboard_is_read_by_the_sessions_program(tmp_path: Path, name: str, env) -> None:
    environment = program(tmp_path, name, png("lime")) | env
    assert (await picture(ScreenEye(environment), "clipboard")).getpixel((5, 5)) == (0, 255, 0)
    assert "image/png" in calls(tmp_path, name)[0]


async def test_a_clipboard_without_picture_program_or_end(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(ScreenError, match="without xclip") as caught:
        await picture(ScreenEye({"PATH": str(tmp_path)}), "clipboard")
    assert caught.value.hint == "Install xclip."
    environment = program(tmp_path, "xclip", b"", code=1)
    with pytest.raises(ScreenError, match="no picture in the clipboard"):
        await picture(ScreenEye(environment), "clipboard")
    monkeypatch.setattr(clipboard, "PASTE_WITHIN", 0.3)
    environment = program(tmp_path, "xclip", png(), before="exec sleep 60")
    began = time.monotonic()
    with pytest.raises(ScreenError, match="no picture"):
        await picture(ScreenEye(environment), "clipboard")
    assert time.monotonic() - began < PATIENCE


# Wayland


async def test_wayland_is_seen_by_grim(tmp_path: Path) -> None:
    environment = program(tmp_path, "grim", png("blue", (100, 50), "PPM")) | {"WAYLAND_DISPLAY": "w"}
    eye = ScreenEye(environment)
    assert (await picture(eye, "0")).size == (100, 50)
    part = await picture(eye, "90,40,50x50")
    assert (part.size, part.getpixel((0, 0))) == ((10, 10), (0, 0, 255))
    assert calls(tmp_path, "grim") == ["-t ppm -"] * 2
    with pytest.raises(ScreenError, match="nothing at 100,0"):
        await picture(eye, "100,0,5x5")


async def test_wayland_says_what_it_cannot_and_never_shows_more_than_was_named(tmp_path: Path) -> None:
    environment = program(tmp_path, "grim", png()) | {"XDG_SESSION_TYPE": "wayland"}
    with pytest.raises(ScreenError, match="no program can find a window"):
        await picture(ScreenEye(environment), "window:x")
    with pytest.raises(ScreenError, match="monitor 1 cannot be found out without Xwayland"):
        await picture(ScreenEye(environment), "1")
    assert not (tmp_path / "grim.calls").exists()


async def test_wayland_without_any_way_names_them(tmp_path: Path) -> None:
    with pytest.raises(ScreenError) as caught:
        await picture(ScreenEye({"PATH": str(tmp_path), "WAYLAND_DISPLAY": "w"}), "0")
    assert caught.value.hint == wayland.WAYS
    assert all(name in wayland.WAYS for name in ("xdg-desktop-portal", "grim", "spectacle", "file:PICTURE"))


# The thread


async def test_what_hangs_is_left_and_nothing_new_begins_before_it_comes_back() -> None:
    worker, gate, began = Worker("test"), threading.Event(), list[int]()

    def hang() -> str:
        began.append(1)
        gate.wait(PATIENCE)
        return "late"

    for _ in range(3):
        with pytest.raises(WorkerStuck):
            await worker.run(hang, timeout=0.05)
    assert began == [1]
    gate.set()
    assert worker._last is not None
    assert await asyncio.to_thread(worker._last.result, PATIENCE) == "late"
    assert await worker.run(lambda: 7, timeout=PATIENCE) == 7


async def test_work_that_fails_or_is_given_up_harms_nothing() -> None:
    worker, gate = Worker("test"), threading.Event()
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0, timeout=PATIENCE)
    task = asyncio.ensure_future(worker.run(lambda: gate.wait(PATIENCE), timeout=PATIENCE))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(WorkerStuck):
        await worker.run(lambda: 1, timeout=PATIENCE)
    gate.set()


def test_the_eye_loads_nothing_heavy_before_it_looks() -> None:
    import subprocess
    import sys

    probe = (
        "import sys, neko_cli.vision.screen, neko_cli.core.watching, neko_cli.services.describe;"
        "print(sorted({'PIL', 'mss', 'httpx', 'jeepney', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.strip() == "[]"


def test_seen_is_comparable() -> None:
    assert Seen(1, 2, b"a") == Seen(1, 2, b"a") != Seen(1, 2, b"b")
