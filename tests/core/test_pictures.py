"""Pictures: of the kind, the size and the number that a provider takes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.errors import InvalidRequest
from neko_cli.core.events import InputMode, Notice
from neko_cli.core.pictures import WAITING, Pace
from tests.fakes.staging import COLD, asks, staged
from tests.fakes.virtual import virtual

JPEG = "image/jpeg"


def frame(n: int, size: int = 10, kind: str = JPEG) -> ScreenFrame:
    return ScreenFrame(bytes([n]) * size, kind, 4, 4)


async def shown(server) -> tuple[str, bytes]:
    """The picture that the server is shown next: its kind and its bytes."""
    content = (await server.expect("conversation.item.create"))["item"]["content"][0]
    assert content["type"] == "input_image"
    kind, _, data = content["image_url"].removeprefix("data:").partition(";base64,")
    return kind, base64.b64decode(data)


def halved(picture: ScreenFrame, types: tuple[str, ...], limit: int | None) -> ScreenFrame:
    """A fit that says what it was asked."""
    if limit is not None and limit < 4:
        raise InvalidRequest("It does not fit.")
    return ScreenFrame(picture.data[: limit or len(picture.data)], types[0], 2, 2)


@virtual
async def test_a_picture_that_is_taken_goes_as_it_is():
    async with staged(COLD, fit_picture=halved) as stage:
        server = await stage.start()
        await stage.session.stream_data(frame(1))
        assert await shown(server) == (JPEG, bytes([1]) * 10)


@pytest.mark.parametrize(
    ("capabilities", "picture"),
    [
        ({"image_limit": 8}, frame(1)),
        ({"image_types": (JPEG,), "image_limit": 8}, frame(1, 8, "image/png")),
    ],
)
async def test_one_that_is_not_is_made_to_fit(capabilities, picture):
    async with staged(COLD, capabilities=capabilities, fit_picture=halved) as stage:
        server = await stage.start()
        await stage.session.stream_data(picture)
        assert await shown(server) == (JPEG, bytes([1]) * 8)


@pytest.mark.parametrize(
    ("capabilities", "picture", "said"),
    [
        ({"images": False}, frame(1), "OpenAI takes no pictures."),
        ({"image_limit": 2048}, frame(1, 4096), "it takes 2 KiB, and this has 4"),
        ({"image_types": (JPEG,)}, frame(1, 10, "image/png"), "it takes image/jpeg, and this is image/png"),
    ],
)
@virtual
async def test_without_means_to_fit_it_is_refused_with_the_reason(capabilities, picture, said):
    async with staged(COLD, capabilities=capabilities) as stage:
        server = await stage.start()
        with pytest.raises(InvalidRequest, match=said):
            await stage.session.stream_data(picture)
        server.nothing_more()


async def test_what_cannot_be_made_to_fit_is_refused():
    async with staged(COLD, capabilities={"image_limit": 3}, fit_picture=halved) as stage:
        await stage.start()
        with pytest.raises(InvalidRequest, match="does not fit"):
            await stage.session.stream_data(frame(1))


@virtual
async def test_a_few_come_at_once_and_then_the_newest_at_the_providers_pace():
    async with staged(COLD, capabilities={"image_every": 2.0}) as stage:
        server = await stage.start()
        for n in range(10):
            await stage.session.stream_data(frame(n))
        assert [(await shown(server))[1][0] for _ in range(WAITING)] == list(range(WAITING))
        await stage.passes(1.0)
        server.nothing_more()
        await stage.passes(1.6)
        assert (await shown(server))[1][0] == 9
        await stage.passes(10.0)
        server.nothing_more()


@virtual
async def test_pictures_shown_in_an_outage_come_before_what_is_asked_after_them():
    async with staged(COLD) as stage:
        server = await stage.start()
        server.drop()
        await stage.passes(0.1)
        await stage.session.stream_data(frame(7))
        await stage.session.send_message("What is this?")
        server = await stage.back()
        assert (await shown(server))[1][0] == 7
        item = (await server.expect("conversation.item.create"))["item"]
        assert item["content"][0]["text"] == "What is this?"
        await server.expect("response.create")


async def test_one_that_waited_and_cannot_be_made_to_fit_is_told():
    async with staged(COLD, capabilities={"image_limit": 3}, fit_picture=halved) as stage:
        server = await stage.start()
        server.drop()
        await stage.passes(0.1)
        await stage.session.stream_data(frame(7))
        await stage.back(within=5)
        notice = await stage.until(Notice, within=5, text="It does not fit.")
        assert notice.severity == "warning"


@virtual
async def test_a_link_that_sees_nothing_leaves_what_waited_out_and_goes_on():
    async with staged(COLD, capabilities={"images": False}) as stage:
        server = await stage.start(InputMode.TEXT)
        server.drop()
        await stage.passes(0.1)
        await stage.session.stream_data(frame(7))
        server = await stage.back()
        await asks(stage, server, "Hello?")


@given(
    st.floats(0.1, 10.0),
    st.lists(st.floats(0.0, 30.0), max_size=60),
)
def test_no_more_come_than_the_pace_allows(every, gaps):
    now, pace, went = 0.0, Pace(every, 0.0), []
    for gap in gaps:
        now += gap
        if pace.admits(now):
            went.append(now)
    for first in range(len(went)):
        for last in range(first, len(went)):
            allowed = WAITING + (went[last] - went[first]) / every
            assert last - first + 1 <= allowed + 1e-3


def test_without_a_limit_all_come():
    pace = Pace(0.0, 0.0)
    assert all(pace.admits(0.0) for _ in range(100))
