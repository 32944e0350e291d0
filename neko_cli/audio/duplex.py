"""One stream for a microphone and a loudspeaker that are the same device: both run on one clock.

The loudspeaker opens first, with a stream of its own. A microphone that opens while nothing is played takes
that stream's place with one that runs both ways; when it closes, the loudspeaker gets a stream of its own
again. What waits to be played stays with the loudspeaker meanwhile, so that nothing is lost or repeated.
A loudspeaker that closes first leaves the stream to the microphone, and silence. Which devices share is
decided in ``duplex_plan``; a loudspeaker that does not is left alone with its stream.

Everything here runs on the lane, which makes each change whole; only the device calls a ``Duplex``.
"""

from __future__ import annotations

import contextlib
import logging
import time
from functools import partial
from typing import Any

from neko_cli.audio.blocks import Blocks
from neko_cli.audio.duplex_plan import can_share, may_share
from neko_cli.audio.duplex_sides import Player, Side
from neko_cli.audio.opening import Callback, StreamEnd, new_stream
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.ports_sound import Streams

log = logging.getLogger(__name__)

PATIENCE_S = 0.3
"""Waited at most for the end of what the device has taken; stopping a stream waits for the rest."""

LOOK_S = 0.001

LATENCY_S = 0.02
"""Asked for. The device gives blocks of its own length: where one stream runs both ways, PortAudio doubles
samples now and then when it is asked for blocks of 10 ms and gets pieces (measured with PulseAudio)."""

OWN_LENGTH = 0
"""Of blocks: the device's own."""


class DuplexPair:
    """Knows the loudspeaker that a microphone may join, and the stream that a loudspeaker may join."""

    def __init__(self, streams: Streams) -> None:
        """Nothing is open."""
        self._can_share = partial(can_share, streams=streams)
        self._may_share = partial(may_share, streams=streams)
        self.outlet: Outlet | None = None
        """The loudspeaker that was opened last."""
        self.silent: Duplex | None = None
        """The microphone's stream whose loudspeaker is closed."""

    def outlet_for(
        self, sd: Any, device: DeviceInfo, rate: int, stream: Any, end: StreamEnd, side: Side, player: Player
    ) -> Any:
        """A loudspeaker's own stream, not yet started; as one that a microphone may join, if one may."""
        if not self._can_share(device):
            return stream
        self.outlet = Outlet(self, sd, device, rate, side, player)
        self.outlet.stream, self.outlet.end = stream, end
        return self.outlet

    def join(
        self, sd: Any, device: DeviceInfo, rates: tuple[int, ...], side: Side
    ) -> tuple[Duplex | Outlet, int] | None:
        """A stream for ``side`` that its partner has already, and its rate; None: it needs its own."""
        if side.player is not None:
            return self._loudspeaker(sd, device, rates, side, side.player)
        outlet = self.outlet
        if outlet is None or outlet.duplex is not None or outlet.side.is_dead():
            return None
        idle = outlet.player.is_idle
        if not self._may_share(device, outlet.device, rate=outlet.rate, rates=rates, idle=idle):
            return None
        try:
            sd.check_input_settings(device=device.index, channels=1, dtype="int16", samplerate=outlet.rate)
        except (sd.PortAudioError, ValueError):
            return None
        duplex = outlet.share(side)
        return (duplex, outlet.rate) if duplex is not None else None

    def _loudspeaker(
        self, sd: Any, device: DeviceInfo, rates: tuple[int, ...], side: Side, player: Player
    ) -> tuple[Outlet, int] | None:
        duplex = self.silent
        if duplex is None or duplex.microphone.is_dead() or not duplex.stream.active:
            return None
        if not self._may_share(duplex.device, device, rate=duplex.rate, rates=rates, idle=True):
            return None
        self.silent, self.outlet = None, Outlet(self, sd, device, duplex.rate, side, player)
        self.outlet.duplex, duplex.outlet = duplex, self.outlet
        return self.outlet, duplex.rate


