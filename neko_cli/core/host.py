"""The session as its parts see it: the other parts, and a few answers and doings of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from neko_cli.core.agents import Agents
    from neko_cli.core.board import Board
    from neko_cli.core.commands import Command
    from neko_cli.core.companions.callbacks import Callbacks
    from neko_cli.core.companions.guards import Budget
    from neko_cli.core.devices import Devices
    from neko_cli.core.errors import NekoError
    from neko_cli.core.events import AnyEvent
    from neko_cli.core.herald import Herald
    from neko_cli.core.inbound import Inbound
    from neko_cli.core.keeper import Keeper
    from neko_cli.core.links import Links, Opening
    from neko_cli.core.listening import Listening
    from neko_cli.core.manners import Manners
    from neko_cli.core.memory import Memory
    from neko_cli.core.modes import Mode
    from neko_cli.core.moods import Moods
    from neko_cli.core.news import News
    from neko_cli.core.next_link import NextLink
    from neko_cli.core.pictures import Pictures
    from neko_cli.core.playout import Playout
    from neko_cli.core.profile import Profile
    from neko_cli.core.provider_events import ProviderEvent
    from neko_cli.core.relay import Relay
    from neko_cli.core.reply_slot import ReplySlot
    from neko_cli.core.requests import Requests
    from neko_cli.core.scribe import Scribe
    from neko_cli.core.session_ports import SessionPorts
    from neko_cli.core.sight import Sight
    from neko_cli.core.sound_path import SoundReport
    from neko_cli.core.speaking_first import SpeakingFirst
    from neko_cli.core.stream import Broadcast
    from neko_cli.core.summaries import Summaries
    from neko_cli.core.swap import Swapper
    from neko_cli.core.tasks import TaskOwner
    from neko_cli.core.tool_desk import ToolDesk
    from neko_cli.core.translations import Translations
    from neko_cli.core.turns import Turns
    from neko_cli.core.uplink import Uplink
    from neko_cli.core.utterances import Utterances
    from neko_cli.core.vigil import Vigil
    from neko_cli.core.voicing import Voicing


class SessionHost(Protocol):
    """What the parts of a session ask of it; every method returns at once."""

    agents: Agents
    board: Board
    budget: Budget
    callbacks: Callbacks
    devices: Devices
    herald: Herald
    inbound: Inbound
    keeper: Keeper
    links: Links
    listening: Listening
    manners: Manners
    memories: dict[Mode, Memory]
    moods: Moods
    news: News
    next_link: NextLink
    owner: TaskOwner
    pictures: Pictures
    playout: Playout
    ports: SessionPorts
    profile: Profile
    relay: Relay
    requests: Requests
    scribe: Scribe
    sight: Sight
    slot: ReplySlot
    speaking_first: SpeakingFirst
    sound: SoundReport
    stream: Broadcast
    summaries: Summaries
    swapper: Swapper
    tools: ToolDesk
    translations: Translations
    turns: Turns
    uplink: Uplink
    utterances: Utterances
    vigil: Vigil
    voicing: Voicing

    @property
    def memory(self) -> Memory:
        """What was said in the mode of the session."""
        ...

    @property
    def push_to_talk(self) -> bool:
        """Whether a key ends utterances."""
        ...

    @property
    def accepts(self) -> bool:
        """Whether what the user says reaches the provider, now or when there is a link again."""
        ...

    @property
    def is_at_rest(self) -> bool:
        """Whether no turn goes on, and nothing is asked for."""
        ...

    @property
    def hears_speech(self) -> bool:
        """Whether somebody speaks, or spoke and was not heard yet, whatever the provider told of it."""
        ...

    @property
    def hears_unannounced(self) -> bool:
        """The same over a link whose provider would not say so."""
        ...

    def now(self) -> float:
        """Seconds since the session was made."""
        ...

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers, and have what is to last kept."""
        ...

    def send(self, command: Command) -> None:
        """Queue a command for the link; nothing happens without one."""
        ...

    def notice(self, text: str) -> None:
        """Tell the user something about the sound."""
        ...

    def provider_event(self, event: ProviderEvent) -> None:
        """The live link's provider says something."""
        ...

    def profile_changed(self, old: Profile) -> None:
        """Limits may be others now."""
        ...

    def profile_refused(self, made: Opening, error: NekoError) -> bool:
        """No link can be made with a profile; returns whether the next one is made with another."""
        ...

    def turn_failed(self, error: NekoError) -> None:
        """Tell why the current turn is given up."""
        ...
