"""When a server of the flat family takes a picture, and what must go with it."""

from __future__ import annotations

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs import flat_frames as frames
from neko_cli.core.codecs.base import Frame
from neko_cli.core.codecs.flat_dialect import FlatDialect, PictureEvent


class Pictures:
    """The pictures of one link.

    Beside the sound of a buffer, a picture is taken only when there is sound in it, so that one which
    was just committed or cleared counts as empty (``lacks_sound``). As a frame of a video call, every
    turn must have one, so the last one is shown again (``due``).
    """

    def __init__(self, capabilities: Capabilities, dialect: FlatDialect) -> None:
        """Nothing was shown yet."""
        self._can = capabilities
        self._event = dialect.pictures
        self._sound = False
        self._last = b""
        self._shown = False

    def takes(self, data: bytes, media_type: str) -> bool:
        """Whether this picture can be sent."""
        return self._can.takes_picture(data, media_type)

    @property
    def lacks_sound(self) -> bool:
        """Whether a picture would be refused because no sound was sent before it."""
        return self._event is PictureEvent.IMAGE_BUFFER and not self._sound

    def show(self, data: bytes) -> Frame:
        """The frame of a picture that is taken."""
        if self._event is PictureEvent.VIDEO_FRAME:
            self._last, self._shown = data, True
        return frames.picture(self._event, data)

    def due(self) -> list[Frame]:
        """What this turn still needs: the last picture again, once in each turn of a video call."""
        if not self._last or self._shown:
            return []
        self._shown = True
        return [frames.picture(self._event, self._last)]

    def asked(self) -> None:
        """A reply was asked for: the next turn begins."""
        self._shown = False

    def sounded(self) -> None:
        """Sound was sent."""
        self._sound = True

    def emptied(self) -> None:
        """The buffer was committed or cleared: the next turn begins."""
        self._sound = False
        self._shown = False
