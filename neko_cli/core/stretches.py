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


class Stretches:
    """All that was heard and that the provider has not taken yet, oldest first."""

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
        return bool(self._found)

    @property
    def open(self) -> bool:
        """Whether somebody speaks now."""
        return bool(self._found) and self._found[-1].end is None

    @property
    def is_sure(self) -> bool:
        """Whether somebody speaks now, for long enough that it is no click."""
        return self.open and self._gate is not None and self._gate.is_open

    @property
    def begin(self) -> int | None:
        """Where the oldest begins."""
        return self._found[0].begin if self._found else None

    def over_by(self, position: int) -> int | None:
        """Where the oldest one is over that lies before a position as a whole.

        Clicks are passed over, unless there is nothing but clicks.
        """
        whole = [found for found in self._found if found.end is not None and found.end <= position]
        chosen = next((found for found in whole if found.loud_ms >= LEAST_MS), whole[-1] if whole else None)
        return chosen.end if chosen is not None else None

    def last_over_by(self, position: int) -> int | None:
        """Where the newest one is over that lies before a position as a whole."""
        ends = [found.end for found in self._found if found.end is not None and found.end <= position]
        return ends[-1] if ends else None

    def taken(self, upto: int) -> None:
        """The provider has taken everything before a position."""
        while self._found and self._found[0].loud_to <= upto:
            self._found.popleft()
        if self._found:
            self._found[0].begin = max(self._found[0].begin, upto)

    def moved(self, rewound: Rewound) -> None:
        """Positions count anew; what was cut out with its sound is gone."""
        for found in self._found:
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

    def close(self, position: int) -> None:
        """No more sound comes: who speaks has ended."""
        if self.open:
            self._found[-1].end = position
        self._quiet_ms = 0.0

    def clear(self) -> None:
        """Nothing that was heard matters any more."""
        self._found.clear()
        self._quiet_ms = 0.0

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
