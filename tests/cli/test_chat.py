"""``neko chat``: which form it takes, and how it is put together."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neko_cli.cli.chat_app import OwnedSession, how_to_resume, is_local, offers, stays_here
from neko_cli.cli.chat_lines import plan_for_lines
from neko_cli.cli.chat_start import has_screen
from neko_cli.cli.say_plan import Format
from neko_cli.core.errors import ConfigError, CredentialsError, LinkError
from neko_cli.core.events import InputMode, Severity
from neko_cli.core.profile import Character, Profile, ProviderTable
from neko_cli.services.settings import Memory
from neko_cli.testing import ScriptedSession


class Stream:
    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("term", "given", "taken", "screen"),
    [
        ("xterm", True, True, True),
        ("xterm", False, True, False),
        ("xterm", True, False, False),
        ("dumb", True, True, False),
        ("", True, True, False),
        (None, True, True, False),
    ],
)
def test_has_screen(monkeypatch, term: str | None, given: bool, taken: bool, screen: bool) -> None:
    if term is None:
        monkeypatch.delenv("TERM", raising=False)
    else:
        monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdin", Stream(given))
    monkeypatch.setattr(sys, "stdout", Stream(taken))
    assert has_screen() is screen


def test_a_person_without_a_screen_reads_words_as_they_come() -> None:
    assert plan_for_lines(interactive=True, quiet=False).format is Format.STREAMED
    assert plan_for_lines(interactive=False, quiet=False).format is Format.TEXT


@pytest.mark.parametrize(
    ("url", "local"),
    [("", False), ("ws://127.0.0.1:1/x", True), ("ws://localhost:1", True), ("wss://example.com", False)],
)
def test_is_local(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_only_a_provider_of_this_machine_needs_no_consent() -> None:
    def asked(name: str, url: str = "") -> bool:
        return stays_here(Profile(provider=ProviderTable(name=name, url=url)))

    assert asked("embedded")
    assert asked("openai", "ws://127.0.0.1:8000")
    assert not asked("openai")
    assert not asked("embedded", "wss://elsewhere.example")


class Composed:
    """A composition that notes what is asked of it."""

    def __init__(self, *, runs_engine: bool = True, missing: str = "", broken: bool = False) -> None:
        self.runs_engine = runs_engine
        self.lacks = missing
        self.broken = broken
        self.warm = asyncio.Event()
        self.watching = asyncio.Event()
        self.closed = 0

    def missing(self) -> str:
        return self.lacks

    async def warm_up(self) -> None:
        self.warm.set()
        if self.broken:
            raise LinkError("No.")
        await asyncio.Event().wait()

    async def watch_profile(self, on_change: Any, on_error: Any) -> None:
        self.change, self.mistake = on_change, on_error
        self.watching.set()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed += 1


class Edits:
    """What the app is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.adopted: list[Profile] = []
        self.refuses = False

    async def adopt(self, profile: Profile) -> None:
        if self.refuses:
            raise CredentialsError("There is no key.")
        self.adopted.append(profile)

    def tell(self, text: str, aside: str, severity: Severity) -> None:
        self.texts.append(text)


@pytest.mark.parametrize("broken", [False, True])
async def test_the_session_owns_the_engine_and_its_warming_up(broken: bool) -> None:
    inner, composed = ScriptedSession(), Composed(broken=broken)
    session = OwnedSession(inner, composed, Edits())  # type: ignore[arg-type]
    await session.start_session(InputMode.TEXT)
    async with asyncio.timeout(5):
        await composed.warm.wait()
        await session.send_message("hello")
        await session.cleanup()
        await session.cleanup()
    assert inner.names()[:2] == ["start_session", "send_message"]
    assert composed.closed == 2


async def test_a_start_that_fails_warms_nothing_up() -> None:
    inner, composed = ScriptedSession(), Composed()
    inner.fail_next("start_session", LinkError("No."))
    session = OwnedSession(inner, composed, Edits())  # type: ignore[arg-type]
    with pytest.raises(LinkError):
        await session.start_session(InputMode.TEXT)
    await session.cleanup()
    assert not composed.warm.is_set()
    assert composed.closed == 1


async def test_an_edited_profile_is_switched_to_and_a_mistake_is_told() -> None:
    inner, composed, told = ScriptedSession(), Composed(), Edits()
    session = OwnedSession(inner, composed, told)  # type: ignore[arg-type]
    await session.start_session(InputMode.TEXT)
    async with asyncio.timeout(5):
        await composed.watching.wait()
    edited = Profile(character=Character(name="Mio"))
    await composed.change(edited)
    assert told.adopted == [edited]
    told.refuses = True
    await composed.change(Profile())
    composed.mistake(ConfigError("mio.toml: there is no key 'nmae'."))
    assert told.texts == [
        "The profile cannot be used: There is no key. The old one goes on.",
        "The profile has a mistake: mio.toml: there is no key 'nmae'. The old one goes on.",
    ]
    await session.cleanup()


async def test_a_second_start_watches_and_warms_up_no_second_time() -> None:
    inner, composed = ScriptedSession(), Composed()
    session = OwnedSession(inner, composed, Edits())  # type: ignore[arg-type]
    await session.start_session(InputMode.TEXT)
    async with asyncio.timeout(5):
        await composed.watching.wait()
    composed.watching.clear()
    await session.start_session(InputMode.TEXT)
    await asyncio.sleep(0)
    assert not composed.watching.is_set()
    await session.cleanup()


def test_the_last_line_says_how_to_go_on() -> None:
    assert how_to_resume("20261121-x7k2").endswith("neko --session 20261121-x7k2\n")


def texts(composed: Composed, folder: Path, notice: str = "") -> list[str]:
    folders: Any = SimpleNamespace(notice=notice)
    return [offer.command or offer.text for offer in offers(composed, Memory(folder), folders)]  # type: ignore[arg-type]


def test_what_is_worth_knowing_is_offered_once(tmp_path: Path) -> None:
    first = texts(Composed(), tmp_path)
    assert first == ["neko devices test", "neko keys set openai"]
    assert texts(Composed(), tmp_path) == []


def test_what_is_missing_is_told_each_time(tmp_path: Path) -> None:
    lacking = Composed(missing="No voice: pip install it.")
    assert "No voice: pip install it." in texts(lacking, tmp_path)
    assert texts(lacking, tmp_path) == ["No voice: pip install it."]
    assert texts(Composed(runs_engine=False), tmp_path, "Elsewhere.") == ["Elsewhere."]
