"""Cut everywhere: a spoken conversation goes on wherever its connection dies, and however it does.

On real sockets: two turns of speech with a strict provider, whose first connection dies after its
i-th wire event, for each i. The next connection knows only what it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
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
    LinkWord,
    Outcome,
    ReplyAudio,
    ReplyText,
    SessionState,
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
from tests.fakes.strict import RATE, WORD_SAMPLES, WORDS, Life, StrictProvider

TURNS = 2
SPEECH = 7200
"""Samples of one utterance: 300 ms."""

CHUNK = 900
ROOM = np.full(RATE // 20, -1, np.int16)
"""50 ms of a quiet room, which is never quite silent."""

BUDGET = 10.0
"""Seconds for a whole conversation."""

AT_A_TIME = 40
"""Conversations side by side: more would share one loop too slowly for their budget."""

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
    late: bool = False
    refused: NekoError | None = None
    left_in: SessionState | None = None
    """Its state, when it gave up."""
    again_in: SessionState | None = None
    """Its state after it was started again."""

    async def run(self) -> None:
        """From start to end; whatever happens, everything is closed."""
        try:
            async with asyncio.timeout(BUDGET), asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                await self._talk()
                await self.session.end_session()
        except TimeoutError:
            self.late = True
        finally:
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
        if self.session.state.status is Status.ERROR:
            self.left_in = self.session.state
            await self.session.start_session(InputMode.AUDIO)
            self.again_in = self.session.state

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


def conversation(url: str, standby: str) -> Conversation:
    profile = parse(
        {"turns": {"silence_ms": 200}, "emotion": {"tags": "off"}, "swap": {"standby": standby}}, "test.toml"
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
    assert talk.refused is None, f"refused: {talk.refused}"
    final = [event.text for event in talk.of(UserText) if event.final]
    assert final == [utterance(turn) for turn in range(TURNS)], f"transcripts: {final}"
    ended = talk.of(TurnEnded)
    answers = [(event.outcome, event.text) for event in ended]
    assert answers == [(Outcome.COMPLETE, reply(turn)) for turn in range(TURNS)], f"answers: {answers}"
    shown = ["".join(e.delta for e in talk.of(ReplyText) if e.turn == turn.turn).strip() for turn in ended]
    assert shown == [reply(turn) for turn in range(TURNS)], f"shown: {shown}"
    assert [e.turn for e in ended] == [e.turn for e in talk.of(TurnStarted)]
    check_memory(talk, answers)
    failures = [(event.code, event.message) for event in talk.of(Failure)]
    assert len(failures) <= 1, f"told more than once: {failures}"
    check_sound(talk)
    check_links(life)


def check_memory(talk: Conversation, answers: Sequence[tuple[Outcome, str]]) -> None:
    """Each turn's words once, in order."""
    remembered = [(message.role, message.text.strip()) for message in talk.session.memory.recent(100)]
    assert remembered == [
        line
        for turn, (_, text) in enumerate(answers)
        for line in (("user", utterance(turn)), ("assistant", text))
    ], f"memory: {remembered}"


def check_sound(talk: Conversation) -> None:
    """Each word of a reply is heard once at most, in order."""
    for turn in talk.of(TurnEnded):
        sound = b"".join(event.pcm for event in talk.of(ReplyAudio) if event.turn == turn.turn)
        words = np.frombuffer(sound, np.int16)[::WORD_SAMPLES]
        assert (np.diff(words) > 0).all(), f"sound of a word twice, or out of order: {words}"


def check_cut_twice(talk: Conversation, life: Life) -> None:
    """Both turns went on to their end, or a reply that was cut twice is given up, and only that."""
    assert not talk.late, f"took more than {BUDGET:g} s"
    assert talk.refused is None, f"refused: {talk.refused}"
    final = [event.text for event in talk.of(UserText) if event.final]
    assert final == [utterance(turn) for turn in range(TURNS)], f"transcripts: {final}"
    answers = [(event.outcome, event.text) for event in talk.of(TurnEnded)]
    assert len(answers) == TURNS, f"answers: {answers}"
    for turn, (outcome, text) in enumerate(answers):
        whole = outcome is Outcome.COMPLETE and text == reply(turn)
        assert whole or (outcome is Outcome.FAILED and reply(turn).startswith(text)), f"answers: {answers}"
    given_up = [event for event in talk.of(Failure) if event.code == "cut_twice"]
    assert len(given_up) == sum(outcome is Outcome.FAILED for outcome, _ in answers)
    check_memory(talk, answers)
    check_sound(talk)
    check_links(life)


