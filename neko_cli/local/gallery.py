"""Pictures that a client streams while it speaks; they become part of its next turn. No I/O."""

from __future__ import annotations

from collections import deque

from neko_cli.local.conversation import PicturePart

MAX_PICTURES = 32
"""Half a minute of video at the one frame a second that Gemini and Qwen take."""

MAX_CHARS = 16 * 1024 * 1024
"""Characters of data URLs."""


class Gallery:
    """The newest pictures, in order; the oldest goes when there is no room."""

    def __init__(self) -> None:
        self._pictures: deque[PicturePart] = deque()
        self._chars = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, picture: PicturePart) -> None:
        """Take a picture; it stays even when it alone is too large."""
        self._pictures.append(picture)
        self._chars += len(picture.facts.data_url)
        while len(self._pictures) > MAX_PICTURES or (self._chars > MAX_CHARS and len(self._pictures) > 1):
            self._chars -= len(self._pictures.popleft().facts.data_url)

    def take(self) -> list[PicturePart]:
        """All pictures; none is left."""
        taken = list(self._pictures)
        self.clear()
        return taken

    def clear(self) -> None:
        """Forget all pictures."""
        self._pictures.clear()
        self._chars = 0
