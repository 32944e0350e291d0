"""The parts of a session, wired to one another: what ``SessionManager`` is a facade over."""

from __future__ import annotations

from neko_cli.core.agents import Agents
from neko_cli.core.board import Board
from neko_cli.core.commands import ClearAudio, Command
from neko_cli.core.companions.callbacks import Callbacks
from neko_cli.core.companions.guards import Budget
from neko_cli.core.devices import Devices
from neko_cli.core.ducking import Ducking
from neko_cli.core.errors import AudioError, NekoError, our_mistake
from neko_cli.core.events import AnyEvent, NoticeKind, Outcome, UserText
from neko_cli.core.herald import Herald
from neko_cli.core.inbound import Inbound
from neko_cli.core.keeper import Keeper
from neko_cli.core.life import Life
from neko_cli.core.link_desk import LinkDesk
from neko_cli.core.links import Links, Opening
from neko_cli.core.listening import Listening
from neko_cli.core.manners import Manners
from neko_cli.core.memory import Memory
from neko_cli.core.microphone_gate import MicrophoneGate
from neko_cli.core.modes import Mode
from neko_cli.core.moods import Moods
from neko_cli.core.news import News
from neko_cli.core.next_link import NextLink
from neko_cli.core.pictures import Pictures
from neko_cli.core.playout import Playout
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import ProviderEvent, SpeechBegan
from neko_cli.core.relay import Relay
from neko_cli.core.reply_slot import ReplySlot
from neko_cli.core.requests import Requests
from neko_cli.core.retry import Backoff
from neko_cli.core.scribe import Scribe
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.sight import Sight
from neko_cli.core.sound_path import SoundReport
from neko_cli.core.speaking_first import SpeakingFirst
from neko_cli.core.state import LISTENS, LinkState, TurnState
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

STARTS = frozenset({LinkState.CONNECTING, LinkState.CONFIGURING})
"""Where the first link is on its way."""


