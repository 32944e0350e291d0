"""The microphone of a session: made when it is switched on, changed, replaced when it dies, looked for."""

from __future__ import annotations

import asyncio
import contextlib

from neko_cli.core.device_care import Care
from neko_cli.core.device_standing import DeadEar, DeviceKind, Found, Seat
from neko_cli.core.errors import AudioError, MicrophonePermissionError, NoMicrophone
from neko_cli.core.host import SessionHost
from neko_cli.core.microphones import Microphones
from neko_cli.core.pcm import duration_ms
from neko_cli.core.ports import UNKNOWN_DEVICE, Microphone

JUDGED_MS = 100.0
"""Whether a microphone is dead is asked of so much sound at once."""


class MicrophoneCare(Care):
    """Keeps a microphone open while the user wants it on; never switches one on that the user has not."""

    def __init__(self, host: SessionHost, lock: asyncio.Lock) -> None:
        super().__init__(host, DeviceKind.MICROPHONE, host.profile.sound.microphone, lock)
        self._chain: Microphones | None = None
        self._ear = DeadEar()
        self._unjudged_ms = 0.0
        self._rests = False  # open, and nothing of it is sent

    @property
    def name(self) -> str:
        """The microphone that is open; empty for none."""
        return self._chain.name if self._chain is not None and self._is_open else ""

    @property
    def _is_open(self) -> bool:
        return self._rests or self._host.board.microphone_on

    def make(self) -> Microphone:
        """The microphone for the next time that it is switched on."""
        make = self._host.ports.microphone
        if make is None:
            raise NoMicrophone("This session has no microphone.")
        first = make() if self._sound is None else self._sound.microphone(self.standing.wanted)
        self._ear.rest()
        self._rests = False
        self._chain = Microphones(first, self._another)
        return self._chain

    def on(self) -> None:
        """It was switched on, and is open."""
        self._rests = False
        if self.standing.seat in (Seat.OFF, Seat.LOST):  # else another was opened in its place
            self.found(Found.WANTED)
        self.watch()

    def rest(self) -> None:
        """It stays open without being used: what becomes of it is no news, and none is looked for."""
        self.let_be()
        self._rests = True

    def off(self) -> None:
        """The user has switched it off: none is looked for."""
        self._rests = False
        self.let_be()
        self.standing.found(Found.STOPPED, self._host.now())

    def lost(self, *, comes_back: bool) -> None:
        """It died, and there is no other; ``comes_back`` says that it is switched on again when there is."""
        if comes_back and self._sound is not None:
            self.watch()
        else:
            self.off()

    def heard(self, frame: bytes, rate: int) -> None:
        """A frame came: a microphone that is dead is told, once."""
        self._unjudged_ms += duration_ms(len(frame), rate)
        if self._chain is None or self._unjudged_ms < JUDGED_MS - 1e-6:
            return
        ms, self._unjudged_ms = self._unjudged_ms, 0.0
        if self._ear.hear(self._chain.raw_level, ms):
            self._host.notice(
                f"The microphone {self.name!r} gives no sound at all, not even noise. Look for a switch on "
                "it, its volume in the system's settings, and whether the terminal may use it; "
                "/mic chooses another one."
            )

    async def use(self, name: str) -> None:
        """Go on with another one; one that is off is opened when it is switched on. Raises AudioError."""
        if self._sound is None or self._host.ports.microphone is None:
            raise NoMicrophone("This session has no microphone to change.")
        if self._chain is not None and self._is_open:
            self.let_be()
            microphone = self._sound.microphone(name)
            try:
                await self._chain.change(microphone)
                self.taken(name, microphone.name)
            except AudioError as error:
                if self._chain.is_held:
                    await self._default_goes_on(self._chain, error)
                raise
            finally:
                if not self._rests:
                    self.watch()
        self._ear = DeadEar()

    async def hold(self) -> bool:
        """Close the device for a moment; returns whether one was open, and ``use`` is to follow."""
        if self._chain is None or not self._is_open:
            return False
        await self._chain.hold()
        return True

    async def _default_goes_on(self, chain: Microphones, error: AudioError) -> None:
        assert self._sound is not None
        try:
            await chain.change(self._sound.microphone(""))
        except AudioError:
            chain.give_up(error)
        else:
            self.found(Found.INSTEAD if self.standing.wanted else Found.WANTED, error)

    async def _another(self, error: AudioError) -> Microphone | None:
        """Another one that is open, for one that does not open or died: first the same again."""
        sound, standing = self._sound, self.standing
        if sound is None or self._rests or isinstance(error, MicrophonePermissionError):
            return None
        async with self.lock:
            died = standing.seat in (Seat.WANTED, Seat.INSTEAD)
            names = [(standing.wanted, Found.WANTED)] if died else []
            if standing.wanted:
                names.append(("", Found.INSTEAD))
            if died and not standing.died(self._host.now()):
                names = []
            for name, found in names:
                microphone = sound.microphone(name)
                try:
                    await microphone.open()
                except AudioError:
                    continue
                self.found(found, error, used=microphone.name)
                self.watch()
                return microphone
            if died:
                # The session tells that it is gone.
                standing.found(Found.NOTHING, self._host.now())
        return None

    async def _watching(self) -> None:
        standing = self.standing
        while standing.misses and self.is_watching:
            await asyncio.sleep(standing.next_look())
            if standing.seat is Seat.INSTEAD:
                async with self.lock:
                    await self._look()
                continue
            with contextlib.suppress(AudioError):
                await self._host.listening.start()  # which begins another watch
                return

    async def _look(self) -> None:
        """The default is in use: is the wanted one back?"""
        if self._chain is None or self._sound is None:
            return
        microphone = self._sound.microphone(self.standing.wanted)
        try:
            await self._chain.change(microphone)
        except AudioError as error:
            if error.code == UNKNOWN_DEVICE:
                await self._host.devices.look_anew(self.kind)
            return
        self.found(Found.WANTED, used=microphone.name)
