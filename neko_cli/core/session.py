"""The surface of a session, as the app and the command line know it.

``SessionManager`` is the real one; ``neko_cli.testing`` offers a scripted one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from neko_cli.core.commands import Message
from neko_cli.core.companions.tools import Permission
from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.events import AnyEvent, InputMode, SessionState
from neko_cli.core.memory import Memory
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.profile import Profile
from neko_cli.core.watch_host import EyesState


class Subscription(Protocol):
    """A reader's own view of the event stream.

    It starts with the current state (a ``StatusChanged`` whose old and new are equal, then
    ``Connected`` when a link is up, then what agents do and have found, and ``EyesChanged`` when the
    screen was shown), never with old events, and ends
    after ``SessionEnded``.
    """

    def __aiter__(self) -> AsyncIterator[AnyEvent]:
        """The events in order."""
        ...

    async def __anext__(self) -> AnyEvent:
        """The next event."""
        ...

    async def aclose(self) -> None:
        """Stop reading."""
        ...


class Screen(Protocol):
    """What the user lets the character see. Every method but ``shown`` returns at once."""

    @property
    def state(self) -> EyesState:
        """What the indicator shows; each change is told as ``EyesChanged``."""
        ...

    def show(self, source: str = "", *, for_run: bool = False) -> EyesState:
        """Let the character see a source, or the profile's, from now on.

        Unless ``for_run`` says that the command line has asked for it, the state that is returned may say
        that the user is to be asked: ``answer`` follows. Raises ConfigError for what is no source.
        """
        ...

    def answer(self, yes: bool) -> None:
        """The user's answer; False also takes a consent back."""
        ...

    async def shown(self) -> None:
        """Wait until a picture was shown since ``show``; raises NekoError when none can be."""
        ...

    def pause(self, on: bool) -> None:
        """Look away for a while; nothing happens while nothing is shown."""
        ...

    def hide(self) -> None:
        """Show nothing any more."""
        ...


class SoundDevices(Protocol):
    """Which microphones and loudspeakers there are, and which are in use."""

    async def all(self) -> Sequence[DeviceInfo]:
        """All devices, those too that were plugged in a moment ago; raises AudioError."""
        ...

    def in_use(self, kind: DeviceKind) -> str:
        """The name of the device that is open; empty for none."""
        ...


class Session(Protocol):
    """A conversation with one character."""

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    @property
    def session_id(self) -> str:
        """By which the conversation is kept and found again; empty when it is not kept."""
        ...

    @property
    def memory(self) -> Memory:
        """What was said: short-term messages and the summary of what came before."""
        ...

    @property
    def state(self) -> SessionState:
        """The current state, readable at once."""
        ...

    def events(self, *, samples: bool = False, levels: bool = False) -> Subscription:
        """Subscribe; ``samples`` asks for PCM in ``ReplyAudio``, ``levels`` for meter readings."""
        ...

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        """Connect and configure; raises NekoError when the link cannot be made."""
        ...

    async def stream_data(self, message: Message) -> None:
        """Sound, text or a picture from the user; buffered (bounded) while starting."""
        ...

    def wake(self) -> None:
        """Somebody is there: a parked link comes back. Returns at once; harmless otherwise."""
        ...

    async def start_listening(self) -> None:
        """Microphone on; raises AudioError."""
        ...

    async def stop_listening(self, *, commit: bool = False) -> None:
        """Microphone off; ``commit`` says that the utterance is complete (push-to-talk)."""
        ...

    async def set_push_to_talk(self, on: bool) -> None:
        """Whether the key (not the detector) ends the user's turns."""
        ...

    async def send_message(self, text: str) -> int:
        """One text turn; returns its number. Raises NekoError when it cannot be sent."""
        ...

    def finish_input(self) -> None:
        """The utterance that was streamed is complete (manual turns)."""
        ...

    async def interrupt(self) -> None:
        """Stop the current reply; nothing happens when there is none."""
        ...

    def permit_tool(self, call_id: str, permission: Permission) -> None:
        """Answer a ``ToolQuestion``; one that is over already changes nothing."""
        ...

    def tell_result(self, result_id: str) -> bool:
        """Have a result of an agent (``AgentNews``) told next; False where it does not wait."""
        ...

    def dismiss_result(self, result_id: str) -> bool:
        """A result is not told, and forgotten; False where it does not wait."""
        ...

    @property
    def agent_flags(self) -> dict[str, bool]:
        """What agents may do now, by the names of N.E.K.O.'s bus."""
        ...

    def set_agent_flag(self, name: str, on: bool) -> None:
        """Let agents do something, or not, from now on; raises ConfigError for an unknown name."""
        ...

    @property
    def screen(self) -> Screen:
        """What the user lets the character see."""
        ...

    def note_typing(self, on: bool) -> None:
        """Somebody types, or has sent or taken back what was typed."""
        ...

    async def swap(self) -> None:
        """Go on with a fresh link, from the next quiet moment on; nothing happens without a link."""
        ...

    async def switch_profile(self, profile: Profile) -> None:
        """Another character, voice or model from the next turn on."""
        ...

    @property
    def devices(self) -> SoundDevices:
        """Microphones and loudspeakers."""
        ...

    async def use_microphone(self, name: str) -> None:
        """Go on with another microphone; empty is the default. Raises AudioError, and the old one goes on."""
        ...

    async def use_speaker(self, name: str) -> None:
        """Go on with another loudspeaker, likewise."""
        ...

    async def mute_voice(self, on: bool) -> None:
        """Whether the character's voice is kept from the loudspeaker; its text goes on."""
        ...

    async def pause(self) -> None:
        """No sound flows either way."""
        ...

    async def resume(self) -> None:
        """Undo ``pause``."""
        ...

    async def end_session(self, by_server: bool = False) -> None:
        """End the session; idempotent."""
        ...

    async def cleanup(self) -> None:
        """Release everything in order; idempotent and safe from any state."""
        ...
