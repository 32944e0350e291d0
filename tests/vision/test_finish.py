"""What every picture goes through: regions hidden for good, the size of each provider, the thumbnail."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageStat

from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.companions.eyes import THUMB_HEIGHT, THUMB_WIDTH, ScreenError, Seen, has_changed
from neko_cli.core.companions.sources import Box, parse_source
from neko_cli.core.ports import Glance, Look
from neko_cli.core.tables_eyes import EyesTable
from neko_cli.vision import finish as finishing
from neko_cli.vision.finish import SHOWN_SIDE, cover, decoded, finish, hide

SCREEN = parse_source("1")
CHANGE = EyesTable().change


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 120).convert("RGB")


def look(picture: Image.Image, **fields: object) -> Glance:
    return finish(picture.copy(), Look(source=SCREEN, **fields), lambda seen: True)


def shown(glance: Glance) -> Image.Image:
    assert glance.picture is not None
    return Image.open(io.BytesIO(glance.picture.data)).convert("RGB")


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_each_provider_gets_a_picture_that_it_takes(name: str) -> None:
    can = PROVIDERS[name].capabilities
    glance = look(noise(2560, 1440), media_types=can.image_types, limit=can.image_limit)
    assert glance.picture is not None
    assert can.takes_picture(glance.picture.data, glance.picture.media_type) == can.images
    assert can.image_limit is None or len(glance.picture.data) <= can.image_limit
    assert max(shown(glance).size) <= SHOWN_SIDE
    assert shown(glance).size == (glance.picture.width, glance.picture.height)
    assert (glance.seen.width, glance.seen.height) == (2560, 1440)
    assert len(glance.seen.grey) == THUMB_WIDTH * THUMB_HEIGHT


def test_a_picture_that_is_not_wanted_is_not_encoded() -> None:
    asked = []
    glance = finish(noise(50, 50), Look(source=SCREEN), lambda seen: bool(asked.append(seen)))
    assert glance.picture is None
    assert asked == [glance.seen]


def words(box: tuple[int, int], text: str, size: tuple[int, int] = (800, 600)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).text(box, text, fill="black", font_size=16)
    return picture


def test_hidden_words_are_gone_and_the_rest_is_as_it_was() -> None:
    secret, plain = words((100, 100), "the password is hunter2"), words((100, 400), "hello")
    both = ImageChops.multiply(secret, plain)
    region = (90.0, 90.0, 300.0, 40.0)
    seen = shown(look(both, blur=(region,), media_types=("image/png",)))
    outside = seen.copy()
    outside.paste("white", (90, 90, 390, 130))
    assert ImageChops.difference(outside, plain).getbbox() is None
    inside = seen.crop((90, 90, 390, 130))
    # Some letters of 16 pixels lie in each cell: no more colours are left than there are cells.
    assert len(inside.getcolors(4096) or []) <= 8
    assert inside.getextrema()[0][0] > 150


@pytest.mark.parametrize("region", [(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 800.0, 600.0)])
def test_of_a_wholly_hidden_picture_a_few_colours_are_left(region: tuple[float, float, float, float]) -> None:
    down = Image.linear_gradient("L").resize((800, 600))
    across = Image.linear_gradient("L").rotate(90).resize((800, 600))
    picture = Image.merge("RGB", (down, across, down))
    seen = shown(look(picture, blur=(region,), media_types=("image/png",)))
    assert len(seen.getcolors(4096) or []) == 64


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 40), st.integers(1, 200), st.integers(1, 150))
def test_hiding_touches_its_region_alone_and_keeps_its_mean(x: int, y: int, wide: int, high: int) -> None:
    picture = noise(260, 190)
    before, box = picture.copy(), Box(x, y, wide, high)
    hide(picture, box)
    edges = (x, y, x + wide, y + high)
    changed = ImageChops.difference(before, picture).getbbox()
    assert changed is None or Box(*changed[:2], changed[2] - changed[0], changed[3] - changed[1]).meet(
        box
    ) == Box(*changed[:2], changed[2] - changed[0], changed[3] - changed[1])
    assert len(picture.crop(edges).getcolors(65536) or []) <= 64
    means = [ImageStat.Stat(image.crop(edges)).mean[0] for image in (before, picture)]
    assert abs(means[0] - means[1]) < 8


def test_what_is_covered_is_grey() -> None:
    picture = Image.new("RGB", (40, 30), "red")
    cover(picture, [Box(10, 10, 5, 5)])
    assert sorted(picture.getcolors() or []) == [(25, (128, 128, 128)), (40 * 30 - 25, (255, 0, 0))]


# Changes, as they look on a real desktop


def desktop(
    clock: str = "12:00\n2026-01-01", typed: str = "", window: Box | None = None, seed: int = 0
) -> Seen:
    picture = Image.new("RGB", (1920, 1080), (40, 60, 80))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 1010, 1920, 1080), fill=(230, 230, 230))
    draw.rectangle((100, 100, 1500, 1000), fill="white")
    for row in range(20):
        draw.text(
            (120, 120 + row * 24), f"line {row} of a text that stands in a window", "black", font_size=16
        )
    draw.text((1750, 1012), clock, fill="black", font_size=28)
    draw.text((120, 640), typed, fill="black", font_size=16)
    if window is not None:
        draw.rectangle((window.left, window.top, window.right, window.bottom), fill=(250, 250, 200))
    return look(picture).seen


def test_a_clock_in_a_corner_is_no_change_and_a_window_is() -> None:
    before = desktop()
    # As much as a clock can change: all of its cells.
    for later in ("12:01\n2026-01-01", "23:59\n2025-12-31", ""):
        assert not has_changed(before, desktop(later), CHANGE)
    assert has_changed(before, desktop(""), CHANGE / 4), "it is seen, and counts for little"
    assert has_changed(before, desktop(window=Box(300, 300, 300, 150)), CHANGE)
    assert has_changed(before, desktop(window=Box(0, 0, 1920, 1080)), CHANGE)


def test_a_few_letters_are_none_and_some_lines_are() -> None:
    before = desktop()
    assert not has_changed(before, desktop(typed="hi"), CHANGE)
    lines = "\n".join(["a whole line of words that somebody has typed here meanwhile"] * 4)
    assert has_changed(before, desktop(typed=lines), CHANGE)


def test_what_changes_in_a_hidden_region_is_hardly_a_change() -> None:
    blur = ((0.0, 0.0, 1.0, 1.0),)
    before = look(words((20, 20), "one letter here"), blur=blur).seen
    assert not has_changed(before, look(words((20, 20), "two letters there"), blur=blur).seen, CHANGE)


@pytest.mark.parametrize("data", [b"", b"no", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_what_is_no_picture_is_a_sentence(data: bytes) -> None:
    with pytest.raises(ScreenError, match=r"^It is not a picture that can be read\.$"):
        decoded(data, "It")


def test_a_picture_without_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    noise(20, 20).save(out, "PNG")
    assert decoded(out.getvalue(), "It").size == (20, 20)
    monkeypatch.setattr(finishing, "MAX_PIXELS", 399)
    with pytest.raises(ScreenError, match="too large"):
        decoded(out.getvalue(), "It")
