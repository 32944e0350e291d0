"""What a user shows arrives at the engine as it is on the screen: eye, codec, a real socket, the engine."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from PIL import Image, ImageChops, ImageStat

from neko_cli.core.companions.eyes import Consent
from neko_cli.core.events import EyesChanged, InputMode, LinkWord, ScreenShown, TurnEnded
from neko_cli.core.manager import SessionManager
from neko_cli.local.ports import ImageFacts
from neko_cli.local.wire import gemini_content, openai_items
from neko_cli.services.folders import Folders
from neko_cli.wiring import Options, compose
from tests.real.conftest import require
from tests.real.screen import VirtualScreen
from tests.real.x_windows import XWindows

SIZE = (800, 600)
PATIENCE = 20.0
TOKEN = "a-token-of-our-own-1234567890"
COLORS = {(0, 0): (255, 0, 0), (400, 0): (0, 160, 0), (0, 300): (20, 40, 220), (400, 300): (240, 240, 240)}

PROFILE = """
extends = "default"
[local]
brain = "builtin"
[memory]
summary = "local"
save = false
[eyes]
every_idle = 0.5
every_speaking = 0.5
"""


class Arrivals:
    """The pictures that the engine has understood, decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pictures: list[Image.Image] = []
        self._came = asyncio.Event()
        for module in (openai_items, gemini_content):
            monkeypatch.setattr(module, "image_facts", self._noting(module.image_facts))

    def _noting(self, real):
        def image_facts(data_url: str) -> ImageFacts:
            facts = real(data_url)
            data = base64.b64decode(data_url.partition(",")[2])
            self.pictures.append(Image.open(io.BytesIO(data)).convert("RGB"))
            assert self.pictures[-1].size == (facts.width, facts.height)
            self._came.set()
            return facts

        return image_facts

    async def until(self, count: int) -> Image.Image:
        async with asyncio.timeout(PATIENCE):
            while len(self.pictures) < count:
                self._came.clear()
                await self._came.wait()
        return self.pictures[count - 1]


@pytest.fixture
def arrivals(monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    return Arrivals(monkeypatch)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualScreen]:
    require([] if shutil.which("Xvfb") else ["Xvfb"])
    for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    with VirtualScreen(*SIZE) as running:
        monkeypatch.setenv("DISPLAY", running.display)
        yield running