class Outlet:
    """A loudspeaker's stream, exchanged beneath it; for the loudspeaker it is one and the same."""

    def __init__(
        self, pair: DuplexPair, sd: Any, device: DeviceInfo, rate: int, side: Side, player: Player
    ) -> None:
        """It gets a stream of its own, or part of a duplex one, before it is used."""
        self._pair = pair
        self._sd = sd
        self.device = device
        self.rate = rate
        self.side = side
        self.player = player
        self.stream: Any = None
        self.end = StreamEnd()
        self.duplex: Duplex | None = None

    @property
    def latency(self) -> float:
        """The device's output latency in seconds."""
        return float(self.duplex.stream.latency[1] if self.duplex is not None else self.stream.latency)

    def start(self) -> None:
        """Callbacks begin."""
        if self.duplex is None:
            self.stream.start()
            return
        self.duplex.end.told = (self.side.ended, self.duplex.microphone.ended)
        self.player.moved(self.latency, in_pieces=True)
        self.duplex.play(self.side.callback, self.player)

    def abort(self) -> None:
        """Stop at once; what the device holds is dropped, unless the microphone goes on."""
        if self.duplex is None:
            self.stream.abort()
            return
        self.duplex.fall_silent()
        self.duplex.end.told = (self.duplex.microphone.ended,)

    def close(self) -> None:
        """Let go of the device, or leave it to the microphone."""
        if self._pair.outlet is self:
            self._pair.outlet = None
        if self.duplex is None:
            self.stream.close()
            return
        self.duplex.outlet = None
        if not self.side.is_dead():
            self._pair.silent = self.duplex
        self.duplex = None

    def share(self, microphone: Side) -> Duplex | None:
        """Exchange its own stream for a duplex one, which runs then; None when it goes on as it was."""
        try:
            if not self._is_silent():
                return None
            self.end.told = ()
            self._let_go(self.stream, at_once=True)
            try:
                self.duplex = Duplex(self._pair, self._sd, self, microphone)
            except (self._sd.PortAudioError, ValueError) as error:
                log.info(
                    "%r does not run both ways at once, so there are two streams: %s", self.device.name, error
                )
                self.alone()
            return self.duplex
        finally:
            self.player.pause(False)

    def leave(self, duplex: Duplex) -> None:
        """The microphone closes: stop the duplex stream when all it has taken is heard, and go on alone."""
        try:
            if not self.side.is_dead():
                self._is_silent()
            self._let_go(duplex.stream, at_once=self.side.is_dead())
            self.duplex = None
            self.alone()
        finally:
            self.player.pause(False)

    def alone(self) -> None:
        """Play on a stream of its own again; a device that takes none is lost."""
        self.end = StreamEnd(self.side.ended)
        self.stream = _NoStream()
        if self.side.is_dead():
            return
        make = self._sd.RawOutputStream
        try:
            self.stream = new_stream(self._sd, make, self.device, self.rate, self.side.callback, self.end)
            self.player.moved(self.latency, in_pieces=False)
            self.stream.start()
        except (self._sd.PortAudioError, ValueError) as error:
            log.info("the loudspeaker %r did not open again: %s", self.device.name, error)
            self.side.ended()

    def _let_go(self, stream: Any, *, at_once: bool) -> None:
        """Close a stream, which may be dead; if not at once, what it has taken is heard."""
        with contextlib.suppress(self._sd.PortAudioError):
            (stream.abort if at_once else stream.stop)()
        with contextlib.suppress(self._sd.PortAudioError):
            stream.close()

    def _is_silent(self) -> bool:
        """Pause, and wait until nothing of it is on its way any more."""
        self.player.pause(True)
        end = time.monotonic() + PATIENCE_S
        while not self.player.rests:
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_S)
        return True


class Duplex:
    """One stream that runs both ways, and the microphone's hold on it."""

    def __init__(self, pair: DuplexPair, sd: Any, outlet: Outlet, microphone: Side) -> None:
        """Runs from here on, without the microphone's sound before ``start``; raises PortAudioError."""
        self._pair = pair
        self.device = outlet.device
        self.rate = outlet.rate
        self.microphone = microphone
        self.outlet: Outlet | None = outlet
        self.end = StreamEnd()
        self._copy: Callback | None = None
        self._plays: tuple[Blocks, Player] | None = None
        self.stream = new_stream(
            sd,
            sd.RawStream,
            outlet.device,
            outlet.rate,
            self,
            self.end,
            blocks=OWN_LENGTH,
            latency=LATENCY_S,
        )
        try:
            outlet.player.moved(float(self.stream.latency[1]), in_pieces=True)
            self.play(outlet.side.callback, outlet.player)
            self.stream.start()
        except BaseException:
            with contextlib.suppress(Exception):
                self.stream.close()
            raise
        self.end.told = (outlet.side.ended, microphone.ended)

    def __call__(self, sound: Any, block: Any, frames: int, time: Any, status: Any) -> None:
        """PortAudio's callback: copies. The loudspeaker is asked for blocks of 10 ms all the same."""
        if (copy := self._copy) is not None:
            copy(sound, frames, time, status)
        out = memoryview(block)
        if (plays := self._plays) is None:
            out[:] = bytes(len(out))
            return
        blocks, player = plays
        blocks.fill(out, time, status)
        player.tell(out, time)

    def play(self, fill: Callback, player: Player) -> None:
        """A loudspeaker is heard from the next block on."""
        self._plays = Blocks(self.rate, fill), player

    def fall_silent(self) -> None:
        """No loudspeaker is heard any more, nor what is left of its latest block."""
        self._plays = None

    @property
    def latency(self) -> float:
        """The device's input latency in seconds."""
        return float(self.stream.latency[0])

    def start(self) -> None:
        """The microphone's sound is copied from the next block on."""
        self._copy = self.microphone.callback

    def abort(self) -> None:
        """No more of the microphone's sound is copied."""
        self._copy = None

    def close(self) -> None:
        """Let go of the device; a loudspeaker goes on alone."""
        self.end.told = ()
        if self._pair.silent is self:
            self._pair.silent = None
        if self.outlet is not None:
            self.outlet.leave(self)
            return
        self.stream.abort()
        self.stream.close()


class _NoStream:
    """In the place of a stream that could not be opened."""

    latency = 0.0

    def abort(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""
