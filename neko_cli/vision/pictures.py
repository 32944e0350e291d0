"""A picture file as what a provider accepts: PNG or JPEG of bounded size."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from PIL import Image

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_SENT_BYTES = 4 * 1024 * 1024
"""What is sent stays well under the providers' 16–20 MiB a message, also as base64."""

MAX_SIDE = 2048
"""Models look at 2048 pixels a side at most; more is only slower."""

JPEG_QUALITY = 85

LEAST_QUALITY = 40
"""Below this a smaller picture shows more than a worse one."""

LEAST_SIDE = 64
"""Pixels a side below which nothing is to be seen."""
_SENT_AS_IS = {"PNG": "image/png", "JPEG": "image/jpeg"}


def read_picture(path: Path) -> ScreenFrame:
    """Read a picture; one that is large, turned or of another kind becomes a JPEG.

    Raises:
        ConfigError: there is no such file, or it is not a picture.
    """
    from PIL import Image, ImageOps

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path.name} is over 64 MiB, too much for a picture.")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"The picture {path} cannot be read: {error.strerror}.") from error
    try:
        with Image.open(io.BytesIO(data)) as picture:
            kind = _SENT_AS_IS.get(picture.format or "")
            turned = ImageOps.exif_transpose(picture)
            if (
                kind
                and turned.size == picture.size
                and max(turned.size) <= MAX_SIDE
                and len(data) <= MAX_SENT_BYTES
            ):
                return ScreenFrame(data, kind, *picture.size)
            turned.thumbnail((MAX_SIDE, MAX_SIDE))
            out = io.BytesIO()
            turned.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
            return ScreenFrame(out.getvalue(), "image/jpeg", *turned.size)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,  # where warnings are errors
    ) as error:
        # Pillow raises SyntaxError for some broken PNGs.
        raise ConfigError(f"{path.name} is not a picture that can be read.") from error


def fit_picture(frame: ScreenFrame, types: tuple[str, ...], limit: int | None) -> ScreenFrame:
    """The picture as one of the media types ``types``, in at most ``limit`` bytes.

    Quality goes before size: a text that is small is not read any more.

    Raises:
        InvalidRequest: it is no picture, or cannot be made so small, or not of that kind.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(frame.data)) as picture:
            shown = picture.convert("RGB")
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,  # where warnings are errors
    ) as error:
        raise InvalidRequest("This is not a picture that can be read.") from error
    return compress(shown, types, limit)


def compress(
    shown: Image.Image, types: tuple[str, ...], limit: int | None, quality: int = JPEG_QUALITY
) -> ScreenFrame:
    """An RGB picture encoded as one of ``types``, in at most ``limit`` bytes; raises InvalidRequest."""
    kind = "JPEG" if "image/jpeg" in types else "PNG" if "image/png" in types else ""
    if not kind:
        raise InvalidRequest(f"Pictures of the kinds {', '.join(types) or 'none'} cannot be made.")
    side = float(max(shown.size))
    while True:
        small = shown.copy()
        small.thumbnail((round(side), round(side)))
        out = io.BytesIO()
        small.save(out, kind, quality=quality)
        if limit is None or out.tell() <= limit:
            return ScreenFrame(out.getvalue(), f"image/{kind.lower()}", *small.size)
        if kind == "JPEG" and quality > LEAST_QUALITY:
            quality = max(LEAST_QUALITY, quality - 15)
        elif side * 0.8 >= LEAST_SIDE:
            side *= 0.8
        else:
            raise InvalidRequest(f"This picture cannot be made as small as {limit / 1024:.0f} KiB.")
