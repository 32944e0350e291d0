"""The sound of one run of the program: its devices, the echo between them, and who listens in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neko_cli.core.ports import Microphone, Sound, Speaker
from neko_cli.core.profile import Duplex, Echo, Profile
from neko_cli.wiring.options import Options

if TYPE_CHECKING:
    from neko_cli.audio.echo_care import DeviceEcho
    from neko_cli.audio.speaker import MakeTap


class RunSound:
    """Opens devices by the profile that the run began with; nothing is loaded before one is used."""

    def __init__(self, profile: Profile, options: Options) -> None:
        self._profile = profile
        self._options = options
        self._system: Sound | None = None
        self._echo: DeviceEcho | None = None
        self._taps: list[MakeTap] = []  # of the loudspeaker

    @property
    def system(self) -> Sound:
        """The sound system."""
        if self._system is None:
            from neko_cli.audio.sound import DeviceSound

            streams = self._profile.sound.streams
            self._system = DeviceSound(self._taps, echo=self.echo(), streams=streams)
        return self._system

    def echo(self) -> DeviceEcho | None:
        """What keeps the loudspeaker out of the microphone, where both are used."""
        from neko_cli.audio.echo_care import DeviceEcho

        options, sound = self._options, self._profile.sound
        cancels = sound.duplex is Duplex.AUTO and sound.echo is Echo.AUTO
        wanted = cancels and options.use_microphone and options.use_speaker
        if self._echo is None and wanted:
            self._echo = DeviceEcho()
        return self._echo

    def tap(self, make: MakeTap) -> None:
        """Every loudspeaker that is opened from now on is listened to."""
        self._taps.append(make)

    def microphone(self) -> Microphone:
        """The profile's microphone, not open yet."""
        return self.system.microphone(self._profile.sound.microphone)

    def speaker(self) -> Speaker:
        """The profile's loudspeaker, not open yet."""
        return self.system.speaker(self._profile.sound.speaker)
