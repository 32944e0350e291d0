"""Pictures in a conversation: what their first bytes tell. Pure; nothing is decoded.

Sources: PNG (ISO/IEC 15948, IHDR first), JPEG (ITU-T T.81, frame headers SOF0–SOF15).
"""

from __future__ import annotations

import base64
import binascii

from neko_cli.local.ports import ImageFacts

_PNG = b"\x89PNG\r\n\x1a\n"
_NOT_FRAMES = frozenset({0xC4, 0xC8, 0xCC})


def image_facts(data_url: str) -> ImageFacts:
    """Type and size in pixels of a ``data:`` URL; raises ValueError with one sentence."""
    head, comma, body = data_url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise ValueError("expected a base64 data URL of a PNG or JPEG picture")
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the picture is not valid base64") from None
    if raw.startswith(_PNG):
        media_type, size = "image/png", _png_size(raw)
    elif raw.startswith(b"\xff\xd8"):
        media_type, size = "image/jpeg", _jpeg_size(raw)
    else:
        raise ValueError("the picture is neither PNG nor JPEG")
    if size is None or 0 in size:
        raise ValueError("the picture is damaged: it does not tell its size")
    return ImageFacts(media_type, size[0], size[1], data_url)


def _png_size(raw: bytes) -> tuple[int, int] | None:
    if len(raw) < 24 or raw[12:16] != b"IHDR":
        return None
    return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(raw):
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        else:
            at += 2 + max(2, int.from_bytes(raw[at + 2 : at + 4]))
    return None
