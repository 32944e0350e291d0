"""The sound system (core's ``Sound``): lists devices, makes microphones and loudspeakers."""

from __future__ import annotations

from collections.abc import Sequence

from neko_cli.audio import portaudio
from neko_cli.audio.lane import LaneStuck
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.speaker import DeviceSpeaker
from neko_cli.audio.streams import not_answering, read_devices
from neko_cli.core.ports import DeviceInfo

LIST_DEADLINE_S = 3.0


class DeviceSound:
    """PortAudio's devices. Making one costs nothing: the library is loaded at the first use."""

    async def devices(self) -> Sequence[DeviceInfo]:
        """All devices, none when there are none; plugged-in ones are seen while no stream is open.

        Raises AudioError when PortAudio is missing or the sound system hangs.
        """
        portaudio.mark_stale()
        try:
            return await portaudio.LANE.run(read_devices, deadline=LIST_DEADLINE_S)
        except LaneStuck:
            portaudio.leave_behind()
            raise not_answering() from None

    def microphone(self, name: str = "") -> DeviceMicrophone:
        """A microphone by name, number or part of a name; empty for the default."""
        return DeviceMicrophone(name)

    def speaker(self, name: str = "") -> DeviceSpeaker:
        """A loudspeaker, chosen likewise."""
        return DeviceSpeaker(name)
