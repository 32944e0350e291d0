"""Cut everywhere: a spoken conversation goes on wherever its connection dies, and however it does.

On real sockets: two turns of speech with a strict provider, whose first connection dies after its
i-th wire event, for each i. The next connection knows only what it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from neko_cli.core.events import (
    Failure,
    LinkWord,
    Outcome,
    ReplyAudio,
    ReplyText,
    TurnEnded,
    TurnStarted,
    UserText,
)
from tests.fakes.deaths import DEATHS
from tests.fakes.numbered_user import BUDGET, TURNS, Conversation, conversation, reply, utterance
from tests.fakes.strict import WORD_SAMPLES, Life, StrictProvider

AT_A_TIME = 40
"""Conversations side by side: more would share one loop too slowly for their budget."""

PERMANENT = ("close 1007", "close 1008")
"""Closes that say that our request was wrong: the same would happen again (``core/classify``)."""


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
async def test_a_warm_standby_takes_over_wherever_the_connection_dies(way: str) -> None:
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
        f"{first}-{second}": Life(DEATHS["reset"], first, second) for first in firsts for second in range(35)
    }
    talks = await converse(lives)
    problems = Problems()
    for name, life in lives.items():
        problems.look(check_cut_twice, talks[name], life, name)
    assert not problems.lines, "\n".join(problems.lines)
