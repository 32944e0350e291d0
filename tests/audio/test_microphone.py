"""The microphone's frames, whatever lengths its device captures at a time."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.core.pcm import SILENCE_DBFS
from tests.fakes.driven import DrivenMicrophone

BLOCK = 960
"""Bytes of 10 ms."""

SOUND = bytes(range(256)) * 103
"""27 blocks and a half: the last frame is one block."""


@pytest.mark.parametrize("piece", [96, 441, 480, 512, 1024, 5000])
@pytest.mark.parametrize("at_once", [False, True])
async def test_frames_are_whole_blocks_in_order_and_none_is_left_at_the_end(
    piece: int, at_once: bool
) -> None:
    microphone = DrivenMicrophone()
    await microphone.listen("headset")
    frames: list[bytes] = []

    async def read() -> None:
        async for frame in microphone.frames():
            frames.append(frame)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(read())
        for at in range(0, len(SOUND), 2 * piece):
            microphone.capture(SOUND[at : at + 2 * piece])
            if not at_once:
                for _ in range(3):  # the wake-up, then the reader
                    await asyncio.sleep(0)
                waits = (at + 2 * piece) % (2 * BLOCK)
                assert at + 2 * piece > len(SOUND) or microphone.unread * 2 == waits, "it was woken in time"
        microphone._device._stream = None  # it is closed
        microphone._wake_up()
    assert b"".join(frames) == SOUND[: len(SOUND) // BLOCK * BLOCK]
    assert {len(frame) for frame in frames} <= {BLOCK, 2 * BLOCK}


@pytest.mark.parametrize("sample", [b"\x02\x00", b"\x00\x00"])
async def test_its_raw_level_is_what_the_device_gave_whatever_echo_cancelling_leaves(
    monkeypatch: pytest.MonkeyPatch, sample: bytes
) -> None:
    echo = DeviceEcho()
    microphone = DrivenMicrophone(echo=echo)
    await microphone.listen("USB microphone")
    assert echo._canceller is not None
    monkeypatch.setattr(echo._canceller, "process", lambda frame, came_at, rate: bytes(len(frame)))
    for _ in range(10):
        microphone.capture(sample * (BLOCK // 2))
    await anext(microphone.frames())
    assert microphone.level == SILENCE_DBFS
    assert (microphone.raw_level > SILENCE_DBFS) is any(sample)
