"""Our own detector at work: ends turns, begins them hands-free, and hears who speaks over a reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from neko_cli.core.barge_in import QUIET_MS
from neko_cli.core.ducking import Ducking, Verdict
from neko_cli.core.finished_text import reads_as_finished
from neko_cli.core.own_ear import Heard, LevelDetector, OwnEar, Piece, SpeechEar
from neko_cli.core.ports import SpeechDetector
from neko_cli.core.profile import Profile
from neko_cli.core.state import TurnInput, TurnState
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.turns import Turns
from neko_cli.core.uplink import Uplink

MakeDetector = Callable[[], SpeechDetector]


class OwnTurnsHost(Protocol):
    """What this part needs from the session."""

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    def clear_input(self) -> None:
        """Nobody wants the utterance that is open."""
        ...

    def speech_came(self) -> None:
        """Somebody begins to speak, as our own detector hears."""
        ...


class OwnTurns:
    """For one microphone at a time; every method but the coroutine returns at once."""

    def __init__(
        self,
        host: OwnTurnsHost,
        owner: TaskOwner,
        turns: Turns,
        uplink: Uplink,
        ducking: Ducking,
        make_detector: MakeDetector | None,
        finish: Callable[[], None],
    ) -> None:
        """Without ``make_detector`` loudness decides; ``finish`` ends the user's turn."""
        self._host = host
        self._owner = owner
        self._turns = turns
        self._uplink = uplink
        self._ducking = ducking
        self._make_detector = make_detector
        self._finish = finish
        self._detector: SpeechDetector | None = None if make_detector is not None else LevelDetector()
        self._loading = False
        self._ear: OwnEar | None = None
        self._watcher: SpeechEar | None = None  # where the provider ends turns: who speaks over a reply?
        self._by_key = False
        self._silence_ms = 0
        self._unsure: list[bytes] = []  # sound of speech over the character, until it is known what it is
        self._spoken_over = 0  # the turn whose reply that is

    @property
    def is_open(self) -> bool:
        """Whether somebody speaks whose turn we are to end."""
        return self._ear is not None and self._ear.is_open

    async def load(self) -> None:
        """Make the detector, which may take a tenth of a second, off the event loop."""
        if self._detector is None and self._make_detector is not None:
            self._detector = await asyncio.to_thread(self._make_detector)

    def rest(self) -> None:
        """The microphone is off: what is not certain yet comes to nothing."""
        self._ear = self._watcher = None
        self._unsure = []
        self._ducking.drop()

    def begin(self, *, by_key: bool, by_us: bool) -> None:
        """What comes next is judged by the profile in use."""
        self.rest()
        turns = self._host.profile.turns
        self._by_key = by_key
        self._silence_ms = turns.key_silence_ms if by_key else turns.silence_ms
        if not self.needs_detector(by_key=by_key, by_us=by_us):
            return
        if self._detector is None and self._make_detector is not None:
            # Another profile in the middle of a call: who speaks now is to be heard.
            self._detector = self._make_detector()
        if self._detector is not None:
            self._detector.reset()
            self._ear = OwnEar(self._detector, turns, silence_ms=self._silence_ms)

    def needs_detector(self, *, by_key: bool, by_us: bool) -> bool:
        """Whether our own detector has turns to end."""
        return self._host.profile.turns.key_silence_ms > 0 if by_key else by_us

    # -- sound ------------------------------------------------------------------------------

    def ends_key(self, sound: bytes, rate: int) -> bool:
        """A turn that a key began: whether the silence that ends it has passed with this sound."""
        return self._ear is not None and self._ear.hear(sound, rate).heard is Heard.ENDS

    def own(self, sound: bytes, rate: int) -> bytes | None:
        """Hands-free, and we begin and end turns: what is sent with this sound."""
        ear = self._ear
        if ear is None:
            return sound
        if ear.is_open and not self._unsure and self._turns.state is not TurnState.HEARING:
            ear.reset()  # something else was asked while somebody spoke
            self._host.clear_input()
        piece = ear.hear(sound, rate)
        over = self._ducking.applies
        sure_ms = self._host.profile.turns.confirm_ms
        verdict = self._ducking.listen(ear.speech, sure_ms=sure_ms) if over else None
        if self._unsure or (over and piece.heard is Heard.BEGINS):
            return self._over_reply(ear, piece, verdict, rate)
        if piece.heard is Heard.BEGINS:
            return self._begin_turn(ear, piece.sound)
        if piece.heard is Heard.ENDS:
            self._end_turn(piece.sound, rate)
            return None
        return piece.sound or None

    def _over_reply(self, ear: OwnEar, piece: Piece, verdict: Verdict | None, rate: int) -> bytes | None:
        """Somebody may be speaking over the character: what was said is kept until that is certain."""
        if not self._unsure:
            self._spoken_over = self._turns.turn.number
        self._unsure.append(piece.sound)
        ended = verdict is None and self._turns.turn.number == self._spoken_over  # and nothing else was asked
        if ended or verdict is Verdict.SPEECH:
            said, self._unsure = b"".join(self._unsure), []
            sent = self._begin_turn(ear, said)
            if sent is None or piece.heard is not Heard.ENDS:
                return sent
            self._end_turn(sent, rate)
        elif verdict is not Verdict.NOTHING or piece.heard is Heard.ENDS:
            ear.reset()
            self._unsure = []
        return None

    def _begin_turn(self, ear: OwnEar, sound: bytes) -> bytes | None:
        interrupts = self._host.profile.turns.interrupt
        if not interrupts and self._turns.state not in (TurnState.IDLE, TurnState.HEARING):
            ear.reset()
            return None
        ear.speech.end_after(self._silence_ms)
        self._host.speech_came()
        self._uplink.begin()
        self._turns.feed(TurnInput.KEY_PRESSED)
        return sound

    def _end_turn(self, sound: bytes, rate: int) -> None:
        self._uplink.push(sound, rate)
        self._finish()

    def watch(self, sound: bytes, rate: int) -> None:
        """Hands-free, and the provider begins and ends turns: does somebody speak over the character?"""
        if not (self._ducking.is_wanted and self._ducking.applies):
            self._watcher = None  # what is heard while nobody is spoken over costs nothing
            return
        detector = self._detector
        if detector is None:
            self.preload()
            return
        if self._watcher is None:
            detector.reset()
            self._watcher = SpeechEar(detector, self._host.profile.turns, silence_ms=int(QUIET_MS))
        self._watcher.hear(sound, rate)
        self._ducking.listen(self._watcher, sure_ms=None)

    def preload(self) -> None:
        """Have the detector loaded soon, where somebody may speak over the character."""
        if self._ducking.is_wanted and self._detector is None and not self._loading and self._owner.is_open:
            self._loading = True
            self._owner.spawn(self._load_soon(), "speech detector")

    async def _load_soon(self) -> None:
        try:
            await self.load()
        finally:
            self._loading = False

    # -- words ------------------------------------------------------------------------------

    def words(self, turn: int, text: str) -> None:
        """So much of a turn that we are to end is known: less silence is enough where it is complete."""
        table = self._host.profile.turns
        if self._ear is None or self._turns.state is not TurnState.HEARING or turn != self._turns.turn.number:
            return
        if self._by_key or not table.finished_silence_ms:
            return
        language = self._host.profile.user.language or self._host.profile.character.language
        finished = reads_as_finished(text, language)
        enough = min(self._silence_ms, table.finished_silence_ms) if finished else self._silence_ms
        self._ear.speech.end_after(enough)
