"""A scripted session: its state and its events are what the test decides.

::

    session = ScriptedSession()
    session.go_online()
    session.emit(ReplyText(at=0.0, turn=1, delta="Hello"))
    ...
    assert session.names() == ["start_session", "send_message"]

With a ``script`` the session is strict: each call must be the next expected one, and its events
are told at once. ``finish()`` fails when steps are left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from neko_cli.core.commands import Message
from neko_cli.core.companions.tools import Permission
from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.events import (
    AnyEvent,
    Connected,
    InputMode,
    LinkWord,
    SessionEnded,
    SessionState,
    Status,
    StatusChanged,
)
from neko_cli.core.memory import Memory
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.profile import Profile
from neko_cli.core.stream import Broadcast, Reader
from neko_cli.testing.scripted_screen import ScriptedScreen


class Call(msgspec.Struct, frozen=True):
    """One call of a session's method; in a script ``arguments`` None takes any."""

    name: str
    arguments: tuple[Any, ...] | None = ()


class Step(msgspec.Struct, frozen=True):
    """An expected call and the events that follow it."""

    call: Call
    events: Sequence[AnyEvent] = ()


class ScriptedDevices:
    """Sound devices that the test says there are, and which of them is used."""

    def __init__(self) -> None:
        self.there: list[DeviceInfo] = []
        self.used: dict[DeviceKind, str] = {}

    async def all(self) -> Sequence[DeviceInfo]:
        """Those that are there."""
        return self.there

    def in_use(self, kind: DeviceKind) -> str:
        """The one that was chosen last; empty for none."""
        return self.used.get(kind, "")


