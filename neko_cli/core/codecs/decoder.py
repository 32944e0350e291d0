"""From frames to events, for protocols of OpenAI's kind: a table of handlers, and a quick way for sound.

Most frames of a conversation carry sound, so these are decoded into a record of their own, base64
included; everything else is read as a JSON object and handed to the handler of its ``type``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

import msgspec

from neko_cli.core.codecs.base import Frame
from neko_cli.core.codecs.json_fields import Fields, parse, text
from neko_cli.core.provider_events import ProviderEvent, Surprise, Unknown
from neko_cli.core.text import one_line

Events = Sequence[ProviderEvent]
Handlers = Mapping[str, Callable[[Fields], Events]]

HEAD = 512
"""Characters of a frame in which its type is looked for before the frame is parsed."""


def read_object(frame: Frame) -> Fields | Surprise:
    """The JSON object that a frame holds; never raises."""
    try:
        fields = parse(frame)
    except (ValueError, RecursionError):
        return Surprise("a frame that is not JSON")
    return fields if isinstance(fields, dict) else Surprise("a frame that is not an object")


class SoundDelta(msgspec.Struct):
    """The most frequent frame, decoded base64 included."""

    type: str
    delta: bytes
    response_id: str = ""
    item_id: str = ""
    content_index: int = 0


_SOUND_DECODER = msgspec.json.Decoder(SoundDelta)


class Decoder:
    """Finds what a frame means; never raises."""

    def __init__(
        self,
        handlers: Handlers,
        *,
        nothing_new: Set[str],
        sound: str,
        on_sound: Callable[[str, str, int, bytes], Events],
    ) -> None:
        """Set up the table.

        Args:
            handlers: what decodes an event, by its type.
            nothing_new: known types whose news another event tells, or that concern nobody here.
            sound: the type of the events that carry a reply's sound.
            on_sound: takes reply id, item id, content index and PCM of one of these.
        """
        self._handlers = handlers
        self._nothing_new = nothing_new
        self._sound = sound
        self._sound_bytes = sound.encode()
        self._on_sound = on_sound

    def decode(self, frame: Frame) -> Events:
        """What a frame means; unknown types become ``Unknown``, rubbish becomes ``Surprise``."""
        if self._is_sound(frame):
            try:
                delta = _SOUND_DECODER.decode(frame)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                pass  # decoded again below, with more patience
            else:
                if delta.type == self._sound:
                    return self._on_sound(delta.response_id, delta.item_id, delta.content_index, delta.delta)
        fields = read_object(frame)
        if isinstance(fields, Surprise):
            return [fields]
        kind = text(fields, "type")
        handler = self._handlers.get(kind)
        if handler is not None:
            return handler(fields)
        if kind in self._nothing_new:
            return ()
        return [Unknown(one_line(kind, 80))] if kind else [Surprise("a frame without a type")]

    def _is_sound(self, frame: Frame) -> bool:
        if isinstance(frame, str):
            return self._sound in frame[:HEAD]
        return self._sound_bytes in frame[:HEAD]
