"""The sound system (core's ``Sound``): lists devices, makes microphones and loudspeakers."""

from __future__ import annotations

from collections.abc import Sequence

from neko_cli.audio import portaudio
from neko_cli.audio.devices import Kind, pick
from neko_cli.audio.duplex import DuplexPair
from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.audio.lane import LaneStuck
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.speaker import DeviceSpeaker, MakeTap
from neko_cli.audio.streams import not_answering, read_devices
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.ports_sound import Streams

LIST_DEADLINE_S = 3.0


class DeviceSound:
    """PortAudio's devices. Making one costs nothing: the library is loaded at the first use.

    A microphone and a loudspeaker from here run as one stream where that is right.
    """

    def __init__(
        self,
        taps: Sequence[MakeTap] = (),
        *,
        echo: DeviceEcho | None = None,
        streams: Streams = Streams.AUTO,
    ) -> None:
        """``taps`` make what is told of all that loudspeakers play; ``echo`` keeps it from microphones;
        ``streams`` says when both run as one.
        """
        self.echo = echo
        self._pair = DuplexPair(streams) if streams is not Streams.TWO else None
        self._taps = [*taps, echo.tap] if echo is not None else taps

    async def devices(self) -> Sequence[DeviceInfo]:
        """All devices, none when there are none; those too that were plugged in a moment ago.

        Raises AudioError when PortAudio is missing or the sound system hangs.
        """
        portaudio.mark_stale()
        if portaudio.streams_are_open():
            from neko_cli.audio.listing import listed_elsewhere

            devices = await listed_elsewhere()
            if devices is not None:
                return devices
        try:
            return await portaudio.LANE.run(read_devices, deadline=LIST_DEADLINE_S)
        except LaneStuck:
            portaudio.leave_behind()
            raise not_answering() from None

    def microphone(self, name: str = "") -> DeviceMicrophone:
        """A microphone by name, number or part of a name; empty for the default."""
        return DeviceMicrophone(name, echo=self.echo, pair=self._pair)

    def speaker(self, name: str = "") -> DeviceSpeaker:
        """A loudspeaker, chosen likewise."""
        return DeviceSpeaker(name, taps=self._taps, pair=self._pair)

    async def full_name(self, wanted: str, *, microphone: bool) -> str:
        """What a device is called that ``wanted`` means; raises NoMicrophone, NoSpeaker or AudioError."""
        if not wanted.strip():
            return ""
        kind = Kind.MICROPHONE if microphone else Kind.SPEAKER
        return pick(await self.devices(), wanted, kind).name
