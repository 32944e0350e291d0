"""A microphone and a loudspeaker as the streams know them that they may share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from neko_cli.audio.opening import Callback


class Player(Protocol):
    """What a loudspeaker lets its stream do; called on the lane, but for ``tell``."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is played, and nothing waits."""
        ...

    @property
    def rests(self) -> bool:
        """Whether a pause has begun and all that was handed to the device has been heard."""
        ...

    def pause(self, on: bool) -> None:
        """Give silence from the next block on, while what waits stays; or go on."""
        ...

    def moved(self, latency_s: float, *, in_pieces: bool) -> None:
        """Another stream is about to play, with this latency; ``in_pieces`` it calls ``tell`` itself."""
        ...

    def tell(self, piece: memoryview, time: Any) -> None:
        """In the device's callback: a piece of any length that it takes, for the loudspeaker's taps."""
        ...


class Side(NamedTuple):
    """A microphone or a loudspeaker, as its stream knows it."""

    callback: Callback
    ended: Callable[[], None]
    """Called in PortAudio's thread, or on the lane, when its stream has ended by itself."""
    is_dead: Callable[[], bool]
    player: Player | None = None
    """Of a loudspeaker."""