@pytest.fixture
def folders(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = Folders.find({"NEKO_HOME": str(tmp_path / "home")})
    found.profiles.mkdir(parents=True)
    (found.profiles / "mine.toml").write_text(PROFILE)
    return found


@asynccontextmanager
async def talking(folders: Folders, **options: object) -> AsyncIterator[SessionManager]:
    composed = compose(Options(profile="mine", want_audio=False, **options), folders=folders)  # type: ignore[arg-type]
    session = composed.session()
    try:
        async with asyncio.timeout(PATIENCE):
            await session.start_session(InputMode.TEXT)
        yield session
    finally:
        await session.cleanup()
        await composed.aclose()


def quarters(windows: XWindows) -> Image.Image:
    """Four colours on the screen, and the same as a picture."""
    picture = Image.new("RGB", SIZE)
    for place, color in COLORS.items():
        windows.window(*place, 400, 300, int.from_bytes(bytes(color)))
        picture.paste(color, (*place, place[0] + 400, place[1] + 300))
    return picture


def alike(one: Image.Image, other: Image.Image) -> bool:
    """The same but for what JPEG does to it: little anywhere, and more at the edges of colours alone."""
    if one.size != other.size:
        return False
    difference = ImageChops.difference(one, other)
    inside = [difference.getpixel((x, y)) for x in range(50, 800, 100) for y in range(50, 600, 100)]
    return max(ImageStat.Stat(difference).mean) < 1.0 and max(max(pixel) for pixel in inside) <= 4


async def answer(session: SessionManager, text: str) -> str:
    """One typed turn."""
    events = session.events()
    async with asyncio.timeout(PATIENCE):
        turn = await session.send_message(text)
        async for event in events:
            if isinstance(event, TurnEnded) and event.turn == turn:
                await events.aclose()
                return event.text
    raise AssertionError("no answer")


@asynccontextmanager
async def engine_as(folders: Folders, provider: str, monkeypatch) -> AsyncIterator[dict[str, str]]:
    """The engine as another provider's server: the options for a session with it."""
    monkeypatch.setenv("GEMINI_API_KEY", TOKEN)
    composed = compose(Options(profile="mine"), folders=folders)
    try:
        server = await composed.serve(host="127.0.0.1", port=0, token=TOKEN)
        address = server.url.partition("://")[2].partition("/")[0]
        yield {"provider": provider, "url": f"ws://{address}"}
    finally:
        await composed.aclose()


@pytest.mark.parametrize("provider", ["embedded", "gemini"])
async def test_what_arrives_at_the_engine_is_what_is_on_the_screen(
    screen, folders, arrivals, monkeypatch, provider: str
) -> None:
    with XWindows(screen.display) as windows:
        first = quarters(windows)
        async with engine_as(folders, provider, monkeypatch) as options:
            chosen = {} if provider == "embedded" else options
            async with talking(folders, **chosen) as session:
                assert session.screen.show(for_run=True).may_leave
                await session.screen.shown()
                assert alike(await arrivals.until(1), first)
                if provider == "embedded":  # the other one says it aloud, in real time
                    assert "800 by 600" in await answer(session, "What do you see?")
                windows.window(100, 100, 300, 200, 0x101010)
                second = first.copy()
                second.paste((16, 16, 16), (100, 100, 400, 300))
                # One that has not changed would come before this one.
                assert alike(await arrivals.until(2), second)


async def test_hidden_regions_never_reach_the_engine(screen, folders, arrivals) -> None:
    (folders.profiles / "mine.toml").write_text(f"{PROFILE}blur = [[0.0, 0.0, 0.5, 1.0]]\n")
    with XWindows(screen.display) as windows:
        windows.window(0, 0, 800, 600, 0xFFFFFF)
        for row in range(0, 600, 20):
            windows.window(0, row, 400, 10, 0x000000)
        async with talking(folders) as session:
            session.screen.show(for_run=True)
            seen = await arrivals.until(1)
        greys = seen.convert("L").crop((20, 20, 380, 580)).getextrema()
        assert greys[1] - greys[0] < 60, "the lines cannot be told apart"
        assert seen.getpixel((600, 300)) == (255, 255, 255)


async def test_a_display_that_dies_in_mid_session_ends_the_pictures_and_nothing_else(
    screen, folders, arrivals
) -> None:
    with XWindows(screen.display) as windows:
        quarters(windows)
        async with talking(folders) as session:
            events = session.events()
            session.screen.show(for_run=True)
            await arrivals.until(1)
            assert screen._server is not None
            screen._server.kill()
            async with asyncio.timeout(PATIENCE):
                async for event in events:
                    if isinstance(event, EyesChanged) and event.trouble:
                        break
            assert f"The display {screen.display} cannot be seen" in session.screen.state.trouble
            assert session.screen.state.on
            assert await answer(session, "What is two plus three?")
            assert session.state.link is LinkWord.ONLINE
            assert len(arrivals.pictures) == 1


@pytest.mark.parametrize("said", ["no", "nothing"])
async def test_without_consent_nothing_leaves(screen, folders, arrivals, said: str) -> None:
    with XWindows(screen.display) as windows:
        quarters(windows)
        async with talking(folders) as session:
            events = session.events()
            assert session.screen.show().consent is Consent.ASKING
            if said == "no":
                session.screen.answer(False)
            assert await answer(session, "What is two plus three?")
            assert not session.screen.state.on
            await session.end_session()
            assert not [event async for event in events if isinstance(event, ScreenShown)]
    assert arrivals.pictures == []


async def test_without_a_display_the_conversation_goes_on_and_one_sentence_says_why(
    folders, arrivals, monkeypatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    async with talking(folders) as session:
        session.screen.show(for_run=True)
        with pytest.raises(Exception, match="There is no screen here"):
            await session.screen.shown()
        assert await answer(session, "What is two plus three?")
    assert arrivals.pictures == []
