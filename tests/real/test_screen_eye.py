"""The eye and a real X server: what it sees is what is there, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from PIL import Image, ImageChops

from neko_cli.core.companions.eyes import ScreenError
from neko_cli.core.companions.sources import Box, parse_source
from neko_cli.core.ports import Look
from neko_cli.core.watching import SEES_AGAIN, Watching
from neko_cli.vision import screen as screens
from neko_cli.vision import x11_windows
from neko_cli.vision.screen import ScreenEye
from tests.core.test_watching import FakeHost
from tests.real.conftest import require
from tests.real.screen import VirtualScreen
from tests.real.x_windows import XWindows

RED, GREEN, BLUE, WHITE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (128, 128, 128)
SIZE = (800, 600)
PATIENCE = 10.0


@pytest.fixture
def screen() -> Iterator[VirtualScreen]:
    require([] if shutil.which("Xvfb") else ["Xvfb"])
    with VirtualScreen(*SIZE) as running:
        yield running


@pytest.fixture
def windows(screen: VirtualScreen) -> Iterator[XWindows]:
    with XWindows(screen.display) as client:
        yield client


@pytest.fixture
def eye(screen: VirtualScreen) -> ScreenEye:
    return ScreenEye({"DISPLAY": screen.display})


async def seen(eye: ScreenEye, source: str, *blur: tuple[float, float, float, float]) -> Image.Image:
    look = Look(source=parse_source(source), blur=blur, media_types=("image/png",))
    glance = await eye.glance(look, lambda found: True)
    assert glance.picture is not None
    return Image.open(io.BytesIO(glance.picture.data)).convert("RGB")


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None


def quarters(windows: XWindows) -> Image.Image:
    """Four colours on the screen, and the same as a picture."""
    picture = Image.new("RGB", SIZE)
    for place, color in (((0, 0), RED), ((400, 0), GREEN), ((0, 300), BLUE), ((400, 300), WHITE)):
        windows.window(*place, 400, 300, int.from_bytes(bytes(color)))
        picture.paste(color, (*place, place[0] + 400, place[1] + 300))
    return picture


async def test_a_monitor_is_seen_as_it_is_and_hidden_regions_are_hidden(windows, eye) -> None:
    picture = quarters(windows)
    assert same(await seen(eye, "1"), picture)
    assert same(await seen(eye, "0"), picture)
    hidden = await seen(eye, "1", (0.25, 0.25, 0.5, 0.5))
    outside = hidden.copy()
    for each in (outside, picture):
        each.paste("black", (200, 150, 600, 450))
    assert same(outside, picture)
    middle = hidden.crop((200, 150, 600, 450))
    assert not same(middle, picture.crop((200, 150, 600, 450)))
    assert await eye.monitors() == [Box(0, 0, *SIZE)] * 2
    with pytest.raises(ScreenError, match="no monitor 2: there is one"):
        await seen(eye, "2")


@pytest.mark.parametrize(
    ("region", "box"),
    [
        ("390,290,20x20", (390, 290, 410, 310)),
        ("700,500,500x500", (700, 500, 800, 600)),
        ("-50,-50,60x70", (0, 0, 10, 20)),
    ],
)
async def test_a_region_ends_at_the_screens_edges(windows, eye, region: str, box) -> None:
    picture = quarters(windows)
    assert same(await seen(eye, region), picture.crop(box))


async def test_a_region_beside_the_screen_shows_nothing(eye) -> None:
    with pytest.raises(ScreenError, match="nothing at 800,0: the screen has 800x600"):
        await seen(eye, "800,0,10x10")


async def test_a_large_screen_is_made_smaller(eye, windows, monkeypatch: pytest.MonkeyPatch) -> None:
    quarters(windows)
    from neko_cli.vision import finish

    monkeypatch.setattr(finish, "SHOWN_SIDE", 400)
    small = await seen(eye, "1")
    assert small.size == (400, 300)
    assert (small.getpixel((50, 50)), small.getpixel((350, 250))) == (RED, WHITE)


async def test_a_window_is_found_by_its_title_and_followed(windows, eye) -> None:
    windows.window(0, 0, 800, 600, 0xFFFFFF)
    editor = windows.window(100, 50, 200, 100, 0xFF0000, "Editor: notes — ü")
    assert same(await seen(eye, "window:Editor: notes — ü"), Image.new("RGB", (200, 100), RED))
    assert same(await seen(eye, "window:eDITOR"), Image.new("RGB", (200, 100), RED))
    windows.move(editor, 700, 550)
    assert same(await seen(eye, "window:editor"), Image.new("RGB", (100, 50), RED))
    with pytest.raises(ScreenError, match="no window called “Browser”"):
        await seen(eye, "window:Browser")
    windows.unmap(editor)
    with pytest.raises(ScreenError, match="“Editor” is minimised"):
        await seen(eye, "window:Editor")


async def test_the_exact_title_wins_and_then_the_topmost(windows, eye) -> None:
    windows.window(0, 0, 50, 50, 0xFF0000, "Mail")
    windows.window(100, 0, 50, 50, 0x00FF00, "Mail of Mia")
    windows.window(200, 0, 50, 50, 0x0000FF, "Mail of Tom")
    assert (await seen(eye, "window:Mail")).getpixel((9, 9)) == RED
    assert (await seen(eye, "window:mail of")).getpixel((9, 9)) == BLUE


async def test_what_lies_over_a_window_is_not_shown(windows, eye) -> None:
    frame = windows.window(90, 90, 220, 120, 0x808080)
    windows.window(10, 10, 200, 100, 0xFF0000, "Editor", inside=frame)
    windows.window(200, 100, 500, 20, 0x00FF00, "Secret", border=2)
    expected = Image.new("RGB", (200, 100), RED)
    expected.paste(GREY, (100, 0, 200, 24))
    assert same(await seen(eye, "window:Editor"), expected)
    windows.window(0, 0, 400, 400, 0x0000FF, "Wall")
    with pytest.raises(ScreenError, match="lies behind another one"):
        await seen(eye, "window:Editor")


async def test_what_comes_over_a_window_during_a_look_is_not_shown(windows, eye, monkeypatch) -> None:
    windows.window(100, 100, 200, 100, 0xFF0000, "Editor")
    real, done = x11_windows.grab, list[int]()

    def late(display: str, box: Box) -> Image.Image:
        if not done:
            done.append(windows.window(150, 100, 50, 50, 0x00FF00, "Secret"))
        return real(display, box)

    monkeypatch.setattr(x11_windows, "grab", late)
    expected = Image.new("RGB", (200, 100), RED)
    expected.paste(GREY, (50, 0, 100, 50))
    assert same(await seen(eye, "window:Editor"), expected)


@contextlib.asynccontextmanager
async def watching(eye: ScreenEye) -> AsyncIterator[tuple[FakeHost, Watching]]:
    from neko_cli.core.clock import RealClock

    host = FakeHost()
    host.is_talking = True
    watch = Watching(host, eye, RealClock())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        watch.start(for_run=True)
        yield host, watch
        task.cancel()


async def test_a_display_that_dies_is_told_once_and_its_return_too(monkeypatch) -> None:
    require([] if shutil.which("Xvfb") else ["Xvfb"])
    from neko_cli.core import watching as runner
    from neko_cli.core.tables_eyes import EyesTable

    monkeypatch.setattr(runner, "BLIND_EVERY", 0.05)
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.02)
    number = 0
    with VirtualScreen(*SIZE) as first:
        number = int(first.display[1:])
        async with watching(ScreenEye({"DISPLAY": first.display})) as (host, watch):
            host.table = EyesTable(every_speaking=0.5, change=0.0)
            await host.until(lambda: host.events, PATIENCE)
            first._server.kill()
            first._server.wait(PATIENCE)
            await host.until(lambda: host.notices, PATIENCE)
            assert watch.state.on
            again = subprocess.Popen(
                ["Xvfb", f":{number}", "-screen", "0", "640x480x24", "-nolisten", "tcp"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                await host.until(lambda: len(host.events) >= 2, PATIENCE)
            finally:
                again.terminate()
                again.wait(PATIENCE)
            texts = [text for text, _ in host.notices]
            assert texts[0].startswith(f"The display :{number} cannot be seen")
            assert texts[1] == SEES_AGAIN
            assert texts[2:] in ([], [texts[0]])
            assert host.events[1].width == 640


async def test_a_display_that_hangs_costs_no_more_than_the_deadline(screen, windows, monkeypatch) -> None:
    picture = quarters(windows)
    eye = ScreenEye({"DISPLAY": screen.display}, look_within=0.5)
    assert same(await seen(eye, "1"), picture)
    os.kill(screen._server.pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(ScreenError, match="does not answer"):
                await seen(eye, "1")
            assert time.monotonic() - began < 5
    finally:
        os.kill(screen._server.pid, signal.SIGCONT)
    assert await asyncio.to_thread(eye._worker._last.exception, PATIENCE) is None
    assert same(await seen(eye, "1"), picture)
    assert screens.LOOK_WITHIN > 0.5


async def test_a_monitor_under_wayland_is_cut_out_by_what_xwayland_knows(screen, tmp_path) -> None:
    half = Image.new("RGB", (1600, 1200), "blue")
    half.save(tmp_path / "shot.ppm")
    grim = tmp_path / "grim"
    grim.write_text(f'#!/bin/sh\ncat "{tmp_path}/shot.ppm"\n')
    grim.chmod(0o755)
    environment = {
        "DISPLAY": screen.display,
        "WAYLAND_DISPLAY": "w",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    assert (await seen(ScreenEye(environment), "1")).size == (1280, 960)
    with pytest.raises(ScreenError, match="no monitor 2"):
        await seen(ScreenEye(environment), "2")
