"""What happened in a run, in order: for people who read a failing seed, and for comparing two runs."""

from __future__ import annotations

import hashlib

from tests.simulation.loop import VirtualLoop


class Trace:
    """Lines of (virtual time, who, what); kept only when somebody wants to read them."""

    def __init__(self, loop: VirtualLoop, *, keep: bool) -> None:
        self.loop = loop
        self._keep = keep
        self._sounds: dict[str, list[int]] = {}
        self.lines: list[str] = []
        self._digest = hashlib.blake2b(digest_size=12)

    def __call__(self, who: str, *what: object) -> None:
        """Note something."""
        if self._keep:
            self.lines.append(f"{self.loop.time():9.3f}  {who:<8} {' '.join(str(part) for part in what)}")

    def sound(self, who: str, first: int, last: int) -> None:
        """Numbered samples passed; one line for a run of them."""
        if not self._keep:
            return
        begun = self._sounds.get(who)
        if begun is not None and begun[1] + 1 == first:
            begun[1] = last
            self.lines[begun[2]] = f"{self.lines[begun[2]].rsplit(' ', 1)[0]} {last}"
        else:
            self(who, "sound", first, last)
            self._sounds[who] = [first, last, len(self.lines) - 1]

    def count(self, data: bytes) -> None:
        """Something that must be the same in every run of a seed."""
        self._digest.update(data)

    @property
    def digest(self) -> str:
        """One word for all that was counted."""
        return self._digest.hexdigest()
