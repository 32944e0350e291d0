"""What the user asks of a session: words, sound, pictures, silence, another character."""

from __future__ import annotations

import copy

import msgspec

from neko_cli.core.commands import (
    AudioChunk,
    ScreenFrame,
    SendText,
)
from neko_cli.core.energy import Change, EnergyBook, Reason
from neko_cli.core.errors import InvalidRequest, LinkError, NekoError
from neko_cli.core.events import NoticeKind, UserText
from neko_cli.core.host import SessionHost
from neko_cli.core.links import Opening
from neko_cli.core.next_link import profile_tag, same_session
from neko_cli.core.profile import Profile
from neko_cli.core.state import LinkState, TurnInput, TurnState
from neko_cli.core.swap_plan import SwapReason

ROOM_TIMEOUT = 60.0
"""Seconds that streamed sound waits for a link that takes it."""


class Requests:
    """Each method does one thing that a user can ask for; those that are no coroutines at once."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self.paused = False
        """Whether the user wants no sound either way for now."""
        self._paused_microphone = False
        self._good: tuple[Profile, EnergyBook] | None = None  # in use before one that no link had yet

    def say(self, text: str) -> int:
        """One text turn; raises NekoError when it cannot be sent. Without a link it waits for one."""
        host = self._host
        text = text.strip()
        if not text:
            raise InvalidRequest("There is nothing to send.")
        self._expect_session()
        self._awake()
        host.turns.feed(TurnInput.TEXT_SENT)
        host.turns.input_ended()
        turn = host.turns.turn
        turn.typed = text
        host.publish(UserText(at=host.now(), turn=turn.number, text=text, final=True))
        host.memory.add("user", text, turn.number)
        host.slot.ask(SendText(text, turn.number))
        return turn.number

    async def hear(self, chunk: AudioChunk) -> None:
        """Sound that is not from our own microphone; waits while no link takes more."""
        host = self._host
        self._expect_session()
        if host.listening.push_to_talk and host.turns.state is not TurnState.HEARING:
            # Without a detector, sound begins an utterance, which stops the current reply.
            self._awake()
            host.uplink.begin()
            host.turns.feed(TurnInput.KEY_PRESSED)
        host.ports.tape.heard(chunk.pcm, chunk.rate, live=False)
        host.uplink.push(chunk.pcm, chunk.rate)
        await host.uplink.room(ROOM_TIMEOUT)

    def speech_came(self) -> None:
        """Somebody speaks, as far as we hear: a parked link comes back."""
        if self._host.uplink.stretches.is_sure:
            self.wake()

    async def show(self, frame: ScreenFrame) -> None:
        """A picture for the character, without asking for a reply."""
        self._expect_session()
        await self._host.pictures.show(frame)

    def finish_input(self) -> None:
        """The streamed utterance is complete (manual turns)."""
        if self._host.turns.state is TurnState.HEARING:
            self._host.listening.finish()

    def interrupt(self) -> None:
        """Stop the current reply, or throw away the open utterance."""
        self._host.board.touch()
        self._host.tools.interrupt()
        self._host.turns.feed(TurnInput.INTERRUPT)

    async def pause(self) -> None:
        """Microphone off, reply stopped; nothing is shown meanwhile."""
        self.paused = True
        self._host.sight.hold(True)
        self._paused_microphone = self._paused_microphone or self._host.board.microphone_on
        await self._host.listening.close()
        self.interrupt()

    async def resume(self) -> None:
        """Microphone on again, when it was on before the pause."""
        self.paused = False
        self._host.sight.hold(False)
        self._host.board.touch()
        if self._paused_microphone:
            self._paused_microphone = False
            await self._host.listening.start()

    def ended(self) -> None:
        """The session is over: nothing of it waits."""
        self.paused = False
        self._paused_microphone = False
        self._host.pictures.clear()

    def wake(self) -> None:
        """Somebody is there: a parked link comes back; nothing happens to any other."""
        if self._host.board.link is LinkState.PARKED:
            self._awake()

    def listening_wanted(self) -> None:
        """The user opens the microphone."""
        self._host.board.touch()
        self._awake()

    def swap(self) -> None:
        """A fresh link from the next quiet moment on; nothing without a link."""
        if self._host.keeper.is_up:
            self._host.swapper.wish(SwapReason.USER)

    def switch_profile(self, profile: Profile) -> None:
        """Another character, voice or model from the next turn on."""
        host, old = self._host, self._host.profile
        if profile == old:
            return
        if host.links.last is not None and same_session(old, host.links.last.opening.profile):
            self._good = old, copy.deepcopy(host.next_link.energy)
        host.profile = profile
        host.profile_changed(old)
        another = (profile.character, profile.provider.name) != (old.character, old.provider.name)
        energy = host.next_link.energy
        for change in energy.switched(profile) if another else energy.edited(profile):
            if change.mode is host.next_link.mode:
                host.herald.energy(change)
        live = host.links.live
        if live is not None and same_session(profile, live.opening.profile):
            host.swapper.forget(SwapReason.CHARACTER)
        elif profile_tag(profile) != profile_tag(old) or profile.turns != old.turns:
            host.swapper.wish(SwapReason.CHARACTER)

    def profile_refused(self, made: Opening, error: NekoError) -> bool:
        """No link can be made with a profile: the one of the last good link is in use again, as it was.

        Returns whether the next link is made with another profile than this one.
        """
        host, last = self._host, self._host.links.last
        if last is None or same_session(made.profile, last.opening.profile):
            return False
        if same_session(made.profile, host.profile):  # else something else was chosen meanwhile
            self._go_back(last.opening.profile)
            text = f"The new profile cannot be used: {error.message} The old one goes on."
            host.herald.notice(text, NoticeKind.PROFILE)
        return True

    def _go_back(self, linked: Profile) -> None:
        host, following, refused = self._host, self._host.next_link, self._host.profile
        level = following.energy.level(following.mode)
        good, self._good = self._good, None
        if good is not None and same_session(good[0], linked):
            # Devices that were chosen meanwhile are no provider's business.
            host.profile = msgspec.structs.replace(good[0], sound=refused.sound)
            following.energy = good[1]
        else:
            host.profile = linked
            following.energy.edited(linked)
        host.profile_changed(refused)
        host.swapper.forget(SwapReason.CHARACTER)
        energy, mode = following.energy, following.mode
        if energy.level(mode) != level:
            host.herald.energy(
                Change(
                    mode=mode,
                    old=level,
                    level=energy.level(mode),
                    max=energy.ladder(mode).top,
                    model=energy.model(mode),
                    reason=Reason.PROFILE,
                    handle_valid=False,
                )
            )

    def _expect_session(self) -> None:
        if not self._host.accepts:
            raise LinkError("There is no connection.", hint="Start the session again.")

    def _awake(self) -> None:
        self._host.board.touch()
        self._host.uplink.idle = False
        self._host.keeper.wake()
