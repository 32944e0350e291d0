"""A session on a thread of its own, for a screen: drawing takes up to 30 ms, and sound waits for nothing.

The interpreter lock goes from who draws to who plays within ``sys.getswitchinterval()``, and the processor at
once, where the system lets this thread go first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from neko_cli.core.commands import Message
from neko_cli.core.companions.tools import Permission
from neko_cli.core.crossing import Crossing
from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.elsewhere import Elsewhere
from neko_cli.core.errors import LinkError
from neko_cli.core.events import InputMode, SessionState
from neko_cli.core.events_base import Event
from neko_cli.core.memory import Memory
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.priority import go_first
from neko_cli.core.profile import Profile
from neko_cli.core.session import Screen, Session, SoundDevices, Subscription
from neko_cli.core.watch_host import EyesState

BEGIN_S, END_S = 5.0, 2.0
"""Seconds that the thread gets to begin, and to end."""


class SessionThread:
    """The thread and its event loop; it never keeps the process from ending."""

    def __init__(self) -> None:
        """Start it; raises LinkError when it does not begin within ``BEGIN_S`` seconds."""
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._main, name="neko-session", daemon=True)
        self._thread.start()
        if not self._begun.wait(BEGIN_S):
            raise LinkError("The conversation's thread does not start.", code="stuck")
        self.there = Elsewhere(self._loop)

    def _main(self) -> None:
        go_first()
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._begun.set()
        await self._stop.wait()

    def close(self) -> None:
        """End it, with all that still runs there, within ``END_S`` seconds; idempotent. Blocks."""
        self.there.tell(self._stop.set)
        self._thread.join(END_S)
        self.there.over()


class _Screen:
    def __init__(self, there: Elsewhere, screen: Screen) -> None:
        self._there = there
        self._screen = screen

    @property
    def state(self) -> EyesState:
        return self._screen.state

    def show(self, source: str = "", *, for_run: bool = False) -> EyesState:
        return self._there.ask(lambda: self._screen.show(source, for_run=for_run))

    def answer(self, yes: bool) -> None:
        self._there.ask(lambda: self._screen.answer(yes))

    async def shown(self) -> None:
        await self._there.do(self._screen.shown)

    def pause(self, on: bool) -> None:
        self._there.ask(lambda: self._screen.pause(on))

    def hide(self) -> None:
        self._there.ask(self._screen.hide)


class _SoundDevices:
    def __init__(self, there: Elsewhere, devices: SoundDevices) -> None:
        self._there = there
        self._devices = devices

    async def all(self) -> Sequence[DeviceInfo]:
        return await self._there.do(self._devices.all)

    def in_use(self, kind: DeviceKind) -> str:
        return self._devices.in_use(kind)


class SessionApart:
    """A session whose thread is not the caller's (core's ``Session``); what is only read is read at once."""

    def __init__(
        self, thread: SessionThread, session: Session, leave_out: tuple[type[Event], ...] = ()
    ) -> None:
        """``session`` was made on the thread; events of the types in ``leave_out`` stay there."""
        self._thread = thread
        self._there = thread.there
        self._session = session
        self._leave_out = leave_out
        self._closed = False

    @property
    def there(self) -> Elsewhere:
        """The thread, for what else belongs to the session."""
        return self._there

    @property
    def profile(self) -> Profile:
        return self._session.profile

    @property
    def session_id(self) -> str:
        return self._session.session_id

    @property
    def memory(self) -> Memory:
        return self._session.memory

    @property
    def state(self) -> SessionState:
        return self._session.state

    @property
    def agent_flags(self) -> dict[str, bool]:
        return self._session.agent_flags

    @property
    def screen(self) -> Screen:
        return _Screen(self._there, self._session.screen)

    @property
    def devices(self) -> SoundDevices:
        return _SoundDevices(self._there, self._session.devices)

    def events(self, *, samples: bool = False, levels: bool = False) -> Subscription:
        events = self._there.ask(lambda: self._session.events(samples=samples, levels=levels))
        return Crossing(self._there, events, self._leave_out)

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        await self._there.do(lambda: self._session.start_session(input_mode, new))

    async def stream_data(self, message: Message) -> None:
        await self._there.do(lambda: self._session.stream_data(message))

    def wake(self) -> None:
        self._there.tell(self._session.wake)

    async def start_listening(self) -> None:
        await self._there.do(self._session.start_listening)

    async def stop_listening(self, *, commit: bool = False) -> None:
        await self._there.do(lambda: self._session.stop_listening(commit=commit))

    async def set_push_to_talk(self, on: bool) -> None:
        await self._there.do(lambda: self._session.set_push_to_talk(on))

    async def send_message(self, text: str) -> int:
        return await self._there.do(lambda: self._session.send_message(text))

    def finish_input(self) -> None:
        self._there.tell(self._session.finish_input)

    async def interrupt(self) -> None:
        await self._there.do(self._session.interrupt)

    def permit_tool(self, call_id: str, permission: Permission) -> None:
        self._there.tell(lambda: self._session.permit_tool(call_id, permission))

    def tell_result(self, result_id: str) -> bool:
        return self._there.ask(lambda: self._session.tell_result(result_id))

    def dismiss_result(self, result_id: str) -> bool:
        return self._there.ask(lambda: self._session.dismiss_result(result_id))

    def set_agent_flag(self, name: str, on: bool) -> None:
        self._there.ask(lambda: self._session.set_agent_flag(name, on))

    def note_typing(self, on: bool) -> None:
        self._there.tell(lambda: self._session.note_typing(on))

    async def swap(self) -> None:
        await self._there.do(self._session.swap)

    async def switch_profile(self, profile: Profile) -> None:
        await self._there.do(lambda: self._session.switch_profile(profile))

    async def use_microphone(self, name: str) -> None:
        await self._there.do(lambda: self._session.use_microphone(name))

    async def use_speaker(self, name: str) -> None:
        await self._there.do(lambda: self._session.use_speaker(name))

    async def mute_voice(self, on: bool) -> None:
        await self._there.do(lambda: self._session.mute_voice(on))

    async def pause(self) -> None:
        await self._there.do(self._session.pause)

    async def resume(self) -> None:
        await self._there.do(self._session.resume)

    async def end_session(self, by_server: bool = False) -> None:
        await self._there.do(lambda: self._session.end_session(by_server))

    async def cleanup(self) -> None:
        """Release everything, then end the thread; idempotent."""
        if not self._closed:
            self._closed = True
            try:
                await self._there.do(self._session.cleanup)
            finally:
                await asyncio.to_thread(self._thread.close)

    def close(self) -> None:
        """End the thread, whatever still runs there; idempotent. Blocks for END_S at most."""
        self._closed = True
        self._thread.close()


async def apart(make: Callable[[], Session], leave_out: tuple[type[Event], ...] = ()) -> SessionApart:
    """A session that ``make`` makes on a thread of its own; raises what ``make`` does.

    Events of the types in ``leave_out`` are of no use to the caller: to bring them over costs more than they.
    """
    thread = SessionThread()

    async def made() -> Session:
        return make()

    try:
        return SessionApart(thread, await thread.there.do(made), leave_out)
    except BaseException:
        thread.close()
        raise
