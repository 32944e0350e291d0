"""Replies read aloud by a voice of ours, where the model has none: their words go in, sound comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.core.events import Outcome, ReplyAudio
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun
from neko_cli.core.pcm import duration_ms
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, SpokenUpTo, VoiceOver, VoiceTrouble
from neko_cli.core.profile import Profile

MakeVoice = Callable[[Profile, Callable[[VoiceTrouble], None]], VoiceOver | None]
"""Makes the voice of a profile, not started; None where the model speaks itself. It tells its trouble."""

AHEAD_MS = 3_000.0
"""Sound that waits for the loudspeaker: enough for any pause of a voice, and little that is made in vain."""

ROOM_EVERY = 0.05
"""Seconds between looks whether there is room for more."""


class _Speech(msgspec.Struct):
    """Words that were given to the voice, of one reply or the part before a tool's answer."""

    turn: int
    before: int
    """Characters of the turn's reply before its first one."""
    chars: int = 0


class Voicing:
    """The voice of one session. ``run`` is its task; the other methods but the coroutines return at once."""

    def __init__(self, host: SessionHost, make: MakeVoice | None) -> None:
        """``make`` is None where nobody wants to hear a voice."""
        self._host = host
        self._make = make
        self._voice: VoiceOver | None = None
        self._gone = False
        self._reads = False
        self._count = 0
        self._speech = ""
        self._pending: dict[str, _Speech] = {}
        self._settled = asyncio.Event()
        self._settled.set()
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def model_speaks(self) -> bool:
        """Whether the next link's replies are asked for as the model's own voice."""
        return self._host.ports.want_audio and not (self._make and has_own_voice(self._host.profile))

    @property
    def reads(self) -> bool:
        """Whether the live link was asked for words alone: they are read aloud, its sound is not played."""
        return self._reads

    def link_up(self, run: LinkRun) -> None:
        """A link is live; how it was opened holds until the next one, whatever the profile says meanwhile."""
        self._reads = not run.opening.spec.want_audio

    @property
    def owes(self) -> bool:
        """Whether sound of words that were given to the voice is still to come."""
        return bool(self._pending)

    def words(self, text: str) -> None:
        """Words of the current reply, before they are written down."""
        voice, turn = self._voice, self._host.turns.turn
        if voice is None or self._gone or not self._reads:
            return
        if not self._speech:
            self._count += 1
            self._speech = f"speech-{self._count}"
            self._pending[self._speech] = _Speech(turn.number, len(turn.reply))
            self._settled.clear()
            if turn.voiced is None:
                turn.voiced = []
        self._pending[self._speech].chars += len(text)
        voice.say(self._speech, text)

    def words_end(self) -> None:
        """No more words of this reply come, until a tool has answered or at all: its sound ends with them."""
        speech, self._speech = self._speech, ""
        if speech and self._voice is not None:
            self._voice.finish(speech)
        elif not self._pending:
            self._host.playout.finish()

    def stop(self) -> None:
        """Nobody wants to hear what was given to the voice."""
        if self._pending and self._voice is not None:
            self._voice.interrupt()
        self._forget()

    def turn_ended(self, outcome: Outcome) -> None:
        """A turn is over; of one that was given up nothing more is read aloud."""
        if outcome is not Outcome.COMPLETE:
            self.stop()

    async def said_all(self) -> None:
        """Wait until all sound has come, or none will."""
        while self._pending:
            await self._settled.wait()

    def profile_changed(self, old: Profile) -> None:
        """Another voice speaks from the next silence on, where the profile wants that."""
        new = self._host.profile
        marks = (old.speak, old.voice, old.character.language)
        if marks != (new.speak, new.voice, new.character.language):
            self._changed.set()

    async def run(self) -> None:
        """Keep the voice that the profile names until the session ends."""
        self._closed = False
        while not self._closed:
            self._changed.clear()
            old, self._voice, self._gone = self._voice, self._made(), False
            if self._voice is not None:
                self._host.owner.spawn(self._keep(self._voice), "voice")
            if old is not None:
                await old.close()
            await self._changed.wait()
            await self.said_all()

    async def close(self) -> None:
        """End the voice; idempotent."""
        self._closed = True
        self._changed.set()
        self.stop()
        if self._voice is not None:
            await self._voice.close()

    async def _keep(self, voice: VoiceOver) -> None:
        """One voice, from its start until it is closed."""
        try:
            try:
                await voice.start()
            except NekoError as error:
                self._trouble(VoiceTrouble(error))
            async for item in voice.sounds():
                self._take(item)
                await self._room()
        finally:
            if voice is self._voice:  # nothing more comes of it
                self._gone = True
                self._forget()
            await voice.close()

    def _made(self) -> VoiceOver | None:
        if self._make is None or self._closed:
            return None
        try:
            return self._make(self._host.profile, self._trouble)
        except NekoError as error:
            self._trouble(VoiceTrouble(error))
            return None

    def _take(self, item: SpokenSound | SpokenUpTo | SpeechSpoken) -> None:
        speech = self._pending.get(item.speech)
        if speech is None:
            return
        turns = self._host.turns
        is_present = speech.turn == turns.turn.number
        match item:
            case SpokenSound(pcm=pcm, rate=rate):
                if is_present:
                    turns.sound(pcm, rate, "")
                else:
                    self._host.playout.feed_before(pcm, rate)
                self._publish(speech.turn, pcm, rate)
            case SpokenUpTo(chars=chars):
                if is_present:
                    turns.voiced(speech.before + chars)
            case SpeechSpoken():
                if is_present:
                    turns.voiced(speech.before + speech.chars)
                del self._pending[item.speech]
                if item.speech == self._speech:
                    self._speech = ""
                if not self._pending:
                    self._host.playout.finish()
                    self._settled.set()

    def _publish(self, turn: int, pcm: bytes, rate: int) -> None:
        ms = duration_ms(len(pcm), rate)
        self._host.publish(ReplyAudio(at=self._host.now(), turn=turn, ms=ms, rate=rate, pcm=pcm))

    async def _room(self) -> None:
        while self._host.playout.waiting_ms > AHEAD_MS:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(ROOM_EVERY)

    def _forget(self) -> None:
        self._speech = ""
        self._pending.clear()
        self._settled.set()

    def _trouble(self, trouble: VoiceTrouble) -> None:
        error = trouble.error
        if trouble.speech:
            text = f"A part is not read aloud: {error}"
        elif trouble.retry_in is not None:
            text = f"The voice fails: {error} It is started again."
        else:
            self._gone = True
            self._host.turns.turn.voiced = None  # what is written is all that there is of it
            text = f"There is no voice: {error} Replies come as text."
        self._host.notice(text)


def has_own_voice(profile: Profile) -> bool:
    """Whether a profile names a voice that speaks in place of the model's."""
    return bool(profile.speak.worker)
