"""May a microphone and a loudspeaker run as one stream? Pure."""

from __future__ import annotations

from collections.abc import Collection

from neko_cli.core.ports import DeviceInfo

BOTH_WAYS = ("ALSA", "Core Audio", "ASIO", "JACK Audio Connection Kit")
"""Host APIs where one device can record and play; elsewhere each way is a device of its own."""


def may_share(
    microphone: DeviceInfo, loudspeaker: DeviceInfo, *, rate: int, rates: Collection[int], idle: bool
) -> bool:
    """Whether a microphone that is about to open joins the loudspeaker's stream, which runs at ``rate``.

    ``rates`` are the microphone's; ``idle`` says that nothing is played or waits, so that nothing is cut.
    """
    return (
        idle
        and microphone.index == loudspeaker.index
        and microphone.host_api == loudspeaker.host_api
        and microphone.host_api in BOTH_WAYS
        and microphone.inputs > 0
        and loudspeaker.outputs > 0
        and rate in rates
    )
