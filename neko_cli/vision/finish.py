"""What every picture goes through before it leaves: regions hidden, made smaller, compared, encoded."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from neko_cli.core.companions.eyes import THUMB_HEIGHT, THUMB_WIDTH, ScreenError, Seen, blurred_boxes
from neko_cli.core.companions.sources import Box
from neko_cli.core.ports import Glance, Look
from neko_cli.vision.pictures import compress

if TYPE_CHECKING:
    from PIL import Image

SHOWN_SIDE = 1280
"""Pixels a side of what is sent: the text of a full-HD screen can still be read, in some 100 KiB."""

SHOWN_QUALITY = 75

BLUR_CELL = 48
"""Pixels of a hidden region that become one colour at least: several letters, of which nothing is left."""

BLUR_CELLS = 8
"""Cells a side of a hidden region at most, so that large letters are not left either."""

MAX_PIXELS = 100_000_000
"""A larger picture is refused; eleven 4K monitors have less."""


def finish(picture: Image.Image, look: Look, wanted: Callable[[Seen], bool]) -> Glance:
    """One look at an RGB picture, which is changed; raises InvalidRequest where it cannot be encoded."""
    from PIL import Image

    width, height = picture.size
    for box in blurred_boxes(look.blur, width, height):
        hide(picture, box)
    small = picture.copy() if max(picture.size) > SHOWN_SIDE else picture
    small.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BILINEAR)
    grey = small.resize((THUMB_WIDTH, THUMB_HEIGHT), Image.Resampling.BOX).convert("L")
    seen = Seen(width, height, grey.tobytes())
    if not wanted(seen):
        return Glance(seen)
    return Glance(seen, compress(small, look.media_types, look.limit, SHOWN_QUALITY))


def hide(picture: Image.Image, box: Box) -> None:
    """Make a region unreadable, in place: cells of one colour each, the mean of what they covered.

    Blurring would not do: it can be undone in part where one knows the font.
    """
    from PIL import Image

    edges = (box.left, box.top, box.right, box.bottom)
    cells = tuple(max(1, min(BLUR_CELLS, side // BLUR_CELL)) for side in (box.width, box.height))
    coarse = picture.crop(edges).resize((cells[0], cells[1]), Image.Resampling.BOX)
    picture.paste(coarse.resize((box.width, box.height), Image.Resampling.NEAREST), edges)


def cover(picture: Image.Image, boxes: Iterable[Box]) -> None:
    """Paint over regions, in place: what lies there is not ours to show."""
    for box in boxes:
        picture.paste((128, 128, 128), (box.left, box.top, box.right, box.bottom))


def decoded(data: bytes, what: str) -> Image.Image:
    """A picture from a file's bytes, upright, as RGB; raises ScreenError, which calls it ``what``."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ScreenError(f"{what} is too large to be shown.")
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (
        OSError,
        ValueError,
        SyntaxError,  # for some broken PNGs
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,  # where warnings are errors
    ) as error:
        raise ScreenError(f"{what} is not a picture that can be read.") from error
