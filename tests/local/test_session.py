"""The conversation itself, without a wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from neko_cli.local import events as ev
from neko_cli.local.faults import ClientFault
from neko_cli.local.listening import IDLE_KEEP_MS, MAX_MANUAL_MS, MAX_SPEECH_MS
from neko_cli.local.recognition import EngineLoad
from neko_cli.local.session import MAX_SIDE_REPLIES, Session
from neko_cli.local.settings import Settings, TurnDetection
from tests.local.parts import ScriptedParts, quiet, tone

MakeSession = Callable[[Settings], Session]


class Recorder:
    """Keeps what a session says; ``until`` waits for an event of a kind."""

    def __init__(self) -> None:
        self.events: list[ev.SessionEvent] = []
        self._changed = asyncio.Condition()
        self._more = asyncio.Event()

    def emit(self, event: ev.SessionEvent) -> None:
        self.events.append(event)
        self._more.set()

    async def room(self) -> None:
        await asyncio.sleep(0)

    def of(self, kind: type) -> list[ev.SessionEvent]:
        return [event for event in self.events if type(event) is kind]

    async def until(self, kind: type, count: int = 1) -> None:
        async with asyncio.timeout(10):
            while len(self.of(kind)) < count:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def outlet() -> Recorder:
    return Recorder()


@pytest.fixture
async def make(parts: ScriptedParts, outlet: Recorder) -> AsyncIterator[MakeSession]:
    async with asyncio.TaskGroup() as group:

        def session(settings: Settings) -> Session:
            return Session(parts, settings, outlet, group, turnstile=asyncio.Lock(), load=EngineLoad())

        yield session
    parts.done()


async def test_the_idle_timeout_takes_the_turn_as_silent(
    make: MakeSession, parts: ScriptedParts, outlet: Recorder
) -> None:
    session = make(Settings(turns=TurnDetection(idle_timeout_ms=50)))
    parts.brain.say("Hello.")
    parts.brain.say("Still there?")
    await session.append(quiet(200))
    session.create_reply()
    await outlet.until(ev.ReplyDone)
    await session.append(quiet(300))
    await outlet.until(ev.ReplyDone, 2)
    await session.configure(Settings())
    (timeout,) = outlet.of(ev.IdleTimeout)
    assert isinstance(timeout, ev.IdleTimeout)
    assert timeout.end_ms == 500
    order = [type(event) for event in outlet.events]
    assert order[order.index(ev.IdleTimeout) :][:4] == [
        ev.IdleTimeout,
        ev.InputCommitted,
        ev.ItemAdded,
        ev.ReplyStarted,
    ]
    assert parts.brain.prompts[1].lines[-1].text == ""


async def test_speech_stops_the_idle_timer(make: MakeSession, parts: ScriptedParts, outlet: Recorder) -> None:
    turns = TurnDetection(idle_timeout_ms=100, create_reply=False)
    session = make(Settings(speaking=False, turns=turns))
    parts.brain.say("Hello.")
    session.create_reply()
    await outlet.until(ev.ReplyDone)
    await session.append(tone(500))
    assert session._idle is None
    assert outlet.of(ev.SpeechStarted)


async def test_an_endless_utterance_is_cut_and_goes_on(
    make: MakeSession, parts: ScriptedParts, outlet: Recorder
) -> None:
    session = make(Settings(turns=TurnDetection(create_reply=False)))
    parts.ears.hear("first half")
    parts.ears.hear("second half")
    await session.append(tone(1000) * (MAX_SPEECH_MS // 1000 + 3) + quiet(1000))
    await outlet.until(ev.ItemAdded, 2)
    stops = [event.at_ms for event in outlet.events if isinstance(event, ev.SpeechStopped)]
    starts = [event.at_ms for event in outlet.events if isinstance(event, ev.SpeechStarted)]
    assert abs(stops[0] - MAX_SPEECH_MS) <= 64
    assert starts[1] == stops[0]  # not a sample between them is lost


async def test_quiet_input_keeps_a_bounded_amount(make: MakeSession, outlet: Recorder) -> None:
    session = make(Settings(turns=TurnDetection()))
    for _ in range(6):
        await session.append(quiet(5_000))
    buffer = session._listener._buffer
    assert buffer.duration_ms <= IDLE_KEEP_MS + 200
    assert session._listener.position_ms == 30_000


async def test_a_manual_buffer_is_bounded(make: MakeSession, parts: ScriptedParts, outlet: Recorder) -> None:
    session = make(Settings())
    minute = quiet(60_000)
    for _ in range(MAX_MANUAL_MS // 60_000):
        await session.append(minute)
    with pytest.raises(ClientFault) as caught:
        await session.append(quiet(100))
    assert caught.value.code == "input_audio_buffer_full"
    await session.clear()
    await session.append(quiet(100))


async def test_turn_detection_can_be_changed_while_the_user_speaks(
    make: MakeSession, parts: ScriptedParts, outlet: Recorder
) -> None:
    session = make(Settings(turns=TurnDetection(create_reply=False)))
    parts.ears.hear("one")
    await session.append(tone(500))
    await session.configure(Settings(turns=TurnDetection(create_reply=False, silence_ms=200)))
    await session.append(quiet(300))
    (stopped,) = outlet.of(ev.SpeechStopped)
    assert isinstance(stopped, ev.SpeechStopped)
    assert abs(stopped.at_ms - 700) <= 40


async def test_a_commit_while_speaking_takes_what_was_said(
    make: MakeSession, parts: ScriptedParts, outlet: Recorder
) -> None:
    session = make(Settings(turns=TurnDetection(prefix_ms=0)))
    parts.ears.hear("by hand")
    await session.append(quiet(960) + tone(700))
    await session.commit()
    (started,) = outlet.of(ev.SpeechStarted)
    (committed,) = outlet.of(ev.InputCommitted)
    assert isinstance(started, ev.SpeechStarted)
    assert isinstance(committed, ev.InputCommitted)
    assert started.item_id == committed.item_id
    assert not outlet.of(ev.SpeechStopped)
    assert not outlet.of(ev.ReplyStarted)
    await asyncio.sleep(0)
    assert abs(parts.ears.seconds[0] - 0.7) < 0.04


async def test_side_replies_are_bounded(make: MakeSession, parts: ScriptedParts, outlet: Recorder) -> None:
    hold = asyncio.Event()
    session = make(Settings(speaking=False))
    for _ in range(MAX_SIDE_REPLIES):
        parts.brain.say(hold, "x")
        session.create_reply(in_conversation=False)
    with pytest.raises(ClientFault) as caught:
        session.create_reply(in_conversation=False)
    assert caught.value.code == "rate_limit_exceeded"
    hold.set()
    await outlet.until(ev.ReplyDone, MAX_SIDE_REPLIES)


async def test_a_deleted_item_is_not_recognised_any_more(
    make: MakeSession, parts: ScriptedParts, outlet: Recorder
) -> None:
    never = asyncio.Event()
    parts.ears.hear("forget me", after=never)
    session = make(Settings(transcribe=True))
    await session.append(tone(300))
    await session.commit()
    (committed,) = outlet.of(ev.InputCommitted)
    assert isinstance(committed, ev.InputCommitted)
    await asyncio.sleep(0)
    session.remove_item(committed.item_id)
    assert outlet.of(ev.ItemRemoved)
    assert not outlet.of(ev.Transcribed)  # leaving the group proves that its task has ended


async def test_workers_are_started_ahead_once(
    make: MakeSession, parts: ScriptedParts, outlet: Recorder
) -> None:
    session = make(Settings())
    await session.configure(Settings())
    await session.configure(Settings())
    await session.append(quiet(20))
    await session.append(quiet(20))
    await asyncio.sleep(0)
    assert sorted(parts.warmed) == ["hearing", "speaking"]
