"""Who keeps the echo out: our canceller, the sound server's own source, or nobody (core's ``EchoCare``)."""

from __future__ import annotations

import logging
import shutil
import threading
from typing import TYPE_CHECKING

from neko_cli.audio.echo_clock import CaptureClock
from neko_cli.audio.echo_engine import EchoUnavailable
from neko_cli.audio.echo_server import cancels_echo
from neko_cli.audio.programs import output_of
from neko_cli.core.ports_sound import EchoFigure

if TYPE_CHECKING:
    from neko_cli.audio.echo import EchoCanceller
    from neko_cli.audio.speaker import Tap

log = logging.getLogger(__name__)

TRUST_DB = 34.0
"""Echo return loss below which the embedded engine's detector heard speech in what was left (tried)."""

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
        self._settled = False
        self._loading = threading.Lock()  # a loudspeaker opens on the lane, a microphone on the event loop
        self.unavailable: EchoUnavailable | None = None
        """Why echo cannot be cancelled here, once that is known."""

    @property
    def trusted(self) -> bool:
        """See ``EchoCare``."""
        return self._by_server or self._settled

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

    async def microphone_opened(self, name: str) -> None:
        """A microphone of this name is open: whether its sound is free of echo already."""
        source = await _default_source() if name.casefold() in PLUGINS else ""
        self._by_server = cancels_echo(name) or cancels_echo(source)
        self._settled = False
        canceller = self._load()
        if canceller is not None:
            canceller.reset()

    def clean(self, frame: bytes, clock: CaptureClock, first: int, rate: int) -> bytes:
        """A frame of 10 ms without echo, equally long; ``first`` is the number of its first sample."""
        canceller = self._canceller
        if canceller is None or self._by_server:
            return frame
        clean = canceller.process(frame, clock.time_of(first), rate)
        report = canceller.report
        # Detectors hear speech in what is left of an echo while the room is still being learned.
        learned = self._settled or report.erle_db >= TRUST_DB or report.state == "no echo"
        self._settled = report.converged and learned
        return clean

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
