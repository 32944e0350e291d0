"""The eyes of a whole session: opened, paused, asked about again, closed, and told to its readers."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.companions.eyes import Consent, ScreenError
from neko_cli.core.errors import ConfigError, LinkError
from neko_cli.core.events import EyesChanged, InputMode, LinkWord, Notice, ScreenShown
from neko_cli.core.profile import ProviderTable
from neko_cli.core.sight import ELSEWHERE
from neko_cli.core.tables_eyes import EyesTable
from neko_cli.core.watch_host import EyesState
from neko_cli.core.watched_session import WatchedSession
from neko_cli.core.watching import NO_DESCRIBER
from tests.fakes.eyes import FakeDescriber, FakeEye
from tests.fakes.staging import COLD, asks, staged
from tests.fakes.virtual import virtual

SEES = {"images": True}


async def pictured(server) -> None:
    item = (await server.expect("conversation.item.create"))["item"]
    assert item["content"][0]["type"] == "input_image"


@virtual
async def test_a_session_is_shown_pictures_and_its_readers_are_told():
    eye = FakeEye()
    async with staged(COLD, capabilities=SEES, eye=lambda: eye) as stage:
        server = await stage.start()
        host = WatchedSession(stage.core)
        assert stage.session.screen.show(for_run=True).may_leave
        await pictured(server)
        await stage.session.screen.shown()
        told = await stage.until(EyesChanged, within=5)
        assert (told.on, told.paused, told.asking, told.source) == (True, False, False, "monitor 1")
        assert (await stage.until(ScreenShown, within=5)).sent
        assert not host.is_talking
        await asks(stage, server, "What is this?")
        assert host.is_talking
        server.drop()
        await stage.passes(0.1)
        assert host.capabilities is None
        with pytest.raises(LinkError):
            await host.show(ScreenFrame(b"x", "image/jpeg", 1, 1))
        looks = len(eye.looks)
        await stage.back()
        await stage.passes(3)
        assert stage.session.state.link is LinkWord.ONLINE
        assert len(stage.told(ScreenShown)) == 2
        assert len(eye.looks) > looks


@pytest.mark.parametrize(("system_items", "role"), [(True, "system"), (False, "user")])
@virtual
async def test_a_session_is_told_what_its_model_cannot_see(system_items, role):
    describer = FakeDescriber()
    async with staged(
        COLD,
        capabilities={"images": False, "system_items": system_items},
        eye=FakeEye,
        describer=lambda profile: describer,
    ) as stage:
        server = await stage.start(InputMode.TEXT)
        stage.session.screen.show(for_run=True)
        item = (await server.expect("conversation.item.create"))["item"]
        assert item["role"] == role
        assert "picture 0" in item["content"][0]["text"]
        await stage.passes(1)
        server.nothing_more()
        assert stage.told(ScreenShown, sent=False, description="picture 0")


@virtual
async def test_nothing_is_made_before_the_screen_is_wanted_and_nothing_leaves_before_consent():
    made: list[FakeEye] = []

    def make() -> FakeEye:
        made.append(FakeEye())
        return made[-1]

    async with staged(COLD, capabilities=SEES, eye=make) as stage:
        screen = stage.session.screen
        server = await stage.start()
        screen.answer(True)
        screen.pause(True)
        screen.hide()
        await stage.passes(30)
        assert (made, screen.state) == ([], EyesState())
        assert screen.show("2").consent is Consent.ASKING
        await stage.passes(30)
        screen.answer(False)
        await stage.passes(30)
        assert len(made) == 1
        assert made[0].looks == []
        server.nothing_more()
        assert stage.told(ScreenShown) == []
        assert [event.asking for event in stage.told(EyesChanged)] == [True, False]
        screen.show("2")
        screen.answer(True)
        await pictured(server)
        assert made[0].looks[0][1].source.label == "monitor 2"
        assert len(made) == 1


@virtual
async def test_what_cannot_be_shown_is_refused_and_changes_nothing():
    async with staged(COLD, capabilities=SEES, eye=FakeEye) as stage:
        await stage.start()
        with pytest.raises(ConfigError, match="'moon' is nothing that can be shown"):
            stage.session.screen.show("moon", for_run=True)
        assert stage.session.screen.state == EyesState()
    async with staged(COLD) as stage:
        await stage.start()
        with pytest.raises(ConfigError, match="no eyes here"):
            stage.session.screen.show()


@virtual
async def test_who_waits_for_a_picture_learns_why_there_is_none():
    eye = FakeEye()
    async with staged(COLD, capabilities=SEES, eye=lambda: eye) as stage:
        screen = stage.session.screen
        with pytest.raises(ConfigError, match="eyes are off"):
            await screen.shown()
        eye.error = ScreenError("There is no screen here.")
        screen.show(for_run=True)
        with pytest.raises(LinkError):
            await screen.shown()
        server = await stage.start()
        with pytest.raises(ScreenError, match="no screen here"):
            await screen.shown()
        assert screen.state.trouble == "There is no screen here."
        eye.error = None
        await stage.passes(8)
        await pictured(server)
        await screen.shown()
        assert screen.state.trouble == ""
        screen.hide()
        screen.show()
        assert screen.state.consent is Consent.FOR_RUN
        eye.gate = asyncio.Event()

        async def leave() -> None:
            await asyncio.sleep(1)
            screen.hide()

        waited, _ = await asyncio.gather(screen.shown(), leave(), return_exceptions=True)
        assert str(waited) == "Nothing is shown: the eyes are off."


@virtual
async def test_a_model_that_cannot_see_without_a_describer_is_told_until_one_is_named():
    describer = FakeDescriber()

    def find(profile):
        return describer if profile.eyes.describe_url else None

    async with staged(COLD, capabilities={"images": False}, eye=FakeEye, describer=find) as stage:
        server = await stage.start()
        stage.session.screen.show(for_run=True)
        with pytest.raises(ConfigError, match="cannot see pictures"):
            await stage.session.screen.shown()
        await stage.until(Notice, text=NO_DESCRIBER)
        eyes = EyesTable(describe_url="http://127.0.0.1:1/v1")
        await stage.session.switch_profile(msgspec.structs.replace(stage.session.profile, eyes=eyes))
        await server.expect("conversation.item.create")
        assert stage.session.screen.state.trouble == ""


@virtual
async def test_who_agreed_to_one_provider_is_asked_again_for_another():
    async with staged(COLD, capabilities=SEES, eye=FakeEye) as stage:
        server = await stage.start()
        screen, old = stage.session.screen, stage.session.profile
        screen.show()
        screen.answer(True)
        await pictured(server)
        same = msgspec.structs.replace(old, eyes=EyesTable(every_idle=1))
        await stage.session.switch_profile(same)
        assert screen.state.on
        other = msgspec.structs.replace(old, provider=ProviderTable(name="xai"))
        await stage.session.switch_profile(other)
        assert not screen.state.on
        await stage.until(Notice, text=ELSEWHERE)
        assert screen.show().consent is Consent.ASKING
        screen.answer(True)
        describes = msgspec.structs.replace(other, eyes=EyesTable(describe_url="http://localhost/v1"))
        await stage.session.switch_profile(describes)
        assert not screen.state.on, "somebody else sees the pictures"


@virtual
async def test_while_the_session_is_paused_nothing_leaves():
    eye = FakeEye()
    async with staged(COLD, capabilities=SEES, eye=lambda: eye) as stage:
        server = await stage.start()
        screen = stage.session.screen
        screen.show(for_run=True)
        await pictured(server)
        await stage.session.pause()
        assert not screen.state.may_leave
        eye.shows = 99
        await stage.passes(30)
        server.nothing_more()
        await stage.session.resume()
        await pictured(server)
        screen.pause(True)
        await stage.session.pause()
        await stage.session.resume()
        assert screen.state.paused, "the user looked away"


@virtual
async def test_the_eyes_close_with_the_session_and_open_with_the_next():
    eye = FakeEye()
    async with staged(COLD, capabilities=SEES, eye=lambda: eye) as stage:
        server = await stage.start()
        stage.session.screen.show(for_run=True)
        await pictured(server)
        await stage.session.end_session()
        looks = len(eye.looks)
        eye.shows = 99
        await stage.passes(30)
        assert len(eye.looks) == looks
        late = stage.session.events()
        seen = [await anext(late) for _ in range(2)]
        assert isinstance(seen[1], EyesChanged)
        assert seen[1].on
        await pictured(await stage.start())
