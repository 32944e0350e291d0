"""Sessions with providers of the flat family, each with its own rules, on real sockets."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import InvalidRequest
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    ReplyAudio,
    ReplyText,
    Swap,
    TurnEnded,
    TurnStarted,
    UserText,
)
from tests.core.test_cut_everywhere import check_links
from tests.fakes.deaths import DEATHS
from tests.fakes.flat_strict import TALKS, FlatTalk, GlmTalk, QwenTalk, StepTalk
from tests.fakes.flat_user import Seat, seated
from tests.fakes.numbered_user import first_of, reply, utterance
from tests.fakes.sound import FakeMicrophone
from tests.fakes.strict import WORD_SAMPLES, Life

JPEG = ScreenFrame(b"\xff\xd8picture", "image/jpeg", 320, 200)


def talking(kind: type[FlatTalk], **changes: object) -> type[FlatTalk]:
    """The same server with something else about it."""
    return type(kind.__name__, (kind,), changes)


def words(turn: int, count: int) -> list[str]:
    return [f"r{first_of(turn)}w{number}" for number in range(1, count + 1)]


def shown(seat: Seat, turn: int) -> list[str]:
    """The words of a turn's reply, as they came."""
    return "".join(event.delta for event in seat.of(ReplyText) if event.turn == turn).split()


async def complete(seat: Seat, turn: int) -> None:
    """The spoken turn is heard, and answered whole."""
    ended = await seat.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, reply(turn))
    assert utterance(turn) in [event.text for event in seat.of(UserText) if event.final]


# Turns


@pytest.mark.parametrize("provider", TALKS)
async def test_typed_words_are_answered_in_words(provider: str) -> None:
    async with seated(TALKS[provider], InputMode.TEXT, want_audio=False) as seat:
        for turn in (1, 2):
            await seat.session.send_message(f"u{turn}-{turn}")
            ended = await seat.until(TurnEnded)
            assert ended.text == " ".join(f"r{turn}w{number}" for number in range(1, 5))
        assert seat.of(ReplyAudio) == []
        assert seat.of(Failure) == []


@pytest.mark.parametrize("provider", TALKS)
async def test_a_turn_that_a_key_ends(provider: str) -> None:
    async with seated(TALKS[provider], profile={"turns": {"detection": "manual"}}) as seat:
        for turn in (0, 1):
            await seat.speak(turn)
            seat.session.finish_input()
            ended = await seat.until(TurnEnded)
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, reply(turn))
        assert seat.server.utterances == [utterance(0), utterance(1)]
        assert seat.of(Failure) == []


@pytest.mark.parametrize("provider", TALKS)
async def test_a_reply_that_is_spoken_into_stops_and_the_next_one_comes(provider: str) -> None:
    talk = talking(TALKS[provider], words=60, pace=0.01)
    async with seated(talk) as seat:
        await seat.speak(0)
        while len(shown(seat, 1)) < 4:
            await seat.until(ReplyText)
        await seat.speak(1)
        ended = await seat.until(TurnEnded)
        assert ended.outcome is Outcome.INTERRUPTED
        said = shown(seat, 1)
        assert 4 <= len(said) < 60
        assert said == words(0, len(said))
        ended = await seat.until(TurnEnded)
        assert ended.outcome is Outcome.COMPLETE
        assert ended.text.split() == shown(seat, ended.turn) == words(1, 60)
        assert seat.server.utterances == [utterance(0), utterance(1)]
        assert seat.server.cancels == (0 if talk.interrupts else 1)
        assert seat.of(Failure) == []
        assert len(seat.life.links) == 1


@pytest.mark.parametrize("provider", TALKS)
async def test_a_reply_that_is_stopped_by_a_key_leaves_room_for_the_next_one(provider: str) -> None:
    talk = talking(TALKS[provider], words=60, pace=0.01)
    async with seated(talk, InputMode.TEXT) as seat:
        await seat.session.send_message("u1-1")
        await seat.until(ReplyText)
        await seat.session.interrupt()
        assert (await seat.until(TurnEnded)).outcome is Outcome.INTERRUPTED
        await seat.session.send_message("u2-2")
        ended = await seat.until(TurnEnded)
        assert ended.outcome is Outcome.COMPLETE
        assert ended.text.split() == [f"r2w{number}" for number in range(1, 61)]
        # Stopped twice: the second time there may be nothing to stop any more, which is no fault.
        await seat.session.interrupt()
        assert seat.of(Failure) == []


