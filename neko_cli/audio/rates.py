"""Which sample rates devices take, by asking each one without playing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neko_cli.audio import portaudio
from neko_cli.audio.lane import LaneStuck
from neko_cli.core.ports import DeviceInfo

USUAL_RATES = (8_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000)
"""In Hz; speech models use 16 and 24 kHz, headsets on the telephone 8 and 16 kHz."""

DEADLINE_S = 5.0


async def rates_taken(devices: Sequence[DeviceInfo]) -> Mapping[int, tuple[int, ...]]:
    """The usual rates that each device takes, by its index; none for one that is busy or does not answer."""
    taken: dict[int, tuple[int, ...]] = {}

    def ask() -> None:
        sd = portaudio.library()
        for device in devices:
            taken[device.index] = tuple(rate for rate in USUAL_RATES if _takes(sd, device, rate))

    try:
        await portaudio.LANE.run(ask, deadline=DEADLINE_S)
    except LaneStuck:
        portaudio.leave_behind()
    return dict(taken)


def _takes(sd: Any, device: DeviceInfo, rate: int) -> bool:
    check = sd.check_output_settings if device.outputs else sd.check_input_settings
    try:
        check(device=device.index, channels=1, dtype="int16", samplerate=rate)
    except (sd.PortAudioError, ValueError):
        return False
    return True
