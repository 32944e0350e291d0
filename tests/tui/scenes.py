"""Apps on a scripted session, and conversations to show in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import TextArea

from neko_cli.core.events import (
    AnyEvent,
    Connected,
    Emotion,
    Energy,
    Failure,
    Levels,
    LinkWord,
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    Severity,
    SoundPath,
    SpeechStarted,
    Status,
    ToolCall,
    ToolQuestion,
    ToolResult,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.testing import ScriptedSession
from neko_cli.tui.app import NekoApp
from neko_cli.tui.lines import Line
from neko_cli.tui.view import Phase

SIZE = (80, 24)
"""Columns and rows of most tests."""


class Clock:
    """Time that moves only when a test says so; in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """An app, its session and its clock."""

    def __init__(self, session: ScriptedSession | None = None, **options: Any) -> None:
        self.session = session or ScriptedSession()
        self.clock = Clock()
        self.made = 0
        options.setdefault("title", "Neko")
        options.setdefault("microphone", True)
        options.setdefault("push_to_talk", False)
        self.make: Callable[[], Awaitable[ScriptedSession]] = self._make
        self.app = NekoApp(lambda: self.make(), clock=self.clock, **options)

    async def _make(self) -> ScriptedSession:
        self.made += 1
        return self.session

    @property
    def lines(self) -> list[Line]:
        return self.app.chat.transcript.lines()

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]

    async def until(self, pilot: Pilot[None], holds: Callable[[], bool], timeout: float = 5.0) -> None:
        """Let the app work until something is true."""
        async with asyncio.timeout(timeout):
            while not holds():
                await pilot.pause(0.01)
        await pilot.pause()

    async def ready(self, pilot: Pilot[None]) -> None:
        """Wait until the session is up."""
        await self.until(pilot, lambda: self.app.controller.view.phase is Phase.READY)

    async def told(self, pilot: Pilot[None], *events: AnyEvent) -> None:
        """Tell events and wait until they are on the screen."""
        seen: list[bool] = []
        controller = self.app.controller
        apply = controller.conversation.apply

        def watch(event: AnyEvent) -> Any:
            if isinstance(event, TurnStarted) and event.turn == -1:
                seen.append(True)
            return apply(event)

        controller.conversation.apply = watch  # type: ignore[method-assign]
        self.session.emit(*events, TurnStarted(at=0.0, turn=-1))
        await self.until(pilot, lambda: bool(seen))
        controller.conversation.apply = apply  # type: ignore[method-assign]


async def type_in(pilot: Pilot[None], text: str) -> None:
    """Type a line and press Enter."""
    pilot.app.query_one("#prompt", TextArea).insert(text)
    await pilot.press("enter")


def screen_text(scene: Scene) -> str:
    """What is on the screen, as text."""
    strips = scene.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


def typed(turn: int, text: str) -> UserText:
    """What the user typed."""
    return UserText(at=0.0, turn=turn, text=text, final=True)


def said(turn: int, text: str, *, final: bool = True, confidence: float | None = 0.93) -> UserText:
    """What the user said."""
    return UserText(at=0.0, turn=turn, text=text, final=final, spoken=True, confidence=confidence)


def delta(turn: int, text: str) -> ReplyText:
    """A piece of a reply."""
    return ReplyText(at=0.0, turn=turn, delta=text)


def ended(turn: int, text: str, outcome: Outcome = Outcome.COMPLETE) -> TurnEnded:
    """A turn is over."""
    return TurnEnded(at=0.0, turn=turn, outcome=outcome, text=text)


def feels(turn: int, label: str) -> Emotion:
    """An emotion."""
    return Emotion(at=0.0, turn=turn, label=label)


def notice(text: str, severity: Severity = Severity.INFO, *, at: float = 0.0) -> Notice:
    """A notice of the session."""
    return Notice(at=at, kind=NoticeKind.SESSION, severity=severity, text=text)


def failure(message: str, **more: Any) -> Failure:
    """A failure."""
    return Failure(**({"at": 0.0, "category": "link", "code": "", "message": message} | more))


def sound(*, ready: bool = False) -> SoundPath:
    """Nothing is wrong with how sound goes."""
    figures: dict[str, Any] = {"erle_db": 0.0, "buffer_ms": 0.0, "underruns": 0, "late": 0, "lost_ms": 0.0}
    return SoundPath(at=0.0, full_duplex=True, echo="off", ready=ready, **figures)


def calls(call_id: str, name: str, arguments: str = "", *, turn: int = 1, at: float = 0.0) -> ToolCall:
    """The character wants a tool."""
    return ToolCall(at=at, turn=turn, call_id=call_id, name=name, arguments=arguments)


def asks(
    call_id: str, name: str, arguments: str = "", *, about: str = "", seconds: float = 60.0, at: float = 0.0
) -> ToolQuestion:
    """May it have it?"""
    return ToolQuestion(
        at=at, turn=1, call_id=call_id, name=name, arguments=arguments, about=about, seconds=seconds
    )