@pytest.mark.parametrize("provider", TALKS)
async def test_a_microphone_that_closes_ends_what_was_said(provider: str) -> None:
    microphones: list[FakeMicrophone] = []

    def microphone() -> FakeMicrophone:
        microphones.append(FakeMicrophone(TALKS[provider].rate))
        return microphones[-1]

    async with seated(TALKS[provider], InputMode.AUDIO, microphone=microphone) as seat:
        await seat.session.start_listening()
        (open_one,) = microphones
        numbers = range(first_of(0), first_of(1))
        pcm = b"".join(number.to_bytes(2, "little", signed=True) for number in numbers)
        for at in range(0, len(pcm), 1800):
            open_one.hear(pcm[at : at + 1800])
        seat.is_quiet = True  # nothing but the microphone is heard
        await seat.until(TurnStarted)
        await asyncio.wait_for(seat.server.hears(len(numbers)), 5.0)
        await seat.session.stop_listening()
        await complete(seat, 0)
        assert seat.server.utterances == [utterance(0)]
        assert seat.of(Failure) == []


# Pictures


async def test_a_picture_before_any_sound_is_seen_and_moves_no_time() -> None:
    async with seated(QwenTalk) as seat:
        await seat.session.stream_data(JPEG)
        await seat.speak(0)
        await complete(seat, 0)
        assert len(seat.server.pictures) == 1
        # The buffer of the first turn was committed: the next picture is the first again.
        await seat.session.stream_data(JPEG)
        await seat.speak(1)
        await complete(seat, 1)
        assert len(seat.server.pictures) == 2
        assert seat.of(Failure) == []


@pytest.mark.parametrize("at", range(4, 14))
async def test_what_was_said_after_a_picture_is_sent_again_from_its_first_sample(at: int) -> None:
    """The silence before a picture is the server's, and the sound behind it is cut at the right place."""
    life = Life(DEATHS["reset"], at)
    async with seated(QwenTalk, life=life) as seat:
        await seat.session.stream_data(JPEG)
        await seat.speak(0)
        await complete(seat, 0)
        await seat.speak(1)
        await complete(seat, 1)
        assert life.died == 1
        check_links(life)


async def test_every_turn_of_a_video_call_shows_something() -> None:
    async with seated(GlmTalk) as seat:
        await seat.speak(0)
        await complete(seat, 0)
        assert seat.server.pictures == []
        await seat.session.stream_data(JPEG)
        for turn in (1, 2):
            await seat.speak(turn)
            await complete(seat, turn)
            assert len(seat.server.pictures) == turn
        assert seat.of(Failure) == []


async def test_who_sees_nothing_says_so() -> None:
    async with seated(StepTalk) as seat:
        with pytest.raises(InvalidRequest, match="takes no pictures"):
            await seat.session.stream_data(JPEG)


# Idle connections


async def test_an_idle_connection_that_is_closed_comes_back_and_knows_everything() -> None:
    async with seated(talking(QwenTalk, idle=0.6), InputMode.TEXT, capabilities={"idle_close": None}) as seat:
        await seat.session.send_message("u1-1")
        await seat.until(TurnEnded)
        await asyncio.wait_for(seat.server.ended.wait(), 5.0)
        assert seat.server.closed_idle
        await seat.session.send_message("u2-2")
        ended = await seat.until(TurnEnded)
        assert ended.text == "r2w1 r2w2 r2w3 r2w4"
        assert [failure for failure in seat.of(Failure) if failure.fatal] == []
        assert seat.session.state.link is LinkWord.ONLINE
        assert isinstance(seat.server, QwenTalk)
        assert ("user", "u1-1") in seat.server._known()
        assert ("assistant", "r1w1 r1w2 r1w3 r1w4") in seat.server._known()