def check_links(life: Life) -> None:
    """What the servers saw, whatever became of the conversation."""
    assert life.wrong == [], f"broke the protocol: {life.wrong}"
    for link in life.links:
        assert (np.diff(link.ear.numbers) == 1).all(), "a sample twice, or out of order"
        assert len(link.items) == len(set(link.items)), f"told twice: {link.items}"


def check_given_up(talk: Conversation, life: Life) -> None:
    """The documented end: told once, with advice; all turns have ended; one can start again."""
    assert not talk.late, f"took more than {BUDGET:g} s"
    assert talk.left_in is not None, "it did not give up"
    assert talk.left_in.link is LinkWord.OFFLINE
    fatal = [event for event in talk.of(Failure) if event.fatal]
    assert len(fatal) == 1, f"told as fatal: {fatal}"
    assert fatal[0].hint, f"no advice: {fatal[0].message}"
    assert [e.turn for e in talk.of(TurnEnded)] == [e.turn for e in talk.of(TurnStarted)]
    assert talk.again_in is not None
    assert talk.again_in.link is LinkWord.ONLINE
    check_links(life)


async def converse(lives: dict[str, Life], *, standby: str = "cold") -> dict[str, Conversation]:
    """All lives, many at a time."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def run(talk: Conversation) -> None:
        async with room:
            await talk.run()

    async with StrictProvider(lives) as provider:
        talks = {name: conversation(provider.url(name), standby) for name in lives}
        async with asyncio.TaskGroup() as group:
            for talk in talks.values():
                group.create_task(run(talk))
    return talks


async def events_of_a_whole_one() -> list[str]:
    """The wire events of a conversation that nothing cuts."""
    life = Life()
    talks = await converse({"whole": life})
    check_completed(talks["whole"], life)
    assert not talks["whole"].of(Failure)
    return life.links[0].events


async def cut_everywhere(way: str, *, standby: str = "cold") -> list[str]:
    """What went wrong, one line a problem, with the events after which the connection died."""
    events = await events_of_a_whole_one()
    lives = {str(at): Life(DEATHS[way], at) for at in range(len(events) + 1)}
    talks = await converse(lives, standby=standby)
    # From the last reply's end on there is nothing left to fail.
    all_said = len(events) - events[::-1].index("< response.done")
    problems = Problems()
    for at, (name, life) in enumerate(lives.items()):
        assert life.died, f"never came to event {name}"
        check = check_given_up if way in PERMANENT and at < all_said else check_completed
        problems.look(check, talks[name], life, f"{name} ({events[at - 1] if at else 'nothing'})")
    return problems.lines


class Problems:
    """Collects what went wrong, so that one line tells a problem and all its occasions."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    @property
    def lines(self) -> list[str]:
        """One line a problem."""
        return [f"{problem}: after {', '.join(where)}" for problem, where in self._found.items()]

    def look(
        self, check: Callable[[Conversation, Life], None], talk: Conversation, life: Life, where: str
    ) -> None:
        """Make a check; what it finds is collected."""
        try:
            check(talk, life)
        except AssertionError as error:
            self._found.setdefault(str(error).splitlines()[0], []).append(where)


async def test_nothing_is_missing_where_nothing_is_cut() -> None:
    events = await events_of_a_whole_one()
    assert len(events) > 60
    assert events.count("< response.done") == TURNS


@pytest.mark.parametrize("way", DEATHS)
async def test_a_conversation_goes_on_wherever_its_connection_dies(way: str) -> None:
    problems = await cut_everywhere(way)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("way", ["reset", "close 1011"])
async def test_a_warm_spare_takes_over_wherever_the_connection_dies(way: str) -> None:
    problems = await cut_everywhere(way, standby="warm")
    assert not problems, "\n".join(problems)


async def test_a_second_cut_in_the_same_turn_is_survived_as_well() -> None:
    events = await events_of_a_whole_one()
    # In the middle of what the user says, before the transcript, in the reply.
    firsts = [
        events.index(event) + 1 for event in ("< input_audio_buffer.speech_started", "< response.created")
    ]
    firsts += [events.index("< response.output_audio.delta") + n for n in (1, 3, 5)]
    lives = {
        f"{first}-{second}": Life(DEATHS["reset"], first, second)
        for first in firsts
        for second in range(35)
    }
    talks = await converse(lives)
    problems = Problems()
    for name, life in lives.items():
        problems.look(check_cut_twice, talks[name], life, name)
    assert not problems.lines, "\n".join(problems.lines)
