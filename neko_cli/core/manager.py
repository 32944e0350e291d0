"""The session manager: the facade over a session's parts. It decides nothing itself."""

from __future__ import annotations

from neko_cli.core.commands import AudioChunk, Message, ScreenFrame, TextMessage
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.companions.tools import Permission
from neko_cli.core.device_standing import DeviceKind
from neko_cli.core.devices import Devices
from neko_cli.core.errors import NoMicrophone
from neko_cli.core.events import InputMode, SessionState
from neko_cli.core.memory import Memory
from neko_cli.core.profile import Profile
from neko_cli.core.session_core import SessionCore
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.sight import Sight
from neko_cli.core.stream import Reader


class SessionManager:
    """A conversation with one character. See ``core/session.py`` for the contract."""

    def __init__(self, profile: Profile, ports: SessionPorts) -> None:
        self._core = SessionCore(profile, ports)

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        return self._core.profile

    @property
    def state(self) -> SessionState:
        """The current state, readable at once."""
        return self._core.board.snapshot()

    @property
    def session_id(self) -> str:
        """By which the conversation is kept and found again; empty when it is not kept."""
        return self._core.ports.session_id if self._core.scribe.keeps else ""

    @property
    def memory(self) -> Memory:
        """What was said: short-term messages and the summary of what came before."""
        return self._core.memory

    def events(self, *, samples: bool = False, levels: bool = False) -> Reader:
        """Subscribe; the current state comes first, never old events."""
        now = [*self._core.board.current(), *self._core.agents.current(), *self._core.sight.current()]
        return self._core.stream.subscribe(now, samples=samples, levels=levels)

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        """Connect and configure; raises NekoError when the link cannot be made.

        ``new`` forgets what was said. A loudspeaker that fails is a notice, not an error.
        """
        await self._core.life.start(input_mode, new=new)

    async def stream_data(self, message: Message) -> None:
        """Sound, text or a picture; held (bounded) while starting. Raises NekoError."""
        match message:
            case AudioChunk():
                self._expect_ears()
                await self._core.requests.hear(message)
            case TextMessage():
                self._core.requests.say(message.text)
            case ScreenFrame():
                await self._core.requests.show(message)

    def wake(self) -> None:
        """Somebody is there: a parked link comes back. Returns at once; harmless otherwise."""
        self._core.requests.wake()

    async def start_listening(self) -> None:
        """Microphone on; raises AudioError, also where the provider only reads."""
        self._expect_ears()
        self._core.requests.listening_wanted()
        await self._core.listening.start()

    async def stop_listening(self, *, commit: bool = False) -> None:
        """Microphone off; ``commit`` says that the utterance is complete (push-to-talk)."""
        self._core.board.touch()
        await self._core.listening.stop(commit=commit)

    async def set_push_to_talk(self, on: bool) -> None:
        """Whether the key (not the detector) ends the user's turns; switches the microphone off."""
        await self._core.listening.close()
        self._core.listening.change_mode(push_to_talk=on)

    async def send_message(self, text: str) -> int:
        """One text turn; stops the current reply. Returns the turn's number."""
        return self._core.requests.say(text)

    def finish_input(self) -> None:
        """The utterance that was streamed by ``stream_data`` is complete (manual turns)."""
        self._core.requests.finish_input()

    async def interrupt(self) -> None:
        """Stop the current reply; nothing happens when there is none."""
        self._core.requests.interrupt()

    def permit_tool(self, call_id: str, permission: Permission) -> None:
        """Answer a ``ToolQuestion``; one that is over already changes nothing."""
        self._core.tools.permit(call_id, permission)

    @property
    def screen(self) -> Sight:
        """What the user lets the character see, and whether."""
        return self._core.sight

    def note_typing(self, on: bool) -> None:
        """Somebody types, or has sent or taken back what was typed: the character does not speak first."""
        self._core.speaking_first.note_typing(on)

    async def swap(self) -> None:
        """Go on with a fresh link, from the next quiet moment on; nothing happens without a link."""
        self._core.requests.swap()

    async def switch_profile(self, profile: Profile) -> None:
        """Another character, voice or model from the next turn on."""
        self._core.requests.switch_profile(profile)

    @property
    def devices(self) -> Devices:
        """Microphones and loudspeakers: which there are, and which are in use."""
        return self._core.devices

    async def use_microphone(self, name: str) -> None:
        """Go on with another microphone; empty is the default. Raises AudioError, and the old one goes on."""
        await self._core.devices.use(DeviceKind.MICROPHONE, name)

    async def use_speaker(self, name: str) -> None:
        """Go on with another loudspeaker, likewise."""
        await self._core.devices.use(DeviceKind.SPEAKER, name)

    async def mute_voice(self, on: bool) -> None:
        """Whether the character's voice is kept from the loudspeaker."""
        self._core.playout.mute(on)

    async def pause(self) -> None:
        """No sound flows either way: the microphone is off and the reply stops."""
        await self._core.requests.pause()

    async def resume(self) -> None:
        """Undo ``pause``; raises AudioError when the microphone does not come back."""
        await self._core.requests.resume()

    def handle_new_message(self) -> None:
        """A reply begins: its words, emotion tags and sound start afresh."""
        self._core.handle_new_message()

    def enqueue_agent_callback(self, result: AgentResult) -> None:
        """An agent's result waits to be told."""
        self._core.callbacks.add(result)

    async def trigger_agent_callbacks(self) -> bool:
        """Have the character tell what agents found; False when it must wait, or nothing waits."""
        return self._core.news.tell()

    def tell_result(self, result_id: str) -> bool:
        """Have a result of an agent told next, as soon as nobody talks; False where it does not wait."""
        return self._core.agents.tell_now(result_id)

    def dismiss_result(self, result_id: str) -> bool:
        """A result is not told, and forgotten; False where it does not wait."""
        return self._core.agents.dismiss(result_id)

    @property
    def agent_flags(self) -> dict[str, bool]:
        """What agents may do now, by the names of N.E.K.O.'s bus."""
        return self._core.agents.flags

    def set_agent_flag(self, name: str, on: bool) -> None:
        """Let agents do something, or not, from now on; raises ConfigError for an unknown name."""
        self._core.agents.set_flag(name, on)

    async def translate_if_needed(self, text: str) -> str:
        """The text in the user's language, when it differs and a translator is at hand."""
        return await self._core.translations.translate_if_needed(text)

    async def end_session(self, by_server: bool = False) -> None:
        """End the session and its link; idempotent. The same object can be started again.

        ``by_server`` says that only the provider's session is at its end: the conversation goes on
        with the standby link, or a fresh one.
        """
        if by_server and self._core.keeper.is_up:
            self._core.requests.swap()
        else:
            await self._core.life.end("ended")

    def _expect_ears(self) -> None:
        live = self._core.links.live
        if live is not None and not live.link.codec.capabilities.audio_input:
            raise NoMicrophone(f"{live.opening.title} only reads, and cannot hear you.", hint="Type instead.")

    async def cleanup(self) -> None:
        """Release everything in order, each phase with a deadline; idempotent."""
        await self._core.life.end("closed")
        await self._core.agents.close()
        await self._core.owner.aclose()
