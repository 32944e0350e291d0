"""Which played samples belong to a frame of the microphone. Pure.

The engine finds the echo by itself when what was played reaches it early, by up to half a second, and always
equally early: a lead that changes by 0.4 ms a second costs 30 dB, and an echo that comes before what was
played is not cancelled at all (both measured). So the two streams are laid side by side by count: the frame
that comes from the microphone now goes with the last block that the loudspeaker has taken by now, which is
heard later by both devices' latencies, whatever they are.

The streams may run on two clocks: a slow difference is followed by single samples. A sudden one (a stream
that ran dry, a computer that slept) is followed at once when it lasts.
"""

from __future__ import annotations

SPARE_MS = 2.0
"""By how much earlier than the latest block there is what is taken: clocks are known that well."""

SMOOTH_S, DEAD_ZONE_MS = 2.0, 0.25
"""Over how long a slow difference is averaged, and how much of it is let be."""

STEP_S = 0.07
"""A slow difference is followed by one sample in this time: 300 ppm at 48 kHz, three times what sound cards
differ by."""

JUMP_MS, JUMP_FRAMES = 2.0, 10
"""A difference that clocks do not explain, and how many frames it lasts before it is believed."""


class Aligner:
    """Places frames of the microphone on the played stream; positions are samples at one rate."""

    def __init__(self, rate: int, frame: int) -> None:
        """For frames of ``frame`` samples at ``rate`` Hz."""
        per_ms, frames_per_s = rate / 1000.0, rate / frame
        self._behind = frame + round(SPARE_MS * per_ms)
        self._share = 1.0 / (SMOOTH_S * frames_per_s)
        self._dead = DEAD_ZONE_MS * per_ms
        self._jump = JUMP_MS * per_ms
        self._step_frames = max(1, round(STEP_S * frames_per_s))
        self._offset: int | None = None
        self._error = 0.0
        self._astray = 0
        self._since_step = 0
        self.jumps = 0
        """How often a sudden difference was followed."""

    @property
    def is_astray(self) -> bool:
        """Whether the streams are not where they are taken to be."""
        return self._astray > 0

    def place(self, position: int, wanted: float) -> int:
        """Where the frame at ``position`` begins on the played stream; perhaps it is not there yet.

        ``wanted`` is how many samples the played stream is ahead when both come in time.
        """
        self._offset = self._followed(wanted - self._behind)
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
        self._since_step += 1
        self._error += (slip - self._error) * self._share
        if abs(self._error) <= self._dead or self._since_step < self._step_frames:
            return self._offset
        self._since_step = 0
        step = 1 if self._error > 0 else -1
        self._error -= step
        return self._offset + step
