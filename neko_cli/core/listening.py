"""The microphone of a session: on, off, who begins and ends turns, and what happens when it dies.

Turns are ended by the provider's detector, by a key (push-to-talk), or by our own detector: hands-free
where the provider has none or the profile wants ours, and after a key by a longer silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from neko_cli.core import pcm
from neko_cli.core.board import Board
from neko_cli.core.codecs.base import Detection
from neko_cli.core.commands import ChangeDetection, Command
from neko_cli.core.errors import AudioError, LinkError
from neko_cli.core.microphone_care import MicrophoneCare
from neko_cli.core.own_ear import Heard, LevelDetector, OwnEar, is_used
from neko_cli.core.ports import Microphone, SpeechDetector
from neko_cli.core.profile import Profile
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.turns import Turns
from neko_cli.core.uplink import Uplink

MakeMicrophone = Callable[[], Microphone]
MakeDetector = Callable[[], SpeechDetector]

LEAST_UTTERANCE_MS = 100.0
"""OpenAI refuses to commit less, and would then answer nothing at all; no word is that short."""


class ListeningHost(Protocol):
    """What the microphone needs from the session."""

    def send(self, command: Command) -> None:
        """Queue a command for the link; nothing happens without one."""
        ...

    def clear_input(self) -> None:
        """Nobody wants the utterance that is open."""
        ...

    def sound_from_microphone(self, frame: bytes, rate: int) -> bytes | None:
        """What is sent of a frame: it, silence in its place, or nothing."""
        ...

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    def speech_came(self) -> None:
        """Somebody begins to speak, as our own detector hears."""
        ...

    def microphone_died(self, error: AudioError) -> None:
        """The device is gone; the conversation goes on as text."""
        ...


class Listening:
    """Opens and closes the microphone and forwards its sound; one at a time."""

    def __init__(
        self,
        host: ListeningHost,
        board: Board,
        owner: TaskOwner,
        turns: Turns,
        uplink: Uplink,
        care: MicrophoneCare,
        make_detector: MakeDetector | None = None,
    ) -> None:
        """Without ``make_detector`` our own detector goes by loudness."""
        self._host = host
        self._board = board
        self._owner = owner
        self._turns = turns
        self._uplink = uplink
        self._care = care
        self._make_detector: MakeDetector = make_detector or LevelDetector
        self._microphone: Microphone | None = None
        self._pump: asyncio.Task[None] | None = None
        self._ear: OwnEar | None = None
        self._lock = asyncio.Lock()
        self._by_key = False
        self._by_us = False
        self._tuned = True  # whether our own detector goes by the profile in use

    @property
    def by_key(self) -> bool:
        """Whether a key begins the user's turns."""
        return self._by_key

    @property
    def push_to_talk(self) -> bool:
        """Whether a key, or our own detector, ends turns, and not the provider."""
        return self._by_key or self._by_us

    def begin_with(self, profile: Profile) -> None:
        """Who ends turns at first, as the profile says."""
        self._by_key = profile.turns.detection is Detection.MANUAL
        self.profile_changed(profile)

    def profile_changed(self, profile: Profile) -> None:
        """Another profile: our own detector may be wanted now, or not any more."""
        before, self._by_us = self.push_to_talk, is_used(profile)
        if self.push_to_talk and not before:
            self._uplink.fall_silent(heard=self._turns.state is TurnState.HEARING)  # its detector's last turn
        self._uplink.detects = not self.push_to_talk
        self._tuned = self._ear is None and self._microphone is None
        self._retune()
        if self.push_to_talk is not before:
            self._host.send(ChangeDetection(manual=self.push_to_talk))

    @property
    def level(self) -> float:
        """Level of the last 100 ms in dBFS; silence when the microphone is off."""
        return self._microphone.level if self._microphone else pcm.SILENCE_DBFS

    async def start(self) -> None:
        """Microphone on; idempotent. Raises AudioError."""
        async with self._lock:
            if self._microphone is not None:
                return
            microphone = self._care.make()
            if not self._owner.is_open:
                raise LinkError("There is no connection.", hint="Start the session first.")
            if self._by_key:
                self._uplink.begin()
                self._turns.feed(TurnInput.KEY_PRESSED)
            try:
                self._ear = self._new_ear()
                await microphone.open()
            except BaseException:
                if self._by_key:
                    self._turns.feed(TurnInput.SPEECH_DISCARDED)
                raise
            self._microphone = microphone
            self._pump = self._owner.spawn(self._run(microphone), "microphone")
            self._set_on(True, "microphone on")
            self._care.on()

    async def stop(self, *, commit: bool) -> None:
        """Microphone off; idempotent. An open utterance is sent when it is to be committed.

        With a detector at the other end, the silence follows by which it hears the end of what was said.
        """
        async with self._lock:
            self._care.off()
            microphone, pump = self._microphone, self._pump
            self._microphone = self._pump = None
            self._ear = None
            if microphone is None:
                return
            await microphone.close()
            if pump is not None:
                _, late = await asyncio.wait({pump}, timeout=1.0)
                for task in late:
                    task.cancel()
            self._set_on(False, "microphone off")
            self._end_utterance(commit=commit)

    def _end_utterance(self, *, commit: bool) -> None:
        heard = self._turns.state is TurnState.HEARING
        if not self.push_to_talk:
            self._uplink.fall_silent(heard=heard)
        elif heard:
            # Hands-free, what was said counts: a provider's detector would have heard it too.
            self.finish(commit=commit or not self._by_key)
        else:
            # Something else was asked while the key was down; the next utterance starts afresh.
            self._host.clear_input()

    def finish(self, *, commit: bool = True) -> None:
        """The open utterance is complete: send it, or throw it away when that is not wanted."""
        if commit and not (self.push_to_talk and self._uplink.utterance_ms < LEAST_UTTERANCE_MS):
            self._turns.feed(TurnInput.SPEECH_STOPPED)
            self._uplink.finish(self._turns.turn.number)
        else:
            self._turns.feed(TurnInput.INTERRUPT)

    def change_mode(self, *, push_to_talk: bool) -> None:
        """The key, or a detector, ends the user's turns from now on."""
        self._by_key = push_to_talk
        self._uplink.detects = not self.push_to_talk
        self._host.send(ChangeDetection(manual=self.push_to_talk))

    async def _run(self, microphone: Microphone) -> None:
        try:
            await self._uplink.listen(microphone, self._heard)
        except AudioError as error:
            if microphone is self._microphone:
                self._microphone = self._pump = self._ear = None
                self._set_on(False, "microphone lost")
                self._end_utterance(commit=True)
                self._host.microphone_died(error)
            await microphone.close()

    # -- our own detector -------------------------------------------------------------------

    def _new_ear(self) -> OwnEar | None:
        turns = self._host.profile.turns
        silence_ms = turns.key_silence_ms if self._by_key else turns.silence_ms
        if not self.push_to_talk or (self._by_key and not silence_ms):
            return None
        return OwnEar(self._make_detector(), turns, silence_ms=silence_ms)

    def _retune(self) -> None:
        """Go by the profile in use, once nobody speaks."""
        if not self._tuned and (self._ear is None or not self._ear.is_open):
            self._ear, self._tuned = self._new_ear(), True

    def _heard(self, frame: bytes, rate: int) -> bytes | None:
        """What is sent of a microphone's frame."""
        sound = self._host.sound_from_microphone(frame, rate)
        if sound is None or self._ear is None:
            return sound
        if self._by_key:
            if self._ear.hear(sound, rate).heard is Heard.ENDS:
                # The pump that brought this frame is waited for when the microphone is closed.
                self._owner.spawn(self.stop(commit=True), "end of a spoken turn")
            return sound
        return self._own_turn(self._ear, sound, rate)

    def _own_turn(self, ear: OwnEar, sound: bytes, rate: int) -> bytes | None:
        if ear.is_open and self._turns.state is not TurnState.HEARING:
            ear.reset()  # something else was asked while somebody spoke
            self._host.clear_input()
        piece = ear.hear(sound, rate)
        if piece.heard is Heard.BEGINS:
            if not self._may_begin:
                ear.reset()
                return None
            self._host.speech_came()
            self._uplink.begin()
            self._turns.feed(TurnInput.KEY_PRESSED)
        elif piece.heard is Heard.ENDS:
            self._uplink.push(piece.sound, rate)
            self.finish()
            self._retune()
            return None
        return piece.sound or None

    @property
    def _may_begin(self) -> bool:
        interrupts = self._host.profile.turns.interrupt
        return interrupts or self._turns.state in (TurnState.IDLE, TurnState.HEARING)

    def _set_on(self, on: bool, reason: str) -> None:
        self._board.microphone_on = on
        self._board.refresh(reason)
