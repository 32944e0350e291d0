"""How much of a reply's sound is held back before it is played, so that it does not stutter. Pure.

A reply starts with its first two pieces while its pieces come in time, as they do from servers that send
faster than real time, and with its first one a moment later where they come one by one. How late pieces came
in the last replies is how much is held back at the start of the next one (the play-out delay of RFC 3550's
receivers, by the largest lateness instead of a mean).

How late a piece came is told by the first one of its reply, which may itself have been late. So where pieces
come by more than ``JITTERY_MS`` irregularly, it counts by how much one was later than any before it.
"""

from __future__ import annotations

from collections import deque

LONGEST_MS = 400.0
"""No more is held back than this: later sound is a stall, which no wait can hide in a conversation."""

AFTER_UNDERRUN_MS = 10.0
"""Held back before a reply goes on that had run dry: by being late it has gained time already, and more makes
the silence longer."""

REPLIES = 8
"""Replies whose lateness counts; the wait shrinks again when a late one is that old."""

JITTERY_MS = 40.0
"""More than event loops, and the machines of a quiet network, are irregular by."""

MORE = (1.4, 1.2, 1.1)
"""So many times what was seen in the first reply, in the second, and in every one after those: the spread of
twenty even samples is nine tenths of what they come from, and of fewer less."""

OWN_MS = 20.0
"""By less than this a busy machine makes a piece late: that counts only where the reply ran dry for it."""

LEAST_MS = 7.0
"""Event loops and sockets deliver up to so late. The first piece of a reply waits as long for the second one,
unless that is there before: when pieces come in real time, each is due at the very end of the one before."""


class JitterBuffer:
    """Keeps count of one link's pieces; times in seconds on any steady clock, lengths in ms."""

    def __init__(self) -> None:
        """Nothing is known of the network yet."""
        self._late: deque[float] = deque(maxlen=REPLIES)
        self._begun: float | None = None
        self._length_ms = 0.0
        self._dry = False
        self._longest = self._soonest = 0.0
        self._held_since: float | None = None
        self._held_ms = 0.0
        self.underruns = 0
        """Times that a reply ran dry in its middle."""
        self.late_pieces = 0
        """Pieces that came later than they were due without any wait."""

    @property
    def target_ms(self) -> float:
        """How long a reply waits before it begins, or goes on after it ran dry."""
        # Who ran dry has waited already, only not long enough.
        return AFTER_UNDERRUN_MS if self._dry else max((LEAST_MS, *self._late))

    def begin(self) -> None:
        """Another reply begins with the next piece, which waits."""
        self._begun = self._held_since = None
        self._length_ms = self._held_ms = self._longest = self._soonest = 0.0
        self._dry = False

    def wait_ms(self, now: float) -> float:
        """How much longer what waits is held back; 0 when it is to be played.

        Sound that came faster than it is spoken need not wait: it is there before it is due.
        """
        if self._held_since is None:
            return 0.0
        waited = (now - self._held_since) * 1000.0
        if self._held_ms - waited >= self.target_ms + self._longest:
            return 0.0
        return max(0.0, self.target_ms - waited)

    def came(self, now: float, length_ms: float) -> None:
        """A piece of the reply has come."""
        if self._begun is None:
            self._begun = now
            self._late.append(0.0)
        if self._held_since is None:
            self._held_since = now
        self._held_ms += length_ms
        self._longest = max(self._longest, length_ms)
        late = (now - self._begun) * 1000.0 - self._length_ms
        self._length_ms += length_ms
        self._soonest = min(self._soonest, late)
        if late > LEAST_MS:
            self.late_pieces += 1
        irregular = late - self._soonest
        more = MORE[min(len(self._late), len(MORE)) - 1]
        counts = irregular * more if irregular > JITTERY_MS else late
        if counts > (LEAST_MS if self._dry else OWN_MS):
            self._late[-1] = min(max(self._late[-1], counts), LONGEST_MS)

    def ran_dry(self) -> None:
        """All that had come was played, and the reply was not over: the next piece waits."""
        self.underruns += 1
        self._dry = True
        self._held_since, self._held_ms = None, 0.0

    def goes_on(self) -> None:
        """What was held back is played, and what comes next does not wait."""
        self._dry = False

    def forget(self) -> None:
        """Another link: what the one before did says nothing about it."""
        self._late.clear()
        self.begin()
