"""The user's voice on its way to the provider: kept until it is settled, resampled for its link.

Sound is kept at the device's rate. What was sent stays until the provider has committed it and its
words are known, or its turn was answered (*settled*): a link that is lost before takes nothing with it,
because the next one is sent the same sound again. Utterances that a key ended are a part of the stream:
their end is told to each link that is sent their sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from neko_cli.core import pcm
from neko_cli.core.commands import AppendAudio
from neko_cli.core.errors import LinkError
from neko_cli.core.kept_sound import TICKS, Chunk, Interval, KeptSound
from neko_cli.core.link import Link
from neko_cli.core.ports import Microphone
from neko_cli.core.stretches import Stretches, without

UNSENT_S = 8
"""Seconds of sound that waits for a link; beyond that the oldest goes, and is counted."""

IDLE_S = 2
"""Seconds that are kept before the first sound that wakes a parked link."""

ROOM_S = 2
"""Below this much waiting sound, a fast sender may go on."""

LEAD_MS = 500.0
"""Kept before the beginning of speech that a provider tells: its detector needs a run-up."""

FAR_MS = 1e9
"""Later than any time that a provider can mean, in ms: eleven days."""

SILENT_MS = 2_000.0
"""Sent again of what a provider took for silence over a link that was well: its detector may be so late."""

UNSURE_MS = 8_000.0
"""The same where the link before was lost, and its detector may have heard what we have not."""

TAIL_MS = 200.0
"""Silence more than a detector asks for, after a microphone that was closed in the middle of speech."""

MARKS = 64
"""Utterances whose words may still come."""


class Attached(NamedTuple):
    """What a new link is sent besides what comes: again, and for the first time; in ms."""

    resent_ms: float
    cached_ms: float


class _Taken(msgspec.Struct):
    """An utterance that the present link's provider has committed."""

    name: str
    turn: int
    begin: int
    end: int
    done: bool = False


class _End(msgspec.Struct):
    """Where we ended an utterance of a turn."""

    at: int
    turn: int
    passed: bool = False
    """Whether the present link was told."""
    taken: bool = False
    """Whether its provider has committed it."""
    done: bool = False
    """Whether it is settled."""


