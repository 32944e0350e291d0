"""The microphone of a session: on, off, who begins and ends turns, and what happens when it dies.

Turns are ended by the provider's detector, by a key (push-to-talk), or by our own detector: hands-free
where the provider has none or the profile wants ours, and after a key by a longer silence.

Between two turns of push-to-talk the microphone stays open (*ready*), so that a turn can begin with what was
said just before its key. Nothing else of what it hears then is kept, and none of it leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from neko_cli.core import pcm
from neko_cli.core.board import Board
from neko_cli.core.codecs.base import Detection
from neko_cli.core.commands import ChangeDetection, Command
from neko_cli.core.ducking import Ducking
from neko_cli.core.errors import AudioError, LinkError
from neko_cli.core.microphone_care import MicrophoneCare
from neko_cli.core.microphone_gate import MicrophoneGate
from neko_cli.core.own_ear import is_used
from neko_cli.core.own_turns import MakeDetector, OwnTurns
from neko_cli.core.ports import Microphone
from neko_cli.core.pre_roll import PreRoll
from neko_cli.core.profile import Profile
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.turns import Turns
from neko_cli.core.uplink import Uplink

MakeMicrophone = Callable[[], Microphone]

LEAST_UTTERANCE_MS = 100.0
"""OpenAI refuses to commit less, and would then answer nothing at all; no word is that short."""

READY_FOR = 300.0
"""Seconds without a key after which a microphone is not kept ready any more: a headset plays music better
with its microphone closed."""


class ListeningHost(Protocol):
    """What the microphone needs from the session."""

    def send(self, command: Command) -> None:
        """Queue a command for the link; nothing happens without one."""
        ...

    def clear_input(self) -> None:
        """Nobody wants the utterance that is open."""
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
        gate: MicrophoneGate,
        ducking: Ducking,
        make_detector: MakeDetector | None = None,
    ) -> None:
        """Without ``make_detector`` our own detector goes by loudness."""
        self._host = host
        self._board = board
        self._owner = owner
        self._turns = turns
        self._uplink = uplink
        self._care = care
        self._gate = gate
        self._own = OwnTurns(host, owner, turns, uplink, ducking, make_detector, self._own_turn_ends)
        self._microphone: Microphone | None = None
        self._pump: asyncio.Task[None] | None = None
        self._sends = False  # else it is only kept ready
        self._recent = PreRoll(0)
        self._led_by_ms = 0.0  # sound of the utterance from before its key
        self._ready_until: asyncio.TimerHandle | None = None
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

    @property
    def is_ready(self) -> bool:
        """Whether the microphone is open between two turns, and nothing of it is sent."""
        return self._microphone is not None and not self._sends

    def begin_with(self, profile: Profile) -> None:
        """Who ends turns at first, as the profile says."""
        self._by_key = profile.turns.detection is Detection.MANUAL
        self.profile_changed(profile)

    def profile_changed(self, profile: Profile, old: Profile | None = None) -> None:
        """Another profile: our own detector may be wanted now, or not any more."""
        before, self._by_us = self.push_to_talk, is_used(profile)
        if self.push_to_talk and not before:
            self._uplink.fall_silent(heard=self._turns.state is TurnState.HEARING)  # its detector's last turn
        self._uplink.detects = not self.push_to_talk
        self._tuned = not self._sends
        self._retune()
        if self.push_to_talk is not before:
            self._host.send(ChangeDetection(manual=self.push_to_talk))
        if old is None or old.turns.key_prefix_ms != profile.turns.key_prefix_ms:
            self._recent = PreRoll(profile.turns.key_prefix_ms)
        # Nothing stays open for nothing, nor for a provider that the user may not have agreed to.
        if old is not None and self.is_ready and not (self._stays_ready and old.provider == profile.provider):
            self._close_soon()

    def words(self, turn: int, text: str) -> None:
        """So much is known of what the user says in a turn."""
        self._own.words(turn, text)

    @property
    def level(self) -> float:
        """Level of the last 100 ms in dBFS; silence when the microphone is off, or not sent."""
        return self._microphone.level if self._microphone and self._sends else pcm.SILENCE_DBFS

    async def start(self) -> None:
        """Microphone on; idempotent. Raises AudioError."""
        async with self._lock:
            if self._sends:
                return
            if not self.is_ready:
                await self._open()
            elif self._by_key:
                self._begin_by_key()
            self._tune()
            self._let_ready_be()
            self._sends = True
            self._send_recent()
            self._set_on(True, "microphone on")
            self._care.on()

    async def _open(self) -> None:
        microphone = self._care.make()
        if not self._owner.is_open:
            raise LinkError("There is no connection.", hint="Start the session first.")
        if self._by_key:
            self._begin_by_key()
        try:
            await microphone.open()
            if self._own.needs_detector(by_key=self._by_key, by_us=self._by_us):
                await self._own.load()  # the device keeps what it hears meanwhile
        except BaseException:
            if self._by_key:
                self._turns.feed(TurnInput.SPEECH_DISCARDED)
            await microphone.close()
            raise
        if not self._by_key:
            self._own.preload()
        self._microphone = microphone
        self._pump = self._owner.spawn(self._run(microphone), "microphone")

    def _begin_by_key(self) -> None:
        self._led_by_ms = 0.0
        self._uplink.begin()
        self._turns.feed(TurnInput.KEY_PRESSED)

    def _send_recent(self) -> None:
        """What was said just before the key belongs to the turn."""
        rate, sound = self._recent.rate, self._recent.take()
        if not self._by_key or not sound or not self._gate.lets_out(sound, rate):
            return
        self._own.ends_key(sound, rate)
        self._led_by_ms = pcm.duration_ms(len(sound), rate)
        self._uplink.push(sound, rate)

    async def stop(self, *, commit: bool) -> None:
        """Microphone off, or kept ready for the next key; idempotent.

        An open utterance is sent when it is to be committed. With a detector at the other end, the silence
        follows by which it hears the end of what was said.
        """
        async with self._lock:
            if self._sends and self._stays_ready:
                self._keep_ready(commit=commit)
            elif not self.is_ready:
                await self._close(commit=commit)

    @property
    def _stays_ready(self) -> bool:
        return self._by_key and self._host.profile.turns.key_prefix_ms > 0 and self._owner.is_open

    def _keep_ready(self, *, commit: bool) -> None:
        self._sends = False
        self._recent.drop()
        self._care.rest()
        self._own.rest()
        self._set_on(False, "microphone off")
        self._end_utterance(commit=commit)
        self._ready_until = asyncio.get_running_loop().call_later(READY_FOR, self._close_soon)

    def _let_ready_be(self) -> None:
        if self._ready_until is not None:
            self._ready_until.cancel()
            self._ready_until = None

    def _close_soon(self) -> None:
        if self._owner.is_open:
            self._owner.spawn(self._close_ready(), "microphone not needed")

    async def _close_ready(self) -> None:
        async with self._lock:
            if self.is_ready:  # else a key was pressed meanwhile
                await self._close(commit=False)

    async def close(self, *, commit: bool = False) -> None:
        """Microphone off, whatever it is kept ready for; idempotent. Else as ``stop``."""
        async with self._lock:
            await self._close(commit=commit)

    async def _close(self, *, commit: bool) -> None:
        self._let_ready_be()
        self._care.off()
        microphone, pump, sent = self._microphone, self._pump, self._sends
        if microphone is None:
            return
        self._microphone = self._pump = None
        try:
            await microphone.close()
            if pump is not None:
                _, late = await asyncio.wait({pump}, timeout=1.0)
                for task in late:
                    task.cancel()
        finally:
            self._sends = False
            self._recent.drop()
            self._own.rest()
            if sent:
                self._set_on(False, "microphone off")
        if sent:
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
        said_ms = self._uplink.utterance_ms - self._led_by_ms
        self._led_by_ms = 0.0
        if commit and not (self.push_to_talk and said_ms < LEAST_UTTERANCE_MS):
            self._turns.feed(TurnInput.SPEECH_STOPPED)
            self._uplink.finish(self._turns.turn.number)
        else:
            self._turns.feed(TurnInput.INTERRUPT)

    def change_mode(self, *, push_to_talk: bool) -> None:
        """The key, or a detector, ends the user's turns from now on."""
        self._by_key = push_to_talk
        self._uplink.detects = not self.push_to_talk
        self._host.send(ChangeDetection(manual=self.push_to_talk))
        if self.is_ready and not push_to_talk:
            self._close_soon()

    async def _run(self, microphone: Microphone) -> None:
        try:
            await self._uplink.listen(microphone, self._heard)
        except AudioError as error:
            if microphone is self._microphone:
                self._lost(error)
            await microphone.close()

    def _lost(self, error: AudioError) -> None:
        sent, self._sends = self._sends, False
        self._microphone = self._pump = None
        self._recent.drop()
        self._own.rest()
        self._let_ready_be()
        if not sent:
            self._care.off()  # nobody misses it now: the next key opens another one
            return
        self._set_on(False, "microphone lost")
        self._end_utterance(commit=True)
        self._host.microphone_died(error)

    # -- our own detector -------------------------------------------------------------------

    def _tune(self) -> None:
        self._own.begin(by_key=self._by_key, by_us=self._by_us)
        if self._microphone is not None:
            # Nothing is sent before our own detector has heard speech, which takes longer than two blocks.
            self._microphone.unhurried = self._by_us and not self._by_key
        self._tuned = True

    def _retune(self) -> None:
        """Go by the profile in use, once nobody speaks."""
        if not self._tuned and not self._own.is_open:
            self._tune()

    def _own_turn_ends(self) -> None:
        self.finish()
        self._retune()

    def _heard(self, frame: bytes, rate: int) -> bytes | None:
        """What is sent of a microphone's frame."""
        if not self._sends:
            self._recent.keep(self._gate.kept(frame), rate)
            return None
        sound = self._gate.sound(frame, rate)
        if sound is None:
            return None
        if self._by_key:
            if self._own.ends_key(sound, rate):
                # The pump that brought this frame is waited for when the microphone is closed.
                self._owner.spawn(self.stop(commit=True), "end of a spoken turn")
            return sound
        if self._by_us:
            return self._own.own(sound, rate)
        self._own.watch(sound, rate)
        return sound

    def _set_on(self, on: bool, reason: str) -> None:
        self._board.microphone_on = on
        self._board.refresh(reason)
