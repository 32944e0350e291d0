"""Checks of a session's life: starting, listening, pausing, being read, and ending."""

from __future__ import annotations

import asyncio

import msgspec

from neko_cli.core.errors import AudioError
from neko_cli.core.events import (
    Connected,
    Failure,
    InputMode,
    SessionEnded,
    Status,
    StatusChanged,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.profile import Profile
from neko_cli.testing.trial import Need, Trial, checks
from neko_cli.testing.witness import expect


async def it_is_idle_and_offline_before_it_starts(trial: Trial) -> None:
    """Making a session connects to nothing."""
    trial.expect_off("before start_session")
    witness = trial.witness()
    await witness.next()
    expect(not witness.after_greeting(), "a session that was not started has told something")
    expect(isinstance(trial.session.profile, Profile), "profile is no Profile")
    expect(isinstance(trial.session.session_id, str), "session_id is no text")
    await witness.leave()


async def it_is_active_when_start_session_returns(trial: Trial) -> None:
    """And tells it, with the input mode that was asked for."""
    witness = trial.witness()
    await trial.start(InputMode.TEXT)
    await witness.until(Connected)
    expect(trial.session.state.input_mode is InputMode.TEXT, "input_mode is not what was asked for")
    await trial.end(witness)


async def it_starts_once_however_often_it_is_asked(trial: Trial) -> None:
    """Two starts at once and a third one later make one connection."""
    witness = trial.witness()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(trial.session.start_session(InputMode.TEXT))
    await trial.start()
    await trial.end(witness)
    expect(len(witness.told(Connected)) == 1, f"it connected {len(witness.told(Connected))} times")


async def it_tells_a_late_reader_the_state_and_no_old_events(trial: Trial) -> None:
    """Replaying events would show everything twice."""
    early = trial.witness()
    await trial.start()
    await early.until(Connected)
    if trial.can_answer:
        await trial.exchange(early, "hello")
    late = trial.witness()
    first, state = await late.next(), trial.session.state
    expect(isinstance(first, StatusChanged) and first.link is state.link, f"{first} is not the current state")
    expect(isinstance(await late.next(), Connected), "a late reader is not told what it is connected to")
    await trial.end(early, late)
    old = [event for event in late.after_greeting() if not isinstance(event, StatusChanged | SessionEnded)]
    expect(not old, f"a late reader was told {old}")


async def it_listens_from_start_listening_to_stop_listening(trial: Trial) -> None:
    """Both are idempotent."""
    witness = trial.witness()
    await trial.start(InputMode.AUDIO)
    for _ in range(2):
        await trial.session.start_listening()
        expect(trial.session.state.is_listening, "after start_listening is_listening is False")
    await witness.until(StatusChanged, new=Status.LISTENING)
    for _ in range(2):
        await trial.session.stop_listening()
        expect(not trial.session.state.is_listening, "after stop_listening is_listening is True")
    await witness.until(StatusChanged, old=Status.LISTENING)
    trial.expect_up("after stop_listening")
    await trial.end(witness)


async def it_says_that_there_is_no_microphone(trial: Trial) -> None:
    """With an AudioError, and the conversation goes on."""
    await trial.start(InputMode.AUDIO)
    try:
        await trial.session.start_listening()
    except AudioError:
        expect(not trial.session.state.is_listening, "is_listening is True without a microphone")
        trial.expect_up("after start_listening has failed")
    else:
        raise AssertionError("start_listening raised no AudioError although there is no microphone")


async def it_pauses_and_resumes(trial: Trial) -> None:
    """No sound comes in during a pause; a microphone that was on is on again after it."""
    session = trial.session
    await trial.start(InputMode.AUDIO)
    if trial.has_microphone:
        await session.start_listening()
    for _ in range(2):
        await session.pause()
        expect(not session.state.is_listening, "it listens during a pause")
    for _ in range(2):
        await session.resume()
        expect(
            session.state.is_listening == trial.has_microphone,
            "after a pause the microphone is not as before",
        )
    await session.stop_listening()
    await session.pause()
    await session.resume()
    expect(not session.state.is_listening, "resume switched a microphone on that was off")
    trial.expect_up("after a pause")


async def it_does_nothing_where_there_is_nothing_to_stop(trial: Trial) -> None:
    """Stopping a reply, a microphone or an utterance that is not there."""
    session, witness = trial.session, trial.witness()

    async def stop_everything() -> None:
        await session.interrupt()
        await session.stop_listening()
        await session.stop_listening(commit=True)
        session.finish_input()

    await stop_everything()
    await session.swap()
    await session.resume()
    trial.expect_off("after stopping what was not there")
    await trial.start()
    await stop_everything()
    trial.expect_up("after stopping what was not there")
    await trial.end(witness)
    await stop_everything()
    trial.expect_off("after stopping what was not there any more")
    turns = [event for event in witness.seen if isinstance(event, TurnStarted | TurnEnded | Failure)]
    expect(not turns, f"it told {turns} although nothing was said")


async def it_takes_a_wake_at_any_time(trial: Trial) -> None:
    """A key was pressed: that brings back what is asleep, and does nothing to what is not."""
    session, witness = trial.session, trial.witness()
    session.wake()
    trial.expect_off("after a wake before the start")
    await trial.start()
    for _ in range(2):
        session.wake()
    trial.expect_up("after a wake")
    await trial.end(witness)
    session.wake()
    trial.expect_off("after a wake after the end")
    expect(len(witness.told(Connected)) == 1, f"woken, it connected {len(witness.told(Connected))} times")
    turns = [event for event in witness.seen if isinstance(event, TurnStarted | TurnEnded | Failure)]
    expect(not turns, f"woken, it told {turns}")


async def it_takes_settings_at_any_time(trial: Trial) -> None:
    """Before the start, while it runs, and after the end."""
    session = trial.session

    async def change_everything() -> None:
        for on in (True, False):
            await session.mute_voice(on)
            await session.set_push_to_talk(on)

    await change_everything()
    await trial.start()
    await change_everything()
    trial.expect_up("after changing settings")
    await session.end_session()
    await change_everything()
    trial.expect_off("after changing settings")


async def it_takes_another_profile_before_it_starts(trial: Trial) -> None:
    """Then it starts with that one."""
    session = trial.session
    character = msgspec.structs.replace(session.profile.character, name="Another")
    other = msgspec.structs.replace(session.profile, character=character)
    await session.switch_profile(other)
    await trial.start()
    expect(session.profile == other, "profile is not the one it was switched to")


async def it_ends_once_and_session_ended_is_the_last_event(trial: Trial) -> None:
    """For every reader."""
    witnesses = [trial.witness()]
    await trial.start()
    witnesses.append(trial.witness())
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(trial.session.end_session())
    trial.expect_off("after end_session")
    await trial.session.end_session()
    for witness in witnesses:
        await witness.rest()
        expect(isinstance(witness.seen[-1], SessionEnded), f"the last event is {witness.seen[-1]}")


async def it_starts_again_after_its_end(trial: Trial) -> None:
    """A new reader then hears of the new life alone."""
    session_id = trial.session.session_id
    for _ in range(3):
        witness = trial.witness()
        await trial.start()
        if trial.can_answer:
            await trial.exchange(witness, "hello again")
        await trial.end(witness)
        expect(len(witness.told(SessionEnded)) == 1, "a reader was told of an earlier end")
    expect(trial.session.session_id == session_id, "session_id changed")


async def a_start_can_be_called_off(trial: Trial) -> None:
    """By the end of the session, or because whoever started it is cancelled."""
    session = trial.session
    await trial.beside(session.start_session(InputMode.TEXT), session.end_session)
    trial.expect_off("after an end during the start")
    starting: asyncio.Future[None]
    async with asyncio.TaskGroup() as group:
        starting = group.create_task(session.start_session(InputMode.TEXT))
        await asyncio.sleep(0)
        starting.cancel()
    await session.end_session()
    trial.expect_off("after a start that was cancelled")
    await trial.start()


async def no_reader_stops_the_session_or_another_reader(trial: Trial) -> None:
    """One never reads, one fails, one leaves while it waits."""
    session = trial.session
    idle_reader, good = session.events(), trial.witness()

    async def fail() -> None:
        async for _ in session.events():
            raise ZeroDivisionError

    async def wait_on(reader: object) -> None:
        async for _ in reader:  # type: ignore[attr-defined]
            pass

    leaving = session.events()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(wait_on(leaving))
        failed = await asyncio.gather(fail(), return_exceptions=True)
        expect(isinstance(failed[0], ZeroDivisionError), "a reader's own mistake was lost")
        await trial.start()
        await leaving.aclose()
        _, waiting = await asyncio.wait({task}, timeout=trial.patience)
        expect(not waiting, "a subscription that was closed still waits")
    if trial.can_answer:
        await trial.exchange(good, "is anybody there?")
    await trial.end(good)
    expect(isinstance(await anext(idle_reader), StatusChanged), "a reader that is slow missed the beginning")


async def a_start_that_fails_is_raised_and_told(trial: Trial) -> None:
    """And the error has an exit."""
    session, witness = trial.session, trial.witness()
    await trial.refuses(session.start_session(InputMode.TEXT), "a start that cannot succeed")
    failure = await witness.until(Failure)
    expect(failure.message, "the failure has no sentence")
    expect(not session.state.is_active, "is_active is True although the start failed")
    expect(session.state.status is Status.ERROR, f"the status is {session.state.status}, not error")
    await session.end_session()
    trial.expect_off("after the end of a session that had failed")


LIFE = [
    *checks(
        it_is_idle_and_offline_before_it_starts,
        it_is_active_when_start_session_returns,
        it_starts_once_however_often_it_is_asked,
        it_tells_a_late_reader_the_state_and_no_old_events,
        it_pauses_and_resumes,
        it_does_nothing_where_there_is_nothing_to_stop,
        it_takes_a_wake_at_any_time,
        it_takes_settings_at_any_time,
        it_takes_another_profile_before_it_starts,
        it_ends_once_and_session_ended_is_the_last_event,
        it_starts_again_after_its_end,
        a_start_can_be_called_off,
        no_reader_stops_the_session_or_another_reader,
    ),
    *checks(it_listens_from_start_listening_to_stop_listening, needs=frozenset({Need.MICROPHONE})),
    *checks(it_says_that_there_is_no_microphone, needs=frozenset({Need.NO_MICROPHONE})),
    *checks(a_start_that_fails_is_raised_and_told, needs=frozenset({Need.BROKEN})),
]
"""Checks that need nobody to answer."""
