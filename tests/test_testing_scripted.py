"""The scripted session: strict with a script, and otherwise as a real one would be."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import TextMessage
from neko_cli.core.errors import LinkError
from neko_cli.core.events import (
    Connected,
    Event,
    InputMode,
    LinkWord,
    ReplyText,
    SessionEnded,
    Status,
    StatusChanged,
    TurnStarted,
)
from neko_cli.core.profile import Character, Profile
from neko_cli.core.stream import Reader
from neko_cli.testing import Call, ScriptedSession, Step


async def read(reader: Reader) -> list[Event]:
    """Everything up to the end."""
    async with asyncio.timeout(5):
        return [event async for event in reader]


async def test_a_script_says_which_call_comes_and_what_follows_it() -> None:
    session = ScriptedSession(
        script=[
            Step(Call("start_session", None)),
            Step(Call("send_message", ("hello",)), [TurnStarted(at=0.0, turn=1)]),
            Step(Call("cleanup")),
        ]
    )
    reader = session.events()
    await session.start_session(InputMode.TEXT)
    await session.send_message("hello")
    with pytest.raises(AssertionError, match="never asked for: cleanup"):
        session.finish()
    await session.cleanup()
    session.finish()
    kinds = [type(event) for event in await read(reader)]
    assert kinds == [StatusChanged, StatusChanged, Connected, TurnStarted, StatusChanged, SessionEnded]
    with pytest.raises(AssertionError, match="the script is over"):
        await session.swap()


@pytest.mark.parametrize("text", ["hello", "goodbye"])
async def test_another_call_than_the_script_foresees_fails(text: str) -> None:
    session = ScriptedSession(script=[Step(Call("send_message", ("hi",)))])
    with pytest.raises(AssertionError, match=f"expected send_message.*hi.*{text}"):
        await session.send_message(text)


async def test_a_call_can_be_held_failed_and_waited_for() -> None:
    session = ScriptedSession()
    gate = session.hold("send_message")
    session.fail_next("stream_data", LinkError("gone"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        sending = group.create_task(session.send_message("hello"))
        assert (await session.called("send_message")).arguments == ("hello",)
        assert not sending.done()
        gate.set()
    assert sending.result() == 1
    with pytest.raises(LinkError, match="gone"):
        await session.stream_data(TextMessage("x"))
    await session.stream_data(TextMessage("x"))
    assert session.names() == ["send_message", "stream_data", "stream_data"]


async def test_a_key_wakes_what_is_asleep_and_nothing_else() -> None:
    session = ScriptedSession()
    await session.start_session(InputMode.TEXT)
    reader = session.events()
    session.wake()
    session.set_state(is_active=False, link=LinkWord.PARKED)
    session.wake()
    session.wake()
    assert (session.state.link, session.state.is_active) == (LinkWord.ONLINE, True)
    await session.cleanup()
    session.wake()
    assert session.state.link is LinkWord.CLOSED
    told = [event.link for event in await read(reader) if isinstance(event, StatusChanged)]
    assert told == [LinkWord.ONLINE, LinkWord.PARKED, LinkWord.ONLINE, LinkWord.CLOSED]
    assert session.names().count("wake") == 4


async def test_a_call_that_does_not_come_is_not_waited_for_for_ever() -> None:
    with pytest.raises(TimeoutError):
        await ScriptedSession().called("swap", timeout=0.01)


async def test_what_is_told_reaches_every_reader_and_late_ones_learn_the_state_alone() -> None:
    session = ScriptedSession()
    early = session.events()
    session.go_online("openai", "m")
    session.emit(ReplyText(at=1.0, turn=1, delta="Hello"))
    late = session.events()
    session.set_state(status=Status.ERROR, reason="it broke")
    await session.end_session()
    heard = await read(late)
    assert [type(event) for event in heard] == [
        StatusChanged,
        Connected,
        StatusChanged,
        StatusChanged,
        SessionEnded,
    ]
    assert heard[2:] == (await read(early))[-3:]
    assert session.state.status is Status.IDLE


async def test_a_second_end_is_silent_and_a_new_start_is_a_new_life() -> None:
    session = ScriptedSession()
    for _ in range(2):
        reader = session.events()
        await session.start_session(InputMode.AUDIO)
        await session.start_session(InputMode.AUDIO)
        session.set_state(is_speaking=True, status=Status.SPEAKING)
        await session.end_session()
        assert not session.state.is_speaking
        following = session.events()
        await session.cleanup()
        session.emit(TurnStarted(at=0.0, turn=1))
        told = [type(event) for event in await read(reader)]
        assert (told.count(Connected), told.count(SessionEnded)) == (1, 1)
        assert isinstance(await anext(following), StatusChanged)
        assert isinstance(await anext(following), TurnStarted)


async def test_the_microphone_is_off_during_a_pause_and_as_before_after_it() -> None:
    session = ScriptedSession()
    session.go_online()
    for on in (True, False):
        await (session.start_listening() if on else session.stop_listening())
        for _ in range(2):
            await session.pause()
            assert (session.state.is_listening, session.state.status) == (False, Status.IDLE)
        for _ in range(2):
            await session.resume()
            assert session.state.is_listening is on


async def test_a_microphone_that_is_switched_off_stops_no_reply() -> None:
    session = ScriptedSession()
    session.go_online()
    await session.start_listening()
    session.set_state(status=Status.SPEAKING, is_speaking=True)
    await session.stop_listening()
    assert (session.state.status, session.state.is_speaking) == (Status.SPEAKING, True)


async def test_what_a_session_is_asked_besides_talking() -> None:
    session = ScriptedSession(session_id="20240101-mio")
    assert session.session_id == "20240101-mio"
    session.memory.add("user", "hello", 1)
    assert [message.text for message in session.memory.recent()] == ["hello"]
    profile = Profile(character=Character(name="Mio"))
    await session.switch_profile(profile)
    await session.swap()
    assert session.profile is profile
    assert session.calls == [Call("switch_profile", (profile,)), Call("swap")]
    assert session.state.link is LinkWord.OFFLINE