class Uplink:
    """Keeps, resamples and forwards sound, in order; equal rates pass bit-exact."""

    def __init__(self) -> None:
        self._sound = KeptSound()
        self._half = b""  # half a sample, where a chunk ended within one
        self._rate = 0
        self._begun = 0
        self._committed = 0
        self._taken: list[_Taken] = []  # in order; with what is gone they reach up to ``_committed``
        self._gone: list[Interval] = []  # sent, and not wanted or settled
        self._ends: list[_End] = []
        self._link: Link | None = None
        self._resampler: pcm.Resampler | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.stretches = Stretches()
        self.detects = True
        """Whether utterances are ended by a detector, and we listen for where they are."""
        self.idle = False
        """Parked: only the last moments are kept, and the rest is not worth telling."""
        self.dropped_ms = 0.0
        """Sound that went because no link took it for too long, in ms."""
        self.on_end: Callable[[int], None] = lambda turn: None
        """Called when all sound of an utterance that we ended is on its way; with its turn."""
        self.on_speech: Callable[[], None] = lambda: None
        """Called with each piece of sound that has speech in it."""

    @property
    def utterance_ms(self) -> float:
        """Sound since ``begin``, in ms."""
        return _ms(self._sound.end - self._begun)

    @property
    def waiting_ms(self) -> float:
        """Sound that no link has been given yet, in ms."""
        return _ms(self._sound.end - self._sound.sent)

    @property
    def has_speech(self) -> bool:
        """Whether there is speech that the provider has not taken, as far as we hear or were told."""
        return self.stretches.any or any(not end.taken for end in self._ends)

    @property
    def is_settled_whole(self) -> bool:
        """Whether nothing of what was sent would be sent again, but for what is silence as far as we hear."""
        return not self.has_speech and all(taken.done for taken in self._taken)

    def ended_by_us(self, turn: int) -> bool:
        """Whether we, not the provider's detector, ended that turn's utterance, and it is not settled."""
        return any(end.turn == turn and not end.done for end in self._ends)

    # -- sound comes in ---------------------------------------------------------------------

    def push(self, sound: bytes, rate: int) -> None:
        """One chunk (16-bit mono at ``rate`` Hz)."""
        sound = (self._half if rate == self._rate else b"") + sound
        even = len(sound) & ~1
        self._half, self._rate = sound[even:], rate
        if not even:
            return
        chunk = Chunk(sound[:even], rate)
        if self.detects and self.stretches.hear(chunk.pcm, rate, self._sound.end):
            self.on_speech()
        self._sound.add(chunk)
        self.pump()
        self._bound()
        if self._sound.end - self._sound.sent > self._room_ticks():
            self._room.clear()

    async def listen(self, microphone: Microphone, heard: Callable[[bytes, int], bytes | None]) -> None:
        """Take a microphone's frames until it is closed; raises AudioError when it dies.

        ``heard`` gives what is to be sent of a frame: the frame, silence instead, or nothing.
        """
        async for frame in microphone.frames():
            sound = heard(frame, microphone.rate)
            if sound:
                self.push(sound, microphone.rate)

    async def room(self, timeout: float) -> None:
        """Wait until sound flows again; raises LinkError when it does not in time."""
        try:
            async with asyncio.timeout(timeout):
                await self._room.wait()
        except TimeoutError:
            raise LinkError("The provider takes no more sound.") from None

    # -- utterances -------------------------------------------------------------------------

    def begin(self) -> None:
        """A key begins an utterance; those that were finished before stay before it."""
        if all(end.taken for end in self._ends):
            self.discard()
        self._begun = self._sound.end

    def finish(self, turn: int) -> None:
        """The utterance is complete: once all of it is sent, the resampler's rest goes and ``on_end``."""
        self._ends.append(_End(self._sound.end, turn))
        self.stretches.close(self._sound.end)
        self.pump()

    def fall_silent(self, *, heard: bool = False) -> None:
        """No more sound comes, and a detector at the other end is to hear the end of what was said.

        ``heard`` says that it hears somebody, whatever we hear.
        """
        if self._rate and (heard or self.stretches.open):
            self.push(pcm.silence(self.stretches.silence_ms + TAIL_MS, self._rate), self._rate)

    def discard(self) -> bool:
        """Nobody wants the open utterance; returns whether the provider was given any of it."""
        pending = [end.at for end in self._ends if not end.taken]
        kept = max([self._committed, *pending])
        self._sound.drop_unsent(max(kept, self._sound.sent))
        given = self._sound.sent > kept
        if given:
            self._gone.append((kept, self._sound.sent))
        if given and not pending:
            self._committed = self._sound.sent
        self.stretches.clear()
        self._resampler = None
        self._forget_settled()
        self._see_room()
        return given

    def speech_began(self, at_ms: float | None) -> None:
        """The provider hears speech: what came before it was silence."""
        begin = self._on_link(at_ms) if at_ms is not None else self.stretches.begin
        if begin is not None:
            self._quiet_up_to(begin - _ticks(LEAD_MS))

    def forget_quiet(self, unsent_ms: float) -> None:
        """Let go of silence, as far as we hear, that no next link would be sent: older than ``UNSURE_MS``.

        ``unsent_ms`` is what the link has queued. Not while the provider hears somebody.
        """
        old, speech = self._sound.sent - _ticks(unsent_ms + UNSURE_MS), self.stretches.begin
        self._quiet_up_to(old if speech is None else min(old, speech - _ticks(LEAD_MS)))

    @property
    def sent(self) -> int:
        """Position up to which the present link was given sound."""
        return self._sound.sent

    def rest(self, position: int) -> None:
        """The provider, which has had the time, says no more of what was sent before a position."""
        ends = [end for end in self._ends if end.passed and end.at <= position]
        for end in ends:
            end.taken = True
        heard = self.stretches.last_over_by(position)
        upto = max([heard or 0, *(end.at for end in ends)])
        self._quiet_up_to(upto)
        self.stretches.taken(upto)
        for taken in self._taken:
            taken.done = taken.done or taken.end <= position
        self._forget_settled()

    def commit(self, name: str, turn: int, at_ms: float | None, *, silence_ms: float = 0.0) -> None:
        """The provider has taken an utterance that ends at ``at_ms`` of the link's sound.

        Without a time it is the oldest that we ended, or heard to be over; else what was sent so far, but
        for ``silence_ms`` at its end, which a detector had to hear before.
        """
        ours = next((end for end in self._ends if end.passed and not end.taken), None)
        if at_ms is not None:
            upto = self._on_link(at_ms)
        elif ours is not None:
            upto = ours.at
        else:
            over = self.stretches.over_by(self._sound.sent)
            upto = over if over is not None else self._sound.sent - _ticks(silence_ms)
        begin, self._committed = self._committed, max(self._committed, upto)
        for end in self._ends:
            end.taken = end.taken or (end.passed and end.at <= self._committed)
        self.stretches.taken(self._committed)
        self._taken.append(_Taken(name, turn, begin, self._committed))
        if len(self._taken) > MARKS:
            self._taken[0].done = True
        self._forget_settled()

    def settle(self, name: str) -> None:
        """The words of an utterance are known: it is never sent again."""
        for taken in self._taken:
            taken.done = taken.done or taken.name == name
        self._forget_settled()

    def is_settled(self, name: str) -> bool:
        """Whether an utterance that was committed is not sent again."""
        return not any(taken.name == name and not taken.done for taken in self._taken)

    def settle_turns(self, upto: int) -> None:
        """A turn is over and done with, and all before it: what was said in them is never sent again."""
        for taken in self._taken:
            taken.done = taken.done or taken.turn <= upto
        self._forget_settled()

    # -- links ------------------------------------------------------------------------------

    def detach(self) -> None:
        """The link takes no more."""
        self._link = None

    def attach(
        self,
        link: Link,
        *,
        again: bool,
        awaited: Collection[str] = (),
        unsent_ms: float = 0.0,
        silence_ms: float | None = None,
    ) -> Attached:
        """Send to this link from now on: first all that is not committed, or not settled (``again``).

        Utterances whose words are ``awaited`` from the link before are not sent again either way.

        ``unsent_ms`` is what the link before had queued and not put on its socket. Of what was sent and is
        silence, as far as we hear, the newest ``silence_ms`` are sent again; None takes nothing for silence,
        as where the provider has heard somebody.
        """
        received = self._sound.sent - _ticks(unsent_ms)
        gone = [
            *self._gone,
            *((t.begin, t.end) for t in self._taken if t.done or not again or t.name in awaited),
        ]
        if silence_ms is not None and all(end.taken for end in self._ends):
            speech = self.stretches.begin
            newest = received - _ticks(silence_ms)
            gone.append(
                (self._committed, newest if speech is None else min(received, speech - _ticks(LEAD_MS)))
            )
        begun = self._begun
        rewound = self._sound.rewind(gone, received)
        self._ends = [
            _End(rewound.place(end.at), end.turn)
            for end in self._ends
            if not end.passed or rewound.keeps_before(end.at)
        ]
        self.stretches.moved(rewound)
        self._begun = rewound.place(begun)
        self._committed = 0
        self._taken, self._gone = [], []
        self._resampler = None
        self._link = link
        self.pump()
        return Attached(_ms(rewound.resent), _ms(rewound.cached))

    def pump(self) -> None:
        """Give the link what it has room for."""
        link = self._link
        if link is None:
            return
        while True:
            self._tell_ends(link)
            if not self._sound.has_next or not link.has_room:
                break
            until = next((end.at for end in self._ends if not end.passed), None)
            self._forward(link, self._sound.take(until))
        self._see_room()

    def reset(self) -> None:
        """Forget everything, as at the end of a session."""
        self.detach()
        self._ends.clear()
        self.discard()
        self._taken.clear()
        self._forget_settled()

    # -- own work ---------------------------------------------------------------------------

    def _tell_ends(self, link: Link) -> None:
        for end in list(self._ends):
            if not end.passed and end.at <= self._sound.sent:
                end.passed = True
                self._flush(link)
                self._resampler = None
                self.on_end(end.turn)

    def _forward(self, link: Link, chunk: Chunk) -> None:
        target = link.codec.capabilities.input_rate
        held = self._resampler
        if held is None or (held.source_rate, held.target_rate) != (chunk.rate, target):
            self._flush(link)
            held = self._resampler = pcm.Resampler(chunk.rate, target)
        if ready := held.push(chunk.pcm):
            link.send(AppendAudio(ready))

    def _flush(self, link: Link) -> None:
        if self._resampler is not None and (rest := self._resampler.drain()):
            link.send(AppendAudio(rest))

    def _on_link(self, at_ms: float) -> int:
        """A position from a time that the provider tells; never outside of what it can mean."""
        believable = min(max(at_ms, 0.0), FAR_MS)
        return min(self._sound.sent, max(self._committed, _ticks(believable)))

    def _quiet_up_to(self, position: int) -> None:
        """What came since the last commit, up to a position, was silence."""
        upto = min(position, self._sound.sent)
        if upto > self._committed and all(end.taken for end in self._ends):
            self._gone.append((self._committed, upto))
            self._committed = upto
            self._forget_settled()

    def _bound(self) -> None:
        at = self._sound.fresh_at
        gone = self._sound.bound(IDLE_S if self.idle else UNSENT_S)
        if gone:
            self.stretches.shifted(at, gone)
            for end in self._ends:
                end.at = without(end.at, at, gone)
            self._drop_empty_ends()
            self._begun = without(self._begun, at, gone)
            if not self.idle:
                self.dropped_ms += _ms(gone)
        self._committed = max(self._committed, self._sound.first)

    def _forget_settled(self) -> None:
        """Let go of what nobody asks for any more at the beginning of the sound."""
        self._taken = [taken for taken in self._taken if not taken.done or self._note_gone(taken)]
        settled = self._taken[0].begin if self._taken else self._committed
        self._sound.forget(settled)
        self.stretches.forget(self._sound.first)
        self._gone = [(begin, end) for begin, end in self._gone if end > self._sound.first]
        self._ends = [end for end in self._ends if not end.taken or end.at > settled]

    def _note_gone(self, taken: _Taken) -> bool:
        self._gone.append((taken.begin, taken.end))
        for end in self._ends:
            end.done = end.done or (end.taken and taken.begin < end.at <= taken.end)
        return False

    def _drop_empty_ends(self) -> None:
        """An utterance whose sound was lost as a whole has no end to be told."""
        kept: list[_End] = []
        before = self._committed
        for end in self._ends:
            if end.passed or end.at > before:
                kept.append(end)
            before = max(before, end.at)
        self._ends = kept

    def _see_room(self) -> None:
        if self._sound.end - self._sound.sent <= self._room_ticks():
            self._room.set()

    def _room_ticks(self) -> int:
        """How much may wait before a fast sender has to: without a link, as much as is kept."""
        return (ROOM_S if self._link is not None else UNSENT_S - ROOM_S) * TICKS


def _ms(ticks: int) -> float:
    return ticks * 1000.0 / TICKS


def _ticks(ms: float) -> int:
    return round(ms * TICKS / 1000.0)