def result(call_id: str, output: str = "1", *, ok: bool = True, at: float = 0.0) -> ToolResult:
    """What came of it."""
    return ToolResult(at=at, turn=1, call_id=call_id, ok=ok, output=output)


EMBEDDED = {"provider": "embedded", "model": "responder"}
"""Who answers, as a scripted session tells it."""

CONVERSATION: tuple[AnyEvent, ...] = (
    said(1, "good evening, who are you?"),
    feels(1, "happy"),
    delta(1, "Good evening! I am Neko."),
    ended(1, "Good evening! I am Neko, and I live on this very machine. What shall we talk about?"),
    typed(2, "What is 12 * 12, and how far is it from Berlin to Paris?"),
    delta(2, "12 times 12 is 144."),
    ended(2, "12 times 12 is 144. I have no map, so the distance I would only be guessing."),
    SpeechStarted(at=0.0, turn=3),
    said(3, "tell me a long story about the sea"),
    feels(3, "neutral"),
    delta(3, "Once upon a time there was a lighthouse keeper who"),
    ended(3, "Once upon a time there was a lighthouse keeper", Outcome.INTERRUPTED),
    said(4, "stop please, what time is it?"),
    delta(4, "It is half past eight."),
    ended(4, "It is half past eight."),
)


async def show_conversation(scene: Scene, pilot: Pilot[None]) -> None:
    """Four turns, one of them interrupted."""
    await scene.ready(pilot)
    scene.clock.now += 83
    await scene.told(pilot, *CONVERSATION, Levels(at=0.0, microphone=-30.0, speaker=-120.0))


async def show_streaming(scene: Scene, pilot: Pilot[None]) -> None:
    """A reply that is being spoken."""
    await scene.ready(pilot)
    scene.clock.now += 7
    await scene.told(pilot, typed(1, "Describe the room that you are in."), feels(1, "surprised"))
    scene.session.set_state(status=Status.SPEAKING, is_speaking=True)
    await scene.told(
        pilot,
        delta(1, "A room? I have none, but I can imagine one: a low ceiling, a round window, and "),
        delta(1, "outside of it the sea, which is quiet tonight"),
        Levels(at=0.0, microphone=-60.0, speaker=-17.0),
    )


async def show_unsure(scene: Scene, pilot: Pilot[None]) -> None:
    """Speech that was not understood well."""
    await scene.ready(pilot)
    await scene.told(
        pilot,
        said(1, "", confidence=0.0),
        said(2, "wreck a nice beach", confidence=0.31),
        ended(2, "A beach? I would like that."),
    )


async def show_error(scene: Scene, pilot: Pilot[None]) -> None:
    """A session that broke for good."""
    await scene.ready(pilot)
    await scene.told(pilot, typed(1, "Are you there?"), ended(1, "", Outcome.FAILED))
    scene.session.set_state(status=Status.ERROR, is_listening=False)
    await scene.told(
        pilot,
        failure(
            "The provider rejected the key.", hint="Set another one with `neko keys set openai`.", fatal=True
        ),
    )


async def show_reconnecting(scene: Scene, pilot: Pilot[None]) -> None:
    """A lost connection, for the second time; the first loss is mended."""
    await show_conversation(scene, pilot)
    await scene.told(
        pilot, failure("The connection to the engine was lost.", retry_in=0.3), Connected(at=0.9, **EMBEDDED)
    )
    scene.session.set_state(link=LinkWord.RECONNECTING)
    await scene.told(pilot, failure("The engine does not answer.", at=60.0, retry_in=4.0))


async def show_parked(scene: Scene, pilot: Pilot[None]) -> None:
    """Nobody has talked for a while."""
    await show_conversation(scene, pilot)
    scene.clock.now += 400
    scene.session.set_state(link=LinkWord.PARKED)
    await scene.told(pilot, Levels(at=0.0, microphone=-120.0, speaker=-120.0))


async def show_low_energy(scene: Scene, pilot: Pilot[None]) -> None:
    """Two rate limits later."""
    await show_conversation(scene, pilot)
    await scene.told(
        pilot,
        Energy(at=0.0, mode="call", level=2, max=3, model="a-smaller-model", reason="rate_limit"),
        Energy(at=0.0, mode="call", level=1, max=3, model="the-smallest-model", reason="rate_limit"),
        Connected(at=0.9, provider="openai", model="the-smallest-model"),
    )


def resumed_session() -> ScriptedSession:
    """A session that remembers an earlier run."""
    session = ScriptedSession(session_id="20261121-101500-x7k2")
    session.memory.summarised("Jo lives by the sea and is learning the cello.", 1)
    session.memory.add("user", "How do I hold the bow?", 2)
    session.memory.add("assistant", "Loosely, as you would hold a small bird that must not fly away.", 2)
    return session


async def show_resumed(scene: Scene, pilot: Pilot[None]) -> None:
    """An earlier conversation goes on."""
    await scene.ready(pilot)
    await scene.told(
        pilot,
        typed(3, "And the thumb?"),
        feels(3, "happy"),
        ended(3, "Bent, and opposite the second finger."),
    )