async def test_an_idle_connection_is_parked_before_it_would_be_closed() -> None:
    async with seated(talking(QwenTalk, idle=3.0), InputMode.TEXT, capabilities={"idle_close": 2.0}) as seat:
        await seat.session.send_message("u1-1")
        await seat.until(TurnEnded)
        await seat.until(Notice)
        first = seat.server
        await asyncio.wait_for(first.ended.wait(), 5.0)
        assert not first.closed_idle
        assert seat.session.state.link is LinkWord.PARKED
        await seat.session.send_message("u2-2")
        assert (await seat.until(TurnEnded)).text == "r2w1 r2w2 r2w3 r2w4"
        assert seat.of(Failure) == []
        assert isinstance(seat.server, QwenTalk)
        assert ("user", "u1-1") in seat.server._known()


async def test_heartbeats_keep_nobody_awake() -> None:
    """A server that is heard all the time is parked all the same when nobody talks."""
    async with seated(GlmTalk, InputMode.TEXT, profile={"guard": {"park_minutes": 0.01}}) as seat:
        await seat.session.send_message("u1-1")
        await seat.until(TurnEnded)
        await seat.until(Notice)
        await asyncio.wait_for(seat.server.ended.wait(), 5.0)
        assert seat.session.state.link is LinkWord.PARKED


# The longest session

BRIEF = {"max_session": 3.0, "renew_before": 2.0}
"""A session is replaced when it is one second old."""


@pytest.mark.parametrize("provider", TALKS)
async def test_a_session_is_replaced_before_its_time_is_over(provider: str) -> None:
    laps = 2 if provider == "stepfun" else 1
    async with seated(talking(TALKS[provider], longest=3.0), capabilities=BRIEF) as seat:
        await seat.speak(0)
        await complete(seat, 0)
        for turn in range(1, 1 + laps):
            swap = await seat.until(Swap)
            assert (swap.reason, swap.planned) == ("limit", True)
            await seat.speak(turn)
            await complete(seat, turn)
        check_swapped(seat, turns=1 + laps)


async def test_a_session_that_is_replaced_while_somebody_speaks_loses_no_word() -> None:
    async with seated(talking(StepTalk, longest=3.0), capabilities=BRIEF) as seat:
        # Over the time at which the next one is due.
        await seat.speak(0, pace=0.16)
        await complete(seat, 0)
        if not seat.of(Swap):
            await seat.until(Swap)
        await seat.speak(1)
        await complete(seat, 1)
        check_swapped(seat, turns=2)


def check_swapped(seat: Seat, *, turns: int) -> None:
    """Nothing was lost or doubled, and nobody was cut off."""
    check_links(seat.life)
    assert seat.of(Failure) == []
    assert all(swap.planned for swap in seat.of(Swap))
    assert [event.text for event in seat.of(UserText) if event.final] == [utterance(t) for t in range(turns)]
    for turn, ended in enumerate(seat.of(TurnEnded)):
        assert shown(seat, ended.turn) == words(turn, 4)
        sound = b"".join(event.pcm for event in seat.of(ReplyAudio) if event.turn == ended.turn)
        numbers = [sound[at] for at in range(0, len(sound), 2 * WORD_SAMPLES)]
        assert all(first < second for first, second in pairwise(numbers))
    remembered = [(message.role, message.text.strip()) for message in seat.session.memory.recent(100)]
    assert remembered == [
        line for turn in range(turns) for line in (("user", utterance(turn)), ("assistant", reply(turn)))
    ]


async def test_a_session_with_qwen_is_ended_by_its_own_word() -> None:
    talks: list[QwenTalk] = []

    class Leaving(QwenTalk):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            talks.append(self)

    async with seated(Leaving, InputMode.TEXT, want_audio=False) as seat:
        await seat.session.send_message("u1-1")
        await seat.until(TurnEnded)
        await seat.session.end_session()
        assert [talk.finished for talk in talks] == [1]
        assert seat.of(Failure) == []