class ScriptedSession:
    """Implements ``neko_cli.core.session.Session`` with a state and events that the test decides.

    Starting it goes online, waking goes online when the link is parked, listening switches the
    microphone on, a pause switches it off, and ending ends the subscriptions, as with a real session;
    everything else happens only when the test says so.
    """

    def __init__(
        self,
        profile: Profile | None = None,
        script: Iterable[Step] | None = None,
        *,
        session_id: str = "scripted",
    ) -> None:
        """Begin offline; without a ``script`` every call is accepted."""
        self.calls: list[Call] = []
        """Every call so far, in order."""
        self._profile = profile or Profile()
        self._session_id = session_id
        self._memory = Memory()
        self.screen = ScriptedScreen(self.emit, lambda: self._profile)
        """What is shown of the screen."""
        self._stream = Broadcast()
        self._script = None if script is None else deque(script)
        self._errors: dict[str, Exception] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._called = asyncio.Condition()
        self._connected: Connected | None = None
        self._flags: dict[str, bool] = {}
        self._devices = ScriptedDevices()
        self._turn = 0
        self._paused_microphone = False
        self._ended = False
        self._state = SessionState(
            status=Status.IDLE,
            is_active=False,
            is_listening=False,
            is_speaking=False,
            input_mode=InputMode.TEXT,
            voice_id="",
            link=LinkWord.OFFLINE,
            energy=1,
            last_activity=0.0,
        )

    # -- what the test decides ------------------------------------------------------------------

    def emit(self, *events: AnyEvent) -> None:
        """Tell every subscriber."""
        for event in events:
            if isinstance(event, Connected):
                self._connected = event
            self._stream.publish(event)

    def set_state(self, *, reason: str = "test", **changes: Any) -> None:
        """Change fields of ``state``; a new status or link word is told as ``StatusChanged``."""
        old = self._state
        self._state = new = msgspec.structs.replace(old, **changes)
        if (old.status, old.link) != (new.status, new.link):
            self.emit(StatusChanged(at=0.0, old=old.status, new=new.status, reason=reason, link=new.link))

    def go_online(self, provider: str = "embedded", model: str = "responder") -> None:
        """The link is up."""
        self._ended = False
        status = Status.LISTENING if self._state.is_listening else Status.IDLE
        self.set_state(is_active=True, link=LinkWord.ONLINE, status=status)
        self.emit(Connected(at=0.0, provider=provider, model=model))

    def fail_next(self, name: str, error: Exception) -> None:
        """The next call of this method raises the error."""
        self._errors[name] = error

    def hold(self, name: str) -> asyncio.Event:
        """Calls of this method wait until the returned event is set."""
        return self._gates.setdefault(name, asyncio.Event())

    def names(self) -> list[str]:
        """The names of the calls so far."""
        return [call.name for call in self.calls]

    async def called(self, name: str, times: int = 1, timeout: float = 5.0) -> Call:
        """Wait until a method was called this often; returns the latest such call."""
        async with asyncio.timeout(timeout), self._called:
            await self._called.wait_for(lambda: self.names().count(name) >= times)
        return [call for call in self.calls if call.name == name][-1]

    def finish(self) -> None:
        """Fail when steps of the script were not reached."""
        if self._script:
            names = ", ".join(step.call.name for step in self._script)
            message = f"the session was never asked for: {names}"
            raise AssertionError(message)

    # -- the session ----------------------------------------------------------------------------

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        return self._profile

    @property
    def session_id(self) -> str:
        """What the test called it."""
        return self._session_id

    @property
    def memory(self) -> Memory:
        """What was said: nothing, unless the test adds it."""
        return self._memory

    @property
    def state(self) -> SessionState:
        """The current state, readable at once."""
        return self._state

    def events(self, *, samples: bool = False, levels: bool = False) -> Reader:
        """Subscribe; the current state comes first."""
        now = StatusChanged(
            at=0.0,
            old=self._state.status,
            new=self._state.status,
            reason="now",
            link=self._state.link,
        )
        current: list[AnyEvent] = [now] if self._connected is None else [now, self._connected]
        current += self.screen.current()
        return self._stream.subscribe(current, samples=samples, levels=levels)

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        """Go online, unless it is."""
        await self._record("start_session", input_mode, new)
        self.set_state(input_mode=input_mode)
        if not self._state.is_active:
            self.go_online()

    async def stream_data(self, message: Message) -> None:
        """Record a message."""
        await self._record("stream_data", message)

    def wake(self) -> None:
        """Go online when the link is parked."""
        self.calls.append(Call("wake"))
        if self._state.link is LinkWord.PARKED:
            self.go_online()

    async def start_listening(self) -> None:
        """Switch the microphone on."""
        await self._record("start_listening")
        self._switch_microphone(True)

    async def stop_listening(self, *, commit: bool = False) -> None:
        """Switch the microphone off."""
        await self._record("stop_listening", commit)
        self._switch_microphone(False)

    async def set_push_to_talk(self, on: bool) -> None:
        """Switch the microphone off, as the real session does."""
        await self._record("set_push_to_talk", on)
        self._switch_microphone(False)

    async def send_message(self, text: str) -> int:
        """Record a message; returns the number of its turn."""
        await self._record("send_message", text)
        self._turn += 1
        return self._turn

    def finish_input(self) -> None:
        """The streamed utterance is complete."""
        self.calls.append(Call("finish_input"))

    async def interrupt(self) -> None:
        """Record an interruption."""
        await self._record("interrupt")

    def permit_tool(self, call_id: str, permission: Permission) -> None:
        """Record the answer to a question."""
        self.calls.append(Call("permit_tool", (call_id, permission)))

    def tell_result(self, result_id: str) -> bool:
        """Record it; every result waits."""
        self.calls.append(Call("tell_result", (result_id,)))
        return True

    def dismiss_result(self, result_id: str) -> bool:
        """Record it; every result waits."""
        self.calls.append(Call("dismiss_result", (result_id,)))
        return True

    @property
    def agent_flags(self) -> dict[str, bool]:
        """Those of the profile, and what was set."""
        return {**self._profile.agents.flags, **self._flags}

    def set_agent_flag(self, name: str, on: bool) -> None:
        """Record it, and keep it."""
        self.calls.append(Call("set_agent_flag", (name, on)))
        self._flags[name] = on

    def note_typing(self, on: bool) -> None:
        """Record whether somebody types."""
        self.calls.append(Call("note_typing", (on,)))

    async def swap(self) -> None:
        """Record that a fresh link is wanted."""
        await self._record("swap")

    async def switch_profile(self, profile: Profile) -> None:
        """Take another profile."""
        await self._record("switch_profile", profile)
        elsewhere = profile.provider != self._profile.provider
        self._profile = profile
        if elsewhere:
            self.screen.elsewhere()

    @property
    def devices(self) -> ScriptedDevices:
        """Those that the test says there are."""
        return self._devices

    async def use_microphone(self, name: str) -> None:
        """Record it, and use it."""
        await self._record("use_microphone", name)
        self._devices.used[DeviceKind.MICROPHONE] = name

    async def use_speaker(self, name: str) -> None:
        """Record it, and use it."""
        await self._record("use_speaker", name)
        self._devices.used[DeviceKind.SPEAKER] = name

    async def mute_voice(self, on: bool) -> None:
        """Record whether the voice is muted."""
        await self._record("mute_voice", on)

    async def pause(self) -> None:
        """Switch the microphone off until ``resume``."""
        await self._record("pause")
        self._paused_microphone = self._paused_microphone or self._state.is_listening
        self._switch_microphone(False)

    async def resume(self) -> None:
        """Undo ``pause``: switch the microphone on again when it was on."""
        await self._record("resume")
        on, self._paused_microphone = self._paused_microphone, False
        if on:
            self._switch_microphone(True)

    async def end_session(self, by_server: bool = False) -> None:
        """Go offline and end the subscriptions; a second time changes nothing."""
        await self._record("end_session", by_server)
        self._end("ended")

    async def cleanup(self) -> None:
        """Go offline and end the subscriptions; a second time changes nothing."""
        await self._record("cleanup")
        self._end("closed")

    def _switch_microphone(self, on: bool) -> None:
        status = self._state.status
        if on:
            status = Status.LISTENING
        elif status is Status.LISTENING:
            status = Status.IDLE
        self.set_state(is_listening=on, status=status)

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._paused_microphone = False
        self._connected = None
        self.set_state(
            is_active=False,
            is_listening=False,
            is_speaking=False,
            status=Status.IDLE,
            link=LinkWord.CLOSED,
        )
        self.emit(SessionEnded(at=0.0, reason=reason))

    async def _record(self, name: str, *arguments: Any) -> None:
        """Note a call, hold it at its gate, fail it or tell its events, as the test decided."""
        self.calls.append(Call(name, arguments))
        async with self._called:
            self._called.notify_all()
        gate = self._gates.get(name)
        if gate is not None:
            await gate.wait()
        error = self._errors.pop(name, None)
        if error is not None:
            raise error
        if self._script is None:
            return
        if not self._script:
            message = f"an unexpected call of {name}: the script is over"
            raise AssertionError(message)
        step = self._script.popleft()
        if step.call.name != name or step.call.arguments not in (None, arguments):
            message = f"expected {step.call.name}{step.call.arguments}, got {name}{arguments}"
            raise AssertionError(message)
        self.emit(*step.events)
