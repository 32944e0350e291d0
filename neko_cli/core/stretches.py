"""Where somebody spoke in the sound that goes to the provider, by our own hearing. Pure.

Providers that do not say which sound an utterance was (``SpeechBegan`` without a time, or nothing at
all) take one stretch after another: speech, and the silence that ends it. Positions are ticks.
"""

from __future__ import annotations

from collections import deque

import msgspec

from neko_cli.core import pcm
from neko_cli.core.kept_sound import TICKS, Rewound
from neko_cli.core.wake import SoundGate

FRAME_MS = 20.0
"""Longest piece of sound that is judged as one."""

LEAST_MS = 60.0
"""Speech shorter than this may be a click that no provider takes for an utterance."""

LIMIT = 64
"""Stretches that may wait for the provider; the oldest is forgotten beyond that."""


class Stretch(msgspec.Struct):
    """Speech from ``begin`` to ``loud_to``; over at ``end``, when it had been quiet for long enough."""

    begin: int
    loud_to: int
    end: int | None = None
    loud_ms: float = 0.0
    taken: bool = False
    """Whether the present link's provider has taken it."""


class Stretches:
    """All that was heard in the sound that is kept, oldest first; mostly about what no provider took yet."""

    def __init__(self) -> None:
        self._gate: SoundGate | None = None
        self._rate = 0
        self._quiet_ms = 0.0
        self._found: deque[Stretch] = deque(maxlen=LIMIT)
        self.silence_ms = 700.0
        """Silence that ends an utterance, as the provider was told."""

    def hear(self, sound: bytes, rate: int, position: int) -> bool:
        """Sound at a position; returns whether there is speech in it."""
        if self._gate is None or self._rate != rate:
            self._gate, self._rate = SoundGate(rate), rate
        step = max(2, pcm.bytes_for(FRAME_MS, rate))
        spoken = False
        for at in range(0, len(sound), step):
            frame = sound[at : at + step]
            begin = position + at // 2 * TICKS // rate
            self._gate.heard(frame)
            spoken |= self._gate.is_loud
            self._note(self._gate.is_loud, begin, len(frame) // 2 * TICKS // rate)
        return spoken

    @property
    def any(self) -> bool:
        """Whether there is speech that the provider has not taken."""
        return any(not found.taken for found in self._found)

    @property
    def open(self) -> bool:
        """Whether somebody speaks now."""
        return bool(self._found) and self._found[-1].end is None and not self._found[-1].taken

    @property
    def is_sure(self) -> bool:
        """Whether somebody speaks now, for long enough that it is no click."""
        return self.open and self._gate is not None and self._gate.is_open

    @property
    def begin(self) -> int | None:
        """Where the oldest begins."""
        return next((found.begin for found in self._found if not found.taken), None)

    def over_by(self, position: int) -> int | None:
        """Where the oldest one is over that lies before a position as a whole.

        Clicks are passed over, unless there is nothing but clicks.
        """
        whole = self._over_by(position)
        chosen = next((found for found in whole if found.loud_ms >= LEAST_MS), whole[-1] if whole else None)
        return chosen.end if chosen is not None else None

    def last_over_by(self, position: int) -> int | None:
        """Where the newest one is over that lies before a position as a whole."""
        whole = self._over_by(position)
        return whole[-1].end if whole else None

    def taken(self, upto: int) -> None:
        """The provider has taken everything before a position."""
        for found in self._found:
            if found.loud_to <= upto:
                found.taken = True
                found.end = upto if found.end is None else found.end
            elif found.begin < upto:
                found.begin = upto

    def forget(self, upto: int) -> None:
        """Sound before a position is not kept any more."""
        while self._found and self._found[0].taken and self._found[0].loud_to <= upto:
            self._found.popleft()

    def moved(self, rewound: Rewound) -> None:
        """Positions count anew, for a provider that has taken nothing; what was cut out is gone."""
        for found in self._found:
            found.taken = False
            found.begin, found.loud_to = rewound.place(found.begin), rewound.place(found.loud_to)
            if found.end is not None:
                found.end = rewound.place(found.end)
        self._found = deque((found for found in self._found if found.loud_to > found.begin), maxlen=LIMIT)

    def shifted(self, at: int, gone: int) -> None:
        """So much sound behind a position is gone."""
        for found in self._found:
            found.begin = without(found.begin, at, gone)
            found.loud_to = without(found.loud_to, at, gone)
            if found.end is not None:
                found.end = without(found.end, at, gone)
        self._found = deque((found for found in self._found if found.loud_to > found.begin), maxlen=LIMIT)

    def close(self, position: int) -> None:
        """No more sound comes: who speaks has ended."""
        if self.open:
            self._found[-1].end = position
        self._quiet_ms = 0.0

    def clear(self) -> None:
        """Nothing matters any more that was heard and not taken."""
        self._found = deque((found for found in self._found if found.taken), maxlen=LIMIT)
        self._quiet_ms = 0.0

    def _over_by(self, position: int) -> list[Stretch]:
        untaken = (found for found in self._found if not found.taken)
        return [found for found in untaken if found.end is not None and found.end <= position]

    def _note(self, loud: bool, begin: int, ticks: int) -> None:
        ms = ticks * 1000.0 / TICKS
        if loud:
            if not self.open:
                self._found.append(Stretch(begin, begin))
            self._found[-1].loud_ms += ms
            self._found[-1].loud_to = begin + ticks
            self._quiet_ms = 0.0
        elif self.open:
            self._quiet_ms += ms
            if self._quiet_ms >= self.silence_ms - 1e-6:
                self._found[-1].end = begin + ticks
                self._quiet_ms = 0.0


def without(position: int, at: int, gone: int) -> int:
    """Where a position is once so many ticks behind another one are cut out."""
    return position if position <= at else max(at, position - gone)
