"""The reply's voice as a WAV file or stream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from neko_cli.cli.output import StandardOutput, Writer
from neko_cli.cli.say_plan import STANDARD_STREAM
from neko_cli.core.errors import ConfigError, InvalidRequest
from neko_cli.core.events import ReplyAudio

if TYPE_CHECKING:
    from neko_cli.audio.wav import WavWriter
    from neko_cli.core.pcm import Resampler


def check_target(out: str) -> None:
    """Find out before the conversation that the file cannot be written; raises ConfigError."""
    if not out or out == STANDARD_STREAM:
        return
    path = Path(out)
    if path.is_dir():
        raise ConfigError(f"{out} is a folder; --out wants a file.", hint=f"Try --out {path / 'reply.wav'}")
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder {path.parent} for {path.name}.")


class WavSink:
    """Writes all replies of a session into one WAV; made at the first sound, whose rate it has."""

    def __init__(self, out: str, writer: Writer) -> None:
        """``out`` is a path, or ``-`` for standard output."""
        self._out = out
        self._writer = writer
        self._wav: WavWriter | None = None
        self._resampler: Resampler | None = None

    async def write(self, event: ReplyAudio) -> None:
        """Append a piece; another rate than the first one's (after a swap) is converted."""
        await self._writer.run(self._write, event.pcm, event.rate)

    def _write(self, pcm: bytes, rate: int) -> None:
        if self._wav is None:
            from neko_cli.audio.wav import WavWriter  # numpy comes with it: only when sound does

            if self._out == STANDARD_STREAM:
                sink = cast(BinaryIO, StandardOutput())
                self._wav = WavWriter(sink, rate, name="standard output")
            else:
                self._wav = WavWriter.create(self._out, rate)
        if rate != self._wav.rate:
            pcm = self._converted(pcm, rate, self._wav.rate)
        elif self._resampler is not None:
            pcm = self._resampler.drain() + pcm
            self._resampler = None
        self._wav.write(pcm)

    def _converted(self, pcm: bytes, rate: int, target: int) -> bytes:
        from neko_cli.core.pcm import Resampler

        rest = b""
        if self._resampler is None or self._resampler.source_rate != rate:
            rest = self._resampler.drain() if self._resampler is not None else b""
            self._resampler = Resampler(rate, target)
        return rest + self._resampler.push(pcm)

    async def finish(self) -> None:
        """Complete the file.

        Raises:
            InvalidRequest: when no sound came, so that there is no file.
        """
        if self._wav is None:
            raise InvalidRequest(
                "The reply came without a voice, so no sound was written.",
                hint="`neko doctor` says whether a voice is installed; a text-only model has none.",
            )
        await self._writer.run(self._finish)

    def _finish(self) -> None:
        if self._wav is None:
            return
        if self._resampler is not None:
            self._wav.write(self._resampler.drain())
        self._wav.close()

    def abandon(self) -> None:
        """After an interruption: leave a playable file behind, never wait for a stuck reader."""
        if self._wav is not None and self._out != STANDARD_STREAM:
            self._wav.close()
