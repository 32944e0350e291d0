"""Which played samples belong to a frame of the microphone. Pure.

The engine finds the echo by itself when what was played reaches it up to half a second early, and not at
all when it comes late. So both streams are laid side by side by their devices' times, with the played
one ahead by LEAD_MS, or by less where the device is given its sound so late that it is not there yet.

The streams run on two clocks, and their times jitter (by 8 ms with PulseAudio, measured). A slow
difference is followed one sample a frame, which the engine does not notice; a sudden one (a stream that ran
dry or was moved, a computer that slept) at once.
"""

from __future__ import annotations

LEAD_MS = 120.0
"""How far the played sound is ahead of its device's word; devices err by tens of milliseconds (the ALSA
plugin of PulseAudio claims 50 ms there and back where 30 are measured)."""

SPARE_MS = 12.0
"""Room that is left when the lead has to be shortened: jitter, and a block, since blocks slide against each
other when the clocks differ. From one callback to the other through the air it is two blocks at least."""

FIRST_S = 1.0
"""So long at the beginning the lead is shortened at once by what is missing."""

STEP_MS = 0.1
"""Later it is by so much a frame, which the engine does not notice: a whole step of 2 ms costs a second of
echo (measured), and much is missing only when the loudspeaker itself ran dry."""

SHORTEST_MS = -380.0
"""The lead is never shortened beyond this: such a device has no times to go by."""

RELAX_S, RELAX_MS = 5.0, 15.0
"""The lead grows again when a stretch so long shows that so much more was there all the time."""

SMOOTH_S, DEAD_ZONE_MS = 5.0, 0.5
"""Over how long jitter is averaged, and how much of the rest is let be."""

JUMP_MS, JUMP_FRAMES = 25.0, 20
"""A difference that jitter does not explain, and how long it lasts before it is believed."""


class Aligner:
    """Places frames of the microphone on the played stream; positions are samples at one rate."""

    def __init__(self, rate: int, frame: int) -> None:
        """For frames of ``frame`` samples at ``rate`` Hz."""
        per_ms, frames_per_s = rate / 1000.0, rate / frame
        self._frame = frame
        self._spare = round(SPARE_MS * per_ms)
        self._step = max(1, round(STEP_MS * per_ms))
        self._most = round((LEAD_MS - SHORTEST_MS) * per_ms)
        self._relax = round(RELAX_MS * per_ms)
        self._relax_frames = round(RELAX_S * frames_per_s)
        self._settling = round(FIRST_S * frames_per_s)
        self._share = 1.0 / (SMOOTH_S * frames_per_s)
        self._dead = DEAD_ZONE_MS * per_ms
        self._jump = JUMP_MS * per_ms
        self._offset: int | None = None
        self._error = 0.0
        self._astray = 0
        self._needed = 0
        self._looked = 0
        self.held_back = 0
        """By how many samples the lead is shortened."""
        self.jumps = 0
        """How often a sudden difference was followed."""

    def place(self, position: int, wanted: float, available: int) -> int:
        """Where the frame at ``position`` begins on the played stream; perhaps beyond its end.

        ``wanted`` is the difference of the streams' positions by their devices' times, the lead
        included; ``available`` is where the played stream ends so far.
        """
        offset = self._followed(wanted - self.held_back)
        missing = position + offset + self._frame - available
        self._offset = offset - self._shortened_by(missing)
        self._offset += self._given_back(missing)
        return position + self._offset

    def _followed(self, wanted: float) -> int:
        """The offset, moved towards what is wanted."""
        if self._offset is None:
            return round(wanted)
        slip = wanted - self._offset
        if abs(slip) > self._jump:
            self._astray += 1
            if self._astray < JUMP_FRAMES:
                return self._offset
            self._error, self._astray = 0.0, 0
            self.jumps += 1
            return round(wanted)
        self._astray = 0
        self._error += (slip - self._error) * self._share
        if abs(self._error) <= self._dead:
            return self._offset
        step = 1 if self._error > 0 else -1
        self._error -= step
        return self._offset + step

    def _shortened_by(self, missing: int) -> int:
        """How much of the lead is given up for what is not there yet."""
        self._settling = max(0, self._settling - 1)
        if missing <= 0 or self._astray:
            return 0
        more = missing + self._spare if self._settling else min(missing, self._step)
        more = min(more, self._most - self.held_back)
        self.held_back += more
        return more

    def _given_back(self, missing: int) -> int:
        """How much of the lead is taken back, since it was there for long."""
        self._needed = (
            max(self._needed, missing + self.held_back) if self._looked else missing + self.held_back
        )
        self._looked += 1
        if self._looked < self._relax_frames:
            return 0
        self._looked = 0
        more = self.held_back - max(0, self._needed + self._spare)
        if more < self._relax:
            return 0
        self.held_back -= more
        return more
