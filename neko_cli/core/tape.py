"""What a session gives to a recorder: the user's sound as it leaves, and what readers are told.

What is played is taken from the loudspeaker itself, which alone knows what was heard and when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from neko_cli.core.events import AnyEvent


class Tape(Protocol):
    """Keeps a conversation. The methods return at once and never raise."""

    def heard(self, sound: bytes, rate: int, *, live: bool) -> None:
        """A piece of the user's sound, as it goes to the provider (16-bit mono at ``rate`` Hz).

        ``live`` says that a device's clock paces it, and that it was spoken until now.
        """
        ...

    def told(self, event: AnyEvent) -> None:
        """An event, as readers are told of it now."""
        ...

    def watch(self, trouble: Callable[[str], None]) -> None:
        """``trouble`` is called, on the event loop and once, when no more can be kept: a sentence."""
        ...


class NoTape:
    """Nothing is kept."""

    def heard(self, sound: bytes, rate: int, *, live: bool) -> None:
        """Not kept."""

    def told(self, event: AnyEvent) -> None:
        """Not kept."""

    def watch(self, trouble: Callable[[str], None]) -> None:
        """There is no trouble."""
