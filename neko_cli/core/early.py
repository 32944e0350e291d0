"""Messages that came before the link was up: held in order, and bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from neko_cli.core import pcm
from neko_cli.core.commands import AudioChunk, Message, TextMessage
from neko_cli.core.errors import LinkError

SOUND_MS = 8_000
"""Sound that is held; beyond that the oldest goes."""

OTHERS = 32
"""Texts and pictures that are held; beyond that they are refused."""


class EarlyMessages:
    """Holds what the user sends while the session starts."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self.dropped_ms = 0.0
        """Sound that went because too much was held, in ms."""

    def hold(self, message: Message) -> None:
        """Keep a message; raises LinkError when too many texts and pictures wait."""
        if not isinstance(message, AudioChunk) and self._others() >= OTHERS:
            raise LinkError("Too many messages are waiting for the connection.")
        self._messages.append(message)
        while self._sound_ms() > SOUND_MS:
            oldest = next(m for m in self._messages if isinstance(m, AudioChunk))
            self._messages.remove(oldest)
            self.dropped_ms += pcm.duration_ms(len(oldest.pcm), oldest.rate)

    def take(self) -> Iterator[Message]:
        """All messages in order; they are held no more."""
        while self._messages:
            yield self._messages.popleft()

    def clear(self) -> None:
        """Forget them."""
        self._messages.clear()

    @property
    def texts(self) -> int:
        """Texts that are held."""
        return sum(isinstance(m, TextMessage) for m in self._messages)

    def __len__(self) -> int:
        """Messages that are held."""
        return len(self._messages)

    def _others(self) -> int:
        return sum(not isinstance(m, AudioChunk) for m in self._messages)

    def _sound_ms(self) -> float:
        return sum(pcm.duration_ms(len(m.pcm), m.rate) for m in self._messages if isinstance(m, AudioChunk))
