"""May a microphone and a loudspeaker run as one stream? Pure.

One stream is right where the device itself is one clock: then both ways stay side by side for ever. Behind a
sound server it is not, though both ways have one name there. Measured with PortAudio over PulseAudio's ALSA
plugin: 1 to 4 samples are inserted in the middle of a reply with blocks of 10 ms, and ``Pa_AbortStream`` can
hang when the server is killed.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from neko_cli.core.ports import DeviceInfo
from neko_cli.core.ports_sound import Streams

ANY = re.compile("")
CARD = re.compile(r"\(hw:\d+,\d+\)")
"""In PortAudio's names of sound cards; those of ALSA's plugins (default, pulse, dmix, plughw…) lack it."""

ONE_CLOCK = {"Core Audio": ANY, "ASIO": ANY, "JACK Audio Connection Kit": ANY, "ALSA": CARD}
"""Host APIs where a device that goes both ways has one clock, if its name is of this kind. Elsewhere each
way is a device of its own."""


def is_one_clock(device: DeviceInfo) -> bool:
    """Whether the device's two ways run on one clock, without a sound server between."""
    kind = ONE_CLOCK.get(device.host_api)
    return kind is not None and kind.search(device.name) is not None


def can_share(device: DeviceInfo, streams: Streams) -> bool:
    """Whether one stream of this device is to run both ways, if both are wanted of it."""
    goes_both_ways = device.inputs > 0 and device.outputs > 0
    wanted = streams is Streams.ONE or (streams is Streams.AUTO and is_one_clock(device))
    return goes_both_ways and wanted


def may_share(
    microphone: DeviceInfo,
    loudspeaker: DeviceInfo,
    *,
    streams: Streams,
    rate: int,
    rates: Collection[int],
    idle: bool,
) -> bool:
    """Whether a side that is about to open joins the other one's stream, which runs at ``rate`` Hz.

    ``rates`` are its own in Hz; ``idle`` says that nothing is played or waits, so that nothing is cut.
    """
    return (
        idle
        and microphone.index == loudspeaker.index
        and microphone.host_api == loudspeaker.host_api
        and can_share(microphone, streams)
        and loudspeaker.outputs > 0
        and rate in rates
    )
