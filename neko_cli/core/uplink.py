"""The user's voice on its way to the provider: device rate in, link rate out."""

from __future__ import annotations

from collections.abc import Callable

from neko_cli.core import pcm
from neko_cli.core.commands import AppendAudio
from neko_cli.core.link import Link
from neko_cli.core.ports import Microphone


class Uplink:
    """Resamples and forwards sound; equal rates pass bit-exact."""

    def __init__(self) -> None:
        self._resampler: pcm.Resampler | None = None
        self._begun_ms = 0.0
        self.sent_ms = 0.0
        """Sound handed to links so far, in ms."""

    @property
    def utterance_ms(self) -> float:
        """Sound of the open utterance that was handed to links, in ms."""
        return self.sent_ms - self._begun_ms

    def begin(self) -> None:
        """An utterance begins: nothing of an earlier one is left in the resampler."""
        self.reset()
        self._begun_ms = self.sent_ms

    def forward(self, link: Link, sound: bytes, rate: int) -> None:
        """Hand one chunk (16-bit mono at ``rate`` Hz) to a link."""
        target = link.codec.capabilities.input_rate
        held = self._resampler
        if held is None or (held.source_rate, held.target_rate) != (rate, target):
            held = self._resampler = pcm.Resampler(rate, target)
        ready = held.push(sound)
        if ready:
            self.sent_ms += pcm.duration_ms(len(ready), target)
            link.send(AppendAudio(ready))

    def reset(self) -> None:
        """Forget what the resampler holds, as at the end of a session."""
        self._resampler = None

    def flush(self, link: Link) -> None:
        """Let out what the resampler still holds, as at the end of an utterance."""
        if self._resampler is not None:
            rest = self._resampler.drain()
            if rest:
                self.sent_ms += pcm.duration_ms(len(rest), self._resampler.target_rate)
                link.send(AppendAudio(rest))

    async def pump(
        self,
        microphone: Microphone,
        link_now: Callable[[], Link | None],
        held: Callable[[], bool],
    ) -> None:
        """Forward a microphone's frames until it is closed; raises AudioError when it dies.

        While ``held``, silence goes out instead, so that the provider's clock goes on. Frames that
        come while there is no link are dropped: nobody has been told that they are heard.
        """
        async for frame in microphone.frames():
            link = link_now()
            if link is not None:
                self.forward(link, bytes(len(frame)) if held() else frame, microphone.rate)
