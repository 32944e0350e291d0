"""Cut everywhere: a spoken conversation goes on wherever its connection dies, and however it does.

On real sockets: two turns of speech with a strict provider, whose first connection dies after its
i-th wire event, for each i. The next connection knows only what it is told.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import NekoError
from neko_cli.core.events import (
    AnyEvent,
    Failure,
    InputMode,
    Outcome,
    ReplyAudio,
    ReplyText,
    Status,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import Profile, parse
from neko_cli.core.session_core import SessionPorts
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.fakes.deaths import DEATHS
from tests.fakes.strict import RATE, WORDS, Life, StrictProvider

TURNS = 2
SPEECH = 7200
"""Samples of one utterance: 300 ms."""

CHUNK = 900
ROOM = np.full(RATE // 20, -1, np.int16)
"""50 ms of a quiet room, which is never quite silent."""

BUDGET = 10.0
"""Seconds for a whole conversation."""

SETUP_EVENTS = 3
"""session.created, session.update, session.updated."""

PERMANENT = ("close 1007", "close 1008")
"""Closes that say that our request was wrong: the same would happen again (``core/classify``)."""


def first_of(turn: int) -> int:
    """The number of the first sample of a turn."""
    return turn * SPEECH + 1


def utterance(turn: int) -> str:
    return f"u{first_of(turn)}-{first_of(turn) + SPEECH - 1}"


def reply(turn: int) -> str:
    return " ".join(f"r{first_of(turn)}w{number}" for number in range(1, WORDS + 1))


@dataclass
class Conversation:
    """One session and its user, who speaks, waits for the answer, and speaks again."""

    session: SessionManager
    seen: list[AnyEvent] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    refused: NekoError | None = None
    late: bool = False
    took: float = 0.0
    """Seconds from start to end."""

    async def run(self) -> None:
        """From start to end; whatever happens, everything is closed."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(BUDGET), asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                await self._talk()
                await self.session.end_session()
        except TimeoutError:
            self.late = True
        finally:
            self.took = time.monotonic() - began
            await self.session.cleanup()

    async def _listen(self) -> None:
        async for event in self.session.events(samples=True):
            self.seen.append(event)
            async with self.news:
                self.news.notify_all()

    async def _talk(self) -> None:
        try:
            await self.session.start_session(InputMode.AUDIO)
            for turn in range(TURNS):
                await self._speak(turn)
        except NekoError as error:
            self.refused = error

    async def _speak(self, turn: int) -> None:
        numbers = np.arange(first_of(turn), first_of(turn + 1), dtype=np.int16)
        for _ in range(3):
            await self._send(ROOM)
        for at in range(0, SPEECH, CHUNK):
            await self._send(numbers[at : at + CHUNK])
            await asyncio.sleep(0.004)
        while len(self.of(TurnEnded)) <= turn:
            await self._send(ROOM)
            try:
                async with asyncio.timeout(0.025), self.news:
                    await self.news.wait()
            except TimeoutError:
                continue

    async def _send(self, samples: np.ndarray) -> None:
        await self.session.stream_data(AudioChunk(samples.tobytes(), RATE))

    def of(self, kind: type) -> list:
        return [event for event in self.seen if isinstance(event, kind)]


def conversation(url: str) -> Conversation:
    profile = parse(
        {"turns": {"silence_ms": 200}, "emotion": {"tags": "off"}, "swap": {"standby": "cold"}}, "test.toml"
    )

    async def dial(profile: Profile, spec: SessionSpec) -> Codec:
        return make_codec("openai", spec, url=url, key="test-key")

    ports = SessionPorts(
        clock=RealClock(), transport=WebSocketTransport(), dial=dial, provider_title="The provider"
    )
    return Conversation(SessionManager(profile, ports))


