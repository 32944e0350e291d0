"""Who keeps the echo out: our canceller, the sound server's own source, or nobody (core's ``EchoCare``)."""

from __future__ import annotations

import logging
import shutil
import threading
from typing import TYPE_CHECKING

from neko_cli.audio.echo_engine import EchoUnavailable
from neko_cli.audio.echo_server import cancels_echo
from neko_cli.audio.programs import output_of
from neko_cli.core.ports_sound import EchoFigure

if TYPE_CHECKING:
    from neko_cli.audio.echo import EchoCanceller
    from neko_cli.audio.speaker import Tap

log = logging.getLogger(__name__)

ASK_S = 0.5
"""Seconds for the sound server to say what its default source is called."""

PLUGINS = ("pulse", "default", "pipewire")
"""What PortAudio calls a sound server behind ALSA's plugin: the source's own name is not told."""


class DeviceEcho:
    """For the microphone and the loudspeaker of one program; the library is loaded by the first of them."""

    def __init__(self) -> None:
        """Nothing is loaded."""
        self._canceller: EchoCanceller | None = None
        self._by_server = False
        self._ear = 0
        self._orphaned = b""  # what waited of the microphone before the present one
        self._loading = threading.Lock()  # a loudspeaker opens on the lane, a microphone on the event loop
        self.unavailable: EchoUnavailable | None = None
        """Why echo cannot be cancelled here, once that is known."""

    @property
    def trusted(self) -> bool:
        """See ``EchoCare``."""
        return self._by_server or (self._canceller is not None and self._canceller.report.converged)

    @property
    def cancels(self) -> bool:
        """Whether it is our canceller that keeps the echo out."""
        return self._canceller is not None and not self._by_server

    @property
    def hears_somebody(self) -> bool:
        """See ``EchoCare``."""
        if self._by_server or self._canceller is None:
            return True
        report = self._canceller.report
        return report.state == "no echo" or report.double_talk or not report.playing

    @property
    def figure(self) -> EchoFigure:
        """See ``EchoCare``."""
        if self._by_server:
            return EchoFigure("server")
        if self._canceller is None:
            error = self.unavailable
            return EchoFigure("off", reason=str(error) if error is not None else "")
        report = self._canceller.report
        return EchoFigure(report.state.value, round(report.erle_db, 1))

    def tap(self) -> Tap:
        """For a loudspeaker's stream that is about to open."""
        canceller = self._load()
        return canceller.tap() if canceller is not None else _nothing

    async def microphone_opened(self, name: str) -> int:
        """A microphone of this name is open: its number; the one before it is on its way out."""
        source = await _default_source() if name.casefold() in PLUGINS else ""
        self._by_server = cancels_echo(name) or cancels_echo(source)
        canceller = self._load()
        if canceller is not None:
            self._orphaned = canceller.rest()
            canceller.reset()
        self._ear += 1
        return self._ear

    def clean(self, frame: bytes, came_at: float, rate: int, ear: int) -> bytes:
        """What came from a microphone at ``came_at``, without echo: whole frames of 10 ms, none or more.

        They may come late, by WAIT_MS (60 ms) at most, when what was played beside them is told late.
        """
        canceller = self._canceller
        if ear != self._ear:  # nothing is trusted yet, so that none of this is sent while something is played
            return self._take_orphaned() + frame
        if canceller is None or self._by_server:
            return frame
        return canceller.process(frame, came_at, rate)

    def rest(self, ear: int) -> bytes:
        """What still waits of a microphone that is closed."""
        if ear != self._ear:
            return self._take_orphaned()
        return self._canceller.rest() if self._canceller is not None and self.cancels else b""

    def _take_orphaned(self) -> bytes:
        orphaned, self._orphaned = self._orphaned, b""
        return orphaned

    def _load(self) -> EchoCanceller | None:
        with self._loading:
            if self._canceller is None and self.unavailable is None:
                from neko_cli.audio.echo import make_canceller  # loads numpy

                try:
                    self._canceller = make_canceller()
                except EchoUnavailable as error:
                    self.unavailable = error
                    log.info("echo is not cancelled: %s", error.message)
            return self._canceller


def _nothing(block: memoryview, rate: int, heard_at: float) -> None:
    """A tap for nobody."""


async def _default_source() -> str:
    """What the sound server calls its default source; empty when it does not say."""
    program = shutil.which("pactl")
    told = await output_of([program, "get-default-source"], within=ASK_S) if program is not None else None
    return (told or b"").decode("utf-8", "replace").strip()
