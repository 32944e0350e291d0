"""Pictures become what a provider accepts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import ConfigError, InvalidRequest
from neko_cli.vision import pictures
from neko_cli.vision.pictures import fit_picture, read_picture


def picture(path: Path, size: tuple[int, int] = (64, 48), kind: str = "PNG", mode: str = "RGB") -> Path:
    Image.new(mode, size).save(path, kind)
    return path


@pytest.mark.parametrize(("kind", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_small_picture_goes_as_it_is(tmp_path: Path, kind: str, media: str) -> None:
    path = picture(tmp_path / "p", kind=kind)
    frame = read_picture(path)
    assert (frame.data, frame.media_type, frame.width, frame.height) == (path.read_bytes(), media, 64, 48)


@pytest.mark.parametrize(("kind", "mode"), [("GIF", "P"), ("BMP", "RGB"), ("TIFF", "CMYK"), ("WEBP", "RGBA")])
def test_other_kinds_become_jpeg(tmp_path: Path, kind: str, mode: str) -> None:
    frame = read_picture(picture(tmp_path / "p", kind=kind, mode=mode))
    assert frame.media_type == "image/jpeg"
    assert Image.open(io.BytesIO(frame.data)).size == (64, 48)


def test_a_large_one_is_made_smaller_in_proportion(tmp_path: Path) -> None:
    frame = read_picture(picture(tmp_path / "p", (4000, 1000)))
    assert (frame.width, frame.height, frame.media_type) == (2048, 512, "image/jpeg")


def test_a_turned_photograph_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48)).save(path, "JPEG", exif=exif)
    assert (read_picture(path).width, read_picture(path).height) == (48, 64)


def test_what_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_picture(tmp_path / "missing.png")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_picture(tmp_path)
    monkeypatch.setattr(pictures, "MAX_FILE_BYTES", 10)
    with pytest.raises(ConfigError, match="64 MiB"):
        read_picture(picture(tmp_path / "p"))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ConfigError, match="not a picture"):
        read_picture(picture(tmp_path / "p", (300, 300), "BMP"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_broken_bytes_are_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, data.draw(st.sampled_from(["PNG", "GIF", "BMP", "JPEG", "WEBP"])))
    whole = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(0, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "broken"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    result: object
    try:
        result = read_picture(path).width > 0
    except ConfigError as error:
        result = error.message.endswith(".")
    assert result


def noise(side: int) -> ScreenFrame:
    """A picture that no encoder makes small, as a PNG."""
    out = io.BytesIO()
    Image.effect_noise((side, side), 80).convert("RGB").save(out, "PNG")
    return ScreenFrame(out.getvalue(), "image/png", side, side)


@pytest.mark.parametrize(("limit", "kind"), [(190 * 1024, "image/jpeg"), (20 * 1024, "image/jpeg")])
def test_a_picture_is_made_as_small_as_a_provider_wants_it(limit: int, kind: str) -> None:
    whole = noise(1200)
    fitted = fit_picture(whole, ("image/jpeg",), limit)
    assert fitted.media_type == kind
    assert limit / 3 <= len(fitted.data) <= limit, "and not much smaller than it has to be"
    with Image.open(io.BytesIO(fitted.data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (fitted.width, fitted.height))


def test_quality_goes_before_size() -> None:
    whole = noise(400)
    fine = len(fit_picture(whole, ("image/jpeg",), None).data)
    assert fit_picture(whole, ("image/jpeg",), fine - 1).width == 400


def test_a_kind_that_is_not_taken_becomes_one_that_is() -> None:
    assert fit_picture(noise(64), ("image/png",), None).media_type == "image/png"
    with pytest.raises(InvalidRequest, match="image/tiff"):
        fit_picture(noise(64), ("image/tiff",), None)


def test_what_cannot_be_so_small_or_read_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="as small as 0 KiB"):
        fit_picture(noise(300), ("image/png",), 200)
    with pytest.raises(InvalidRequest, match="cannot|not a picture"):
        fit_picture(ScreenFrame(b"no", "image/png", 1, 1), ("image/png",), None)
