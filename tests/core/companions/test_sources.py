"""What can be shown, as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.sources import ALLOWED, LARGEST, Box, Source, SourceKind, parse_source
from neko_cli.core.errors import ConfigError

MONITOR, REGION = SourceKind.MONITOR, SourceKind.REGION


@pytest.mark.parametrize(
    ("text", "source", "label"),
    [
        ("", Source(kind=MONITOR), "monitor 1"),
        (" 2 ", Source(kind=MONITOR, number=2), "monitor 2"),
        ("0", Source(kind=MONITOR, number=0), "all monitors"),
        ("10,20,300x40", Source(kind=REGION, box=Box(10, 20, 300, 40)), "region 10,20,300x40"),
        ("-10,0,300x40", Source(kind=REGION, box=Box(-10, 0, 300, 40)), "region -10,0,300x40"),
        ("300x40+10+-20", Source(kind=REGION, box=Box(10, -20, 300, 40)), "region 10,-20,300x40"),
        ("window:a: b", Source(kind=SourceKind.WINDOW, text="a: b"), "window “a: b”"),
        ("window:x\x1b[31m", Source(kind=SourceKind.WINDOW, text="x\x1b[31m"), "window “x”"),
        ("file:/a/b c.png", Source(kind=SourceKind.FILE, text="/a/b c.png"), "file b c.png"),
        (r"file:C:\a\b.png", Source(kind=SourceKind.FILE, text=r"C:\a\b.png"), "file b.png"),
        ("clipboard", Source(kind=SourceKind.CLIPBOARD), "clipboard"),
    ],
)
def test_each_kind_is_read_and_has_a_label(text: str, source: Source, label: str) -> None:
    found = parse_source(text)
    assert found == source
    assert found.label == label


@pytest.mark.parametrize(
    "text",
    ["99", "x", "-1", "window:", "file: ", "1,2,0x4", "1,2,3", "1,2,99999x4", "99999,2,3x4", "²", "1" * 9999],
)
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_source(text)
    assert ALLOWED in caught.value.message
    assert len(caught.value.message) < 250


boxes = st.builds(Box, st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 99), st.integers(1, 99))


@given(boxes, boxes, st.integers(-200, 200), st.integers(-200, 200))
def test_what_two_boxes_share_is_what_lies_in_both(one: Box, other: Box, x: int, y: int) -> None:
    def inside(box: Box | None) -> bool:
        return box is not None and box.left <= x < box.right and box.top <= y < box.bottom

    assert inside(one.meet(other)) == (inside(one) and inside(other))
    assert one.meet(other) == other.meet(one)


@given(boxes)
def test_a_region_comes_back_from_its_label(box: Box) -> None:
    label = Source(kind=REGION, box=box).label
    assert parse_source(label.removeprefix("region ")).box == box
    assert box.width <= LARGEST
