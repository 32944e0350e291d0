"""A recording: the log of the conversation, and its sound beside it where that is wanted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neko_cli.core.clock import RealClock
from neko_cli.core.errors import ConfigError
from neko_cli.core.events import PUBLIC_EVENTS, AnyEvent, ReplyAudio, SessionEnded, StatusChanged
from neko_cli.core.ports import Transport
from neko_cli.core.text import one_line
from neko_cli.core.transport.recording import RecordingTransport

if TYPE_CHECKING:
    from neko_cli.audio.tape import WavTape

SOUND, LOG = ".wav", ".jsonl"


def files_of(path: Path) -> tuple[Path, Path | None]:
    """The log and, for ``talk.wav``, the sound: what a name that was given stands for."""
    if path.suffix.lower() == SOUND:
        return path.with_suffix(LOG), path
    return path, None


class Recording:
    """Both files of one run, on one clock; core's ``Tape``."""

    def __init__(self, path: Path, inner: Transport, *, provider: str, model: str, character: str) -> None:
        """Create the files; raises ConfigError when one exists already or cannot be created."""
        log, sound = files_of(path)
        self.transport = RecordingTransport(
            inner, log, clock=RealClock(), provider=provider, model=model, character=character
        )
        self.sound: WavTape | None = None
        self._names = one_line(log.name), one_line(sound.name if sound else "")
        self._trouble: Callable[[str], None] = lambda text: None
        self._told = False
        if sound is not None:
            from neko_cli.audio.tape import WavTape

            try:
                self.sound = WavTape(sound, began=self.transport.began)
            except BaseException:
                self.transport.abandon()
                with contextlib.suppress(OSError):
                    log.unlink()  # ours, and empty
                raise

    def watch(self, trouble: Callable[[str], None]) -> None:
        """See ``Tape``."""
        self._trouble = trouble

    def heard(self, sound: bytes, rate: int, *, live: bool) -> None:
        """See ``Tape``."""
        if self.sound is not None:
            self.sound.heard(sound, rate, live=live)
        self._look()

    def told(self, event: AnyEvent) -> None:
        """See ``Tape``."""
        if isinstance(event, PUBLIC_EVENTS) and not isinstance(event, ReplyAudio):
            self.transport.note_event(event)
        if not isinstance(event, StatusChanged | SessionEnded):  # nobody may be reading at the end
            self._look()

    async def aclose(self) -> None:
        """Write what waits; idempotent. Raises ConfigError for trouble that nobody was told of yet."""
        await self.transport.aclose()
        if self.sound is not None:
            await asyncio.to_thread(self.sound.close)
        text = "" if self._told else self._what_is_wrong()
        if text:
            self._told = True
            raise ConfigError(text)

    def _look(self) -> None:
        if self._told:
            return
        text = self._what_is_wrong()
        if text:
            self._told = True  # before: the notice comes by here, too
            self._trouble(f"{text} The conversation goes on.")

    def _what_is_wrong(self) -> str:
        log, sound = self._names
        for name, why in ((log, self.transport.trouble), (sound, self.sound.trouble if self.sound else "")):
            if why:
                return f"{name} cannot be written any more: {why}."
        if self.transport.dropped or (self.sound is not None and self.sound.lost_ms):
            return "The disk is too slow for the recording: a part of it is missing."
        return ""
