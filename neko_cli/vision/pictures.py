"""A picture file as what a provider accepts: PNG or JPEG of bounded size."""

from __future__ import annotations

import io
from pathlib import Path

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import ConfigError

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_SENT_BYTES = 4 * 1024 * 1024
"""What is sent stays well under the providers' 16–20 MiB a message, also as base64."""

MAX_SIDE = 2048
"""Models look at 2048 pixels a side at most; more is only slower."""

JPEG_QUALITY = 85
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
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow raises SyntaxError for some broken PNGs.
        raise ConfigError(f"{path.name} is not a picture that can be read.") from error
