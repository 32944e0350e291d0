"""The microphone of a session: on, off, push-to-talk, and what happens when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from neko_cli.core import pcm
from neko_cli.core.board import Board
from neko_cli.core.commands import ChangeDetection, Command
from neko_cli.core.errors import AudioError, LinkError, NoMicrophone
from neko_cli.core.ports import Microphone
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.turns import Turns
from neko_cli.core.uplink import Uplink

MakeMicrophone = Callable[[], Microphone]

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
        make: MakeMicrophone | None,
    ) -> None:
        self._host = host
        self._board = board
        self._owner = owner
        self._turns = turns
        self._uplink = uplink
        self._make = make
        self._microphone: Microphone | None = None
        self._pump: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.push_to_talk = False

    @property
    def level(self) -> float:
        """Level of the last 100 ms in dBFS; silence when the microphone is off."""
        return self._microphone.level if self._microphone else pcm.SILENCE_DBFS

    async def start(self) -> None:
        """Microphone on; idempotent. Raises AudioError."""
        async with self._lock:
            if self._microphone is not None:
                return
            if self._make is None:
                raise NoMicrophone("This session has no microphone.")
            if not self._owner.is_open:
                raise LinkError("There is no connection.", hint="Start the session first.")
            if self.push_to_talk:
                self._uplink.begin()
                self._turns.feed(TurnInput.KEY_PRESSED)
            microphone = self._make()
            try:
                await microphone.open()
            except BaseException:
                if self.push_to_talk:
                    self._turns.feed(TurnInput.SPEECH_DISCARDED)
                raise
            self._microphone = microphone
            self._pump = self._owner.spawn(self._run(microphone), "microphone")
            self._set_on(True, "microphone on")

    async def stop(self, *, commit: bool) -> None:
        """Microphone off; idempotent. An open utterance is sent when it is to be committed.

        With a detector at the other end, the silence follows by which it hears the end of what was said.
        """
        async with self._lock:
            microphone, pump = self._microphone, self._pump
            self._microphone = self._pump = None
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
            self.finish(commit=commit)
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
        """The key, or the detector, ends the user's turns from now on."""
        self.push_to_talk = push_to_talk
        self._uplink.detects = not push_to_talk
        self._host.send(ChangeDetection(manual=push_to_talk))

    async def _run(self, microphone: Microphone) -> None:
        try:
            await self._uplink.listen(microphone, self._host.sound_from_microphone)
        except AudioError as error:
            if microphone is self._microphone:
                self._microphone = self._pump = None
                self._set_on(False, "microphone lost")
                self._end_utterance(commit=True)
                self._host.microphone_died(error)
            await microphone.close()

    def _set_on(self, on: bool, reason: str) -> None:
        self._board.microphone_on = on
        self._board.refresh(reason)