def check_completed(talk: Conversation, life: Life) -> None:
    """Both turns went as if nothing had happened."""
    assert not talk.late, f"took more than {BUDGET:g} s"
    assert talk.refused is None, talk.refused
    final = [event.text for event in talk.of(UserText) if event.final]
    assert final == [utterance(turn) for turn in range(TURNS)], f"transcripts: {final}"
    ended = talk.of(TurnEnded)
    answers = [(event.outcome, event.text) for event in ended]
    assert answers == [(Outcome.COMPLETE, reply(turn)) for turn in range(TURNS)], f"answers: {answers}"
    shown = ["".join(e.delta for e in talk.of(ReplyText) if e.turn == turn.turn).strip() for turn in ended]
    assert shown == [reply(turn) for turn in range(TURNS)], f"shown: {shown}"
    assert [e.turn for e in ended] == [e.turn for e in talk.of(TurnStarted)]
    remembered = [(message.role, message.text.strip()) for message in talk.session.memory.recent(100)]
    assert remembered == [
        line for turn in range(TURNS) for line in (("user", utterance(turn)), ("assistant", reply(turn)))
    ], f"memory: {remembered}"
    failures = [(event.code, event.message) for event in talk.of(Failure)]
    assert len(failures) <= 1, f"told more than once: {failures}"
    assert not [event for event in talk.of(Failure) if event.fatal], f"given up: {failures}"
    for turn in ended:
        sound = b"".join(event.pcm for event in talk.of(ReplyAudio) if event.turn == turn.turn)
        words = np.frombuffer(sound, np.int16)[::480]
        assert (np.diff(words) > 0).all(), f"sound of a word twice, or out of order: {words}"
    check_links(life)


def check_links(life: Life) -> None:
    """What the servers saw, whatever became of the conversation."""
    assert life.wrong == []
    assert len(life.links) <= 2
    for link in life.links:
        assert (np.diff(link.ear.numbers) == 1).all(), "a sample twice, or out of order"
        assert len(link.items) == len(set(link.items)), f"told twice: {link.items}"


def check_given_up(talk: Conversation, life: Life) -> None:
    """The documented end: told once, with advice, and every turn that began has ended."""
    assert not talk.late, f"took more than {BUDGET:g} s"
    fatal = [event for event in talk.of(Failure) if event.fatal]
    assert len(fatal) == 1, talk.seen
    assert fatal[0].hint
    assert talk.refused is not None
    assert any(event.status is Status.ERROR for event in [talk.session.state]) or talk.seen
    assert [e.turn for e in talk.of(TurnEnded)] == [e.turn for e in talk.of(TurnStarted)]
    check_links(life)


async def converse(lives: dict[str, Life]) -> dict[str, Conversation]:
    """All lives side by side."""
    async with StrictProvider(lives) as provider:
        talks = {name: conversation(provider.url(name)) for name in lives}
        async with asyncio.TaskGroup() as group:
            for talk in talks.values():
                group.create_task(talk.run())
    return talks


async def count_events() -> list[str]:
    life = Life()
    talks = await converse({"whole": life})
    check_completed(talks["whole"], life)
    return life.events


async def test_nothing_is_lost_without_a_cut() -> None:
    events = await count_events()
    assert len(events) > 60
    assert events.count("< response.done") == TURNS


@pytest.mark.parametrize("way", DEATHS)
async def test_the_conversation_survives_a_cut_at_every_event(way: str) -> None:
    n_events = len(await count_events())
    lives = {str(at): Life(DEATHS[way], at) for at in range(n_events + 1)}
    talks = await converse(lives)
    problems: list[str] = []
    for name, life in lives.items():
        assert life.died, f"never reached event {name}"
        lasting = way in PERMANENT and life.at < n_events
        try:
            (check_given_up if lasting else check_completed)(talks[name], life)
        except AssertionError as error:
            told = str(error).splitlines()
            problems.append(f"after {name} ({life.events[-1] if life.events else 'nothing'}): {told[0]}")
    assert not problems, "\n".join(problems)
