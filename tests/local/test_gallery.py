"""Pictures that wait for a turn: the newest, bounded."""

from __future__ import annotations

from neko_cli.local.conversation import PicturePart
from neko_cli.local.gallery import MAX_CHARS, MAX_PICTURES, Gallery
from neko_cli.local.ports import ImageFacts


def picture(width: int, chars: int = 10) -> PicturePart:
    return PicturePart(ImageFacts("image/png", width, 1, "x" * chars))


def widths(gallery: Gallery) -> list[int]:
    return [part.facts.width for part in gallery.take()]


def test_pictures_are_taken_once_and_in_order() -> None:
    gallery = Gallery()
    gallery.add(picture(1))
    gallery.add(picture(2))
    assert widths(gallery) == [1, 2]
    assert widths(gallery) == []


def test_the_oldest_goes_when_there_are_too_many() -> None:
    gallery = Gallery()
    for n in range(MAX_PICTURES + 3):
        gallery.add(picture(n))
    assert widths(gallery) == list(range(3, MAX_PICTURES + 3))


def test_the_oldest_goes_when_they_are_too_large() -> None:
    gallery = Gallery()
    for n in range(3):
        gallery.add(picture(n, MAX_CHARS // 2))
    assert widths(gallery) == [1, 2]
    gallery.add(picture(9, MAX_CHARS + 1))
    assert len(gallery) == 1
    gallery.clear()
    gallery.add(picture(1, MAX_CHARS))
    assert widths(gallery) == [1]
