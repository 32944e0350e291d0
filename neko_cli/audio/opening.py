"""Makes PortAudio's streams: 16-bit mono in blocks of 10 ms. On the lane only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neko_cli.core.ports import DeviceInfo

BLOCKS_PER_S = 100
"""Blocks of 10 ms."""

Callback = Callable[[Any, int, Any, Any], None]
"""A block, its samples, its times and its status."""


class StreamEnd:
    """What PortAudio calls when a stream has ended: tells those whom it concerns."""

    def __init__(self, *told: Callable[[], None]) -> None:
        """``told`` are called in PortAudio's thread; nobody is, once ``told`` is empty."""
        self.told = told

    def __call__(self) -> None:
        """The stream has ended."""
        for tell in self.told:
            tell()


def new_stream(
    sd: Any,
    make: Any,
    device: DeviceInfo,
    rate: int,
    callback: Callable[..., None],
    end: StreamEnd,
    *,
    blocks: int | None = None,
    latency: float | str = "low",
) -> Any:
    """A stream that is not started; ``make`` is the class for its direction. Raises PortAudioError.

    ``blocks`` are the samples of one, 10 ms unless given; 0 takes what the device gives.
    """
    return make(
        samplerate=rate,
        blocksize=rate // BLOCKS_PER_S if blocks is None else blocks,
        device=device.index,
        channels=1,
        dtype="int16",
        latency=latency,
        extra_settings=_host_settings(sd, device),
        callback=callback,
        finished_callback=end,
    )


def _host_settings(sd: Any, device: DeviceInfo) -> Any:
    """Settings a host needs: WASAPI's shared mode converts rate and channels only when asked to."""
    if "WASAPI" in device.host_api:
        return sd.WasapiSettings(auto_convert=True)
    return None
