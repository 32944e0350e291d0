"""Pictures become what a provider accepts."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neko_cli.core.errors import ConfigError
from neko_cli.vision import pictures
from neko_cli.vision.pictures import read_picture


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
