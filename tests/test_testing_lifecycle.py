"""The lifecycle tester: it passes sessions that are right, and says what is wrong with others."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from neko_cli.core.commands import Message
from neko_cli.core.errors import AudioError, InvalidRequest, LinkError, NoMicrophone
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Outcome,
    ReplyText,
    Status,
    StatusChanged,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.profile import Profile
from neko_cli.core.stream import Reader
from neko_cli.testing import CHECKS, ScriptedSession, SessionTester, check_lifecycle


class Parrot(ScriptedSession):
    """Says everything back, at once."""

    def __init__(self) -> None:
        super().__init__()
        self.last = 0

    async def send_message(self, text: str) -> int:
        self.expect_active()
        if not text.strip():
            raise InvalidRequest("There is nothing to send.")
        turn = self.last = self.last + 1
        self.set_state(last_activity=self.state.last_activity + 1.0)
        self.answer(turn, text)
        return turn

    def answer(self, turn: int, text: str) -> None:
        self.memory.add("user", text, turn)
        self.memory.add("assistant", text, turn)
        self.emit(
            TurnStarted(at=0.0, turn=turn),
            UserText(at=0.0, turn=turn, text=text, final=True),
            ReplyText(at=0.0, turn=turn, delta=text),
            TurnEnded(at=0.0, turn=turn, outcome=Outcome.COMPLETE, text=text),
        )

    async def stream_data(self, message: Message) -> None:
        self.expect_active()

    def expect_active(self) -> None:
        if not self.state.is_active:
            raise LinkError("There is no connection.")


class Unreachable(Parrot):
    """Cannot connect."""

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        error = LinkError("There is nobody.")
        self.set_state(status=Status.ERROR, reason="link")
        self.emit(Failure.of(error, at=0.0, fatal=True))
        raise error


class Deaf(Parrot):
    """Has no microphone."""

    async def start_listening(self) -> None:
        raise NoMicrophone("There is no microphone.")


async def parrot() -> Parrot:
    return Parrot()


async def unreachable() -> Unreachable:
    return Unreachable()


def is_echo(text: str, reply: str) -> bool:
    return text == reply


async def test_a_scripted_session_lives_as_a_session_must() -> None:
    async def make() -> ScriptedSession:
        return ScriptedSession()

    report = await check_lifecycle(make, can_answer=False)
    assert len(report.passed) > 15
    assert {"it remembers what was said", "cleanup is safe when its start has failed"} <= set(report.skipped)
    assert sorted(report.passed + report.skipped) == sorted(check.name for check in CHECKS)


async def test_a_session_that_does_everything_passes_every_check_that_applies() -> None:
    report = await check_lifecycle(parrot, make_broken=unreachable, is_answer=is_echo)
    assert report.skipped == ("it says that there is no microphone",)


async def test_a_session_without_a_microphone_is_tried_without_one() -> None:
    async def make() -> Deaf:
        return Deaf()

    report = await check_lifecycle(make, has_microphone=False)
    assert "it says that there is no microphone" in report.passed
    assert "it listens from start listening to stop listening" in report.skipped


# -- what it finds --------------------------------------------------------------------------------


class StartsTwice(Parrot):
    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        await super().start_session(input_mode, new)
        self.go_online()


class StaysOffline(Parrot):
    def go_online(self, provider: str = "embedded", model: str = "responder") -> None:
        self.set_state(is_active=True, link=LinkWord.CONNECTING)


class StartsByItself(Parrot):
    def __init__(self) -> None:
        super().__init__()
        self.go_online()


class ForgetsTheReason(Parrot):
    def set_state(self, *, reason: str = "", **changes: Any) -> None:
        super().set_state(reason=reason, **changes)


class TellsNoChange(Parrot):
    async def start_listening(self) -> None:
        await super().start_listening()
        self.emit(
            StatusChanged(at=0, old=Status.LISTENING, new=Status.LISTENING, reason="?", link=LinkWord.ONLINE)
        )


class GoesBackInTime(Parrot):
    async def start_listening(self) -> None:
        self.emit(TurnStarted(at=5.0, turn=1))
        await super().start_listening()


class Replays(Parrot):
    """Tells a late reader the last turn again."""

    def events(self, *, samples: bool = False, levels: bool = False) -> Reader:
        reader = super().events(samples=samples, levels=levels)
        if self.last:
            reader.put(TurnEnded(at=0.0, turn=self.last, outcome=Outcome.COMPLETE, text=""))
        return reader


class KeepsListening(Parrot):
    async def stop_listening(self, *, commit: bool = False) -> None:
        await super().stop_listening(commit=commit)
        self.set_state(is_listening=True)


class ListensInPauses(Parrot):
    async def pause(self) -> None:
        pass


class ForgetsThePause(Parrot):
    async def resume(self) -> None:
        pass


class SpeaksUp(Parrot):
    """Makes a turn out of an interruption of nothing."""

    async def interrupt(self) -> None:
        self.last += 1
        self.answer(self.last, "What?")


class ConnectsForAKey(Parrot):
    def wake(self) -> None:
        self.go_online()


class AnswersAKey(Parrot):
    def wake(self) -> None:
        if self.state.is_active:
            self.last += 1
            self.answer(self.last, "Who is there?")


class FailsToInterrupt(Parrot):
    async def interrupt(self) -> None:
        raise RuntimeError("no reply")


class KeepsItsProfile(Parrot):
    async def switch_profile(self, profile: Profile) -> None:
        pass


class SpeaksAfterItsEnd(Parrot):
    async def end_session(self, by_server: bool = False) -> None:
        readers = list(self._stream._readers)
        await super().end_session(by_server)
        for reader in readers:
            reader._queue.append(TurnStarted(at=0.0, turn=100))


class NeverEnds(Parrot):
    async def end_session(self, by_server: bool = False) -> None:
        self.set_state(is_active=False, status=Status.IDLE, link=LinkWord.CLOSED)


class StaysActive(Parrot):
    async def cleanup(self) -> None:
        await super().cleanup()
        self.set_state(is_active=True)


class FailsTheSecondTime(Parrot):
    async def cleanup(self) -> None:
        if "cleanup" in self.names():
            raise RuntimeError("closed already")
        await super().cleanup()


class LeavesATask(Parrot):
    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        await super().start_session(input_mode, new)
        self.left = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="left behind")


class HangsWhenItStarts(Parrot):
    async def end_session(self, by_server: bool = False) -> None:
        if self.state.is_active:
            await super().end_session(by_server)
        else:
            await asyncio.Event().wait()


class WaitsForItsReaders(Parrot):
    def emit(self, *events: Any) -> None:
        if any(len(reader._queue) > 3 for reader in self._stream._readers):
            raise RuntimeError("a reader is slow")
        super().emit(*events)


class OneNumberForAll(Parrot):
    def answer(self, turn: int, text: str) -> None:
        self.last = 0
        super().answer(turn, text)


class MixesUpAnswers(Parrot):
    def answer(self, turn: int, text: str) -> None:
        super().answer(turn, text if turn == 1 else "Pardon?")


class SpeaksAfterTheTurn(Parrot):
    def answer(self, turn: int, text: str) -> None:
        super().answer(turn, text)
        self.emit(ReplyText(at=0.0, turn=turn, delta="and another thing"))


class OpensTurnsAtOnce(Parrot):
    def answer(self, turn: int, text: str) -> None:
        self.emit(TurnStarted(at=0.0, turn=turn + 1000))
        super().answer(turn + 1001, text)


class TakesAnything(Parrot):
    def expect_active(self) -> None:
        pass


class RaisesAnything(Parrot):
    def expect_active(self) -> None:
        if not self.state.is_active:
            raise RuntimeError("not connected")


class TakesNothingToSay(Parrot):
    async def send_message(self, text: str) -> int:
        return await super().send_message(text.strip() or "?")


class Forgets(Parrot):
    def answer(self, turn: int, text: str) -> None:
        super().answer(turn, text)
        self.memory.clear()


class NeverActive(Parrot):
    async def send_message(self, text: str) -> int:
        turn = await super().send_message(text)
        self.set_state(last_activity=0.0)
        return turn


class EndsForASwap(Parrot):
    async def swap(self) -> None:
        await super().swap()
        if self.state.is_active:
            await self.end_session()


class ChangesItsName(Parrot):
    async def end_session(self, by_server: bool = False) -> None:
        self._session_id += "x"
        await super().end_session(by_server)


@pytest.mark.parametrize(
    ("kind", "finding"),
    [
        (StartsTwice, "it connected 4 times"),
        (StaysOffline, "the link word is connecting"),
        (StartsByItself, "before start_session is_active is True"),
        (ForgetsTheReason, "gives no reason"),
        (TellsNoChange, "tells no change"),
        (GoesBackInTime, "is told at 0.0, after something at 5.0"),
        (Replays, "a late reader"),
        (KeepsListening, "after stop_listening is_listening is True"),
        (ListensInPauses, "it listens during a pause"),
        (ForgetsThePause, "the microphone is not as before"),
        (SpeaksUp, "although nothing was said"),
        (ConnectsForAKey, "after a wake before the start is_active is True"),
        (AnswersAKey, "woken, it told"),
        (FailsToInterrupt, "it raised RuntimeError"),
        (KeepsItsProfile, "profile is not the one"),
        (SpeaksAfterItsEnd, "after session_ended"),
        (NeverEnds, "the events do not end"),
        (StaysActive, "after cleanup is_active is True"),
        (FailsTheSecondTime, "closed already"),
        (LeavesATask, "after cleanup tasks go on: left behind"),
        (HangsWhenItStarts, "takes too long"),
        (WaitsForItsReaders, "no reader stops the session or another reader: .*a reader is slow"),
        (OneNumberForAll, "two messages have the same turn"),
        (MixesUpAnswers, "was answered by 'Pardon"),
        (SpeaksAfterTheTurn, "went on with turn 1 after its end"),
        (OpensTurnsAtOnce, "before turn 1001 had ended"),
        (TakesAnything, "a message before the start was not refused"),
        (RaisesAnything, "not connected"),
        (TakesNothingToSay, "an empty message was not refused"),
        (Forgets, "it remembers \\[\\]"),
        (NeverActive, "last_activity does not grow"),
        (EndsForASwap, "it goes on after a swap"),
        (ChangesItsName, "session_id changed"),
    ],
)
async def test_it_finds_what_is_wrong(kind: type[Parrot], finding: str) -> None:
    made: list[Parrot] = []

    async def make() -> Parrot:
        made.append(kind())
        return made[-1]

    with pytest.raises(AssertionError, match=finding):
        await check_lifecycle(make, is_answer=is_echo, patience=0.05)
    for session in made:
        left = getattr(session, "left", None)
        if left is not None:
            left.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await left


class Mute(Unreachable):
    """Fails without a word."""

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        raise LinkError("There is nobody.")


class Cheerful(Parrot):
    """Succeeds where it must not."""


class Crashing(Parrot):
    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        raise ConnectionRefusedError


@pytest.mark.parametrize(
    ("kind", "finding"),
    [
        (Mute, "Failure was not told"),
        (Cheerful, "was not refused"),
        (Crashing, "it raised ConnectionRefusedError"),
    ],
)
async def test_it_finds_what_is_wrong_with_a_failed_start(kind: type[Parrot], finding: str) -> None:
    async def make_broken() -> Parrot:
        return kind()

    with pytest.raises(AssertionError, match=finding):
        await check_lifecycle(parrot, make_broken=make_broken, patience=0.05)


class Listens(Deaf):
    async def start_listening(self) -> None:
        pass


class Cracks(Deaf):
    async def start_listening(self) -> None:
        self.set_state(is_listening=True)
        raise AudioError("It is broken.")


@pytest.mark.parametrize(
    ("kind", "finding"), [(Listens, "raised no AudioError"), (Cracks, "is True without a microphone")]
)
async def test_it_finds_what_is_wrong_without_a_microphone(kind: type[Parrot], finding: str) -> None:
    async def make() -> Parrot:
        return kind()

    with pytest.raises(AssertionError, match=finding):
        await check_lifecycle(make, has_microphone=False, patience=0.05)


async def test_one_failure_does_not_hide_another() -> None:
    class Both(KeepsListening):
        swap = EndsForASwap.swap

    async def make() -> Both:
        return Both()

    with pytest.raises(AssertionError) as caught:
        await check_lifecycle(make, patience=0.05)
    lines = str(caught.value).splitlines()
    assert any(line.startswith("it goes on after a swap: ") for line in lines)
    assert any(line.startswith("it listens from start listening to stop listening: ") for line in lines)


async def test_a_check_that_cannot_be_run_is_not_passed() -> None:
    with pytest.raises(ValueError, match="make_broken"):
        await SessionTester(parrot).check("cleanup is safe when its start has failed")