class SessionCore:
    """Owns the parts and answers their questions; every method but the coroutines returns at once."""

    def __init__(self, profile: Profile, ports: SessionPorts) -> None:
        self.profile = profile
        self.ports = ports
        self._epoch = ports.clock.monotonic()
        self.stream = Broadcast()
        self.memories = {mode: Memory(profile.memory.messages) for mode in Mode}
        self.callbacks = Callbacks()
        self.owner = TaskOwner(self._task_failed)
        self.scribe = Scribe(self._tell, ports.journal, ports.session_id, self.now, ports.clock.time)
        self.board = Board(self.now, self.publish, lambda: self.profile.voice.name)
        self.playout = Playout(ports.speaker)
        self.voicing = Voicing(self, ports.voice if ports.want_audio else None)
        self.slot = ReplySlot(self.send, self.now)
        self.turns = Turns(self, self.playout, self.slot)
        self.tools = ToolDesk(self, ports.toolbox, asks=ports.asks)
        self.utterances = Utterances(self, self.turns, self.slot)
        self.inbound = Inbound(self, self.turns, self.slot, self.playout, self.utterances)
        self.uplink = Uplink()
        self.link_desk = LinkDesk(self)
        self.links = Links(self.link_desk, self.owner, ports.transport, ports.clock, ports.dial)
        self.herald = Herald(self, ports.clock)
        self.next_link = NextLink(self, ports.clock, ports.provider_title)
        self.relay = Relay(self)
        self.keeper = Keeper(
            self.link_desk, self.board, self.owner, self.links, Backoff(ports.random), ports.clock.monotonic
        )
        self.summaries = Summaries(self, ports.summariser)
        self.swapper = Swapper(self, ports.clock, Backoff(ports.random))
        self.news = News(self)
        self.budget = Budget(profile.guard)
        self.vigil = Vigil(self, ports.clock, ports.route)
        self.devices = Devices(self)
        self.sound = SoundReport(self)
        self.gate = MicrophoneGate(self)
        self.ducking = Ducking(self, self.turns, self.playout)
        self.listening = Listening(
            self,
            self.board,
            self.owner,
            self.turns,
            self.uplink,
            self.devices.microphone,
            self.gate,
            self.ducking,
            ports.detector,
        )
        self.listening.begin_with(profile)
        self.uplink.stretches.silence_ms = profile.turns.silence_ms
        self.uplink.on_end = self.utterances.sent
        self.requests: Requests = Requests(self)
        self.uplink.on_speech = self.requests.speech_came
        self.pictures = Pictures(self, ports.fit_picture)
        self.moods = Moods(self, ports.feeling)
        self.manners = Manners(self)
        self.sight = Sight(self, ports.eye, ports.clock)
        self.speaking_first = SpeakingFirst(self)
        self.translations = Translations(self, ports.translators, ports.clock)
        self.agents = Agents(self, ports.agent_bus, ports.result_shelf)
        self.life = Life(self)
        ports.tape.watch(self.notice)
        self._restore()

    # -- what the parts ask for -------------------------------------------------------------

    @property
    def memory(self) -> Memory:
        """What was said in the mode of the session."""
        return self.memories[self.next_link.mode]

    @property
    def push_to_talk(self) -> bool:
        """Whether a key, or our own detector, ends utterances."""
        return self.listening.push_to_talk

    @property
    def accepts(self) -> bool:
        """Whether what the user says reaches the provider, now or when there is a link again."""
        return self.board.link in LISTENS or self.board.link in STARTS

    @property
    def is_at_rest(self) -> bool:
        """Whether no turn goes on, and nothing is asked for."""
        return self.turns.state is TurnState.IDLE and self.slot.is_calm

    @property
    def hears_unannounced(self) -> bool:
        """Whether somebody speaks, or spoke and was not heard yet, over a link that does not tell."""
        return not self.utterances.are_told and self.hears_speech

    @property
    def hears_speech(self) -> bool:
        """Whether somebody speaks, or spoke and was not heard yet, whatever the provider told of it."""
        return self.uplink.has_speech

    def now(self) -> float:
        """Seconds since the session was made."""
        return self.ports.clock.monotonic() - self._epoch

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers, and have what is to last kept."""
        self.scribe.tell(event)
        self.agents.published(event)
        self.translations.published(event)
        if isinstance(event, UserText) and event.spoken:
            self.listening.words(event.turn, event.text)
        if isinstance(event, UserText) and event.final:
            self.moods.heard(event.text)
            self.speaking_first.user_spoke()

    def send(self, command: Command) -> None:
        """Queue a command for the link; nothing happens without one."""
        if self.links.live is not None:
            self.links.live.link.send(command)

    def clear_input(self) -> None:
        """Nobody wants the utterance that is open."""
        if self.uplink.discard():
            self.send(ClearAudio())

    def provider_event(self, event: ProviderEvent) -> None:
        """The provider says something."""
        if isinstance(event, SpeechBegan):
            self.relay.rechecked_at = None  # the detector hears what was sent again
        self.inbound.take(event)

    def handle_new_message(self) -> None:
        """A reply begins."""
        self.inbound.begin_reply()

    def turn_ended(self, turn: int, outcome: Outcome, text: str) -> None:
        """A turn is over; what was said in it is sent again only if its answer failed or was spoken over."""
        spoken_over = outcome is Outcome.INTERRUPTED and self.turns.is_spoken_over
        if outcome is not Outcome.FAILED and not spoken_over:
            self.uplink.settle_turns(turn)
        self.voicing.turn_ended(outcome)
        self.tools.turn_ended(turn)
        self.news.turn_ended(turn, outcome, text)
        self.agents.turn_ended(turn, outcome, text)
        self.manners.turn_ended(outcome, text)
        self.relay.turn_ended(turn, text)

    def answered(self) -> None:
        """All of the reply to the present turn has come: what was said in it is not sent again."""
        self.uplink.settle_turns(self.turns.turn.number)

    def turn_changed(self, reason: str) -> None:
        """The turn's state changed."""
        self.ducking.look()
        self.board.turn = self.turns.state
        self.board.touch()
        self.board.refresh(reason)
        if self.turns.state is TurnState.IDLE:
            self.summaries.look()

    def stop_voice(self) -> None:
        """Nobody wants to hear what our own voice was given."""
        self.voicing.stop()

    def wait_drained(self, turn: int) -> None:
        """Feed DRAINED for that turn once all sound was heard."""
        if self.voicing.owes or (self.playout.audible and self.playout.received_ms > 0):
            self.owner.spawn(self._drain(turn), f"drain {turn}")
        else:
            self.turns.drained(turn)

    def speech_came(self) -> None:
        """Somebody begins to speak, as our own detector hears: a parked link comes back."""
        self.requests.wake()

    def microphone_died(self, error: AudioError) -> None:
        """The device is gone; the conversation goes on as text."""
        self.notice(f"The microphone is gone: {error} The conversation goes on as text.")
        self.devices.microphone.lost(comes_back=not self.listening.by_key)

    def used_tokens(self, tokens: int) -> None:
        """So large was the context of the last reply."""
        self.relay.tokens = tokens

    def handle_told(self, handle: str) -> None:
        """The provider says by what the session can be resumed."""
        self.next_link.handle_told(handle)

    def going_away(self, seconds: float) -> None:
        """The provider will close the link in so many seconds."""
        self.relay.going_away(seconds)

    def rate_limited(self, error: NekoError) -> bool:
        """The provider takes no more for now: what was asked is asked again over another link."""
        if not self.keeper.is_up:
            return False
        self.keeper.presume_lost(error)
        return True

    def profile_changed(self, old: Profile) -> None:
        """Limits may be others now."""
        if self.profile.guard != old.guard:
            self.budget = Budget(self.profile.guard, self.vigil.used_elsewhere)
        if self.profile.memory.save != old.memory.save:
            self.scribe.keep(self.profile.memory.save)
        for memory in self.memories.values():
            memory.limit = self.profile.memory.messages
        self.listening.profile_changed(self.profile, old)
        self.devices.profile_changed(old)
        self.agents.profile_changed(old)
        self.voicing.profile_changed(old)
        self.sight.profile_changed(old)
        if self.profile.tools != old.tools:
            self.tools.profile_changed()

    def profile_refused(self, made: Opening, error: NekoError) -> bool:
        """No link can be made with a profile; returns whether the next one is made with another."""
        return self.requests.profile_refused(made, error)

    # -- own work ---------------------------------------------------------------------------

    def _tell(self, event: AnyEvent) -> None:
        """Every event comes by here, in the order in which readers get them."""
        self.ports.tape.told(event)
        self.stream.publish(event)

    def _restore(self) -> None:
        """Take over what an earlier run has kept."""
        past = self.ports.past
        if past is not None:
            for memory in self.memories.values():
                memory.restore(past)
            self.turns.turn.number = past.last_turn

    async def _drain(self, turn: int) -> None:
        await self.playout.drained()
        while self.voicing.owes:  # more may be asked for while the last of it is heard
            await self.voicing.said_all()
            await self.playout.drained()
        self.turns.drained(turn)

    def _task_failed(self, error: BaseException) -> None:
        self.inbound.tell_failure(our_mistake(error))

    def notice(self, text: str) -> None:
        """Tell the user something about the sound."""
        self.herald.notice(text, NoticeKind.SOUND)

    def turn_failed(self, error: NekoError) -> None:
        """Tell why the current turn is given up."""
        self.inbound.tell_failure(error)
