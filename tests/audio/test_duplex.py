"""A microphone and a loudspeaker that share a stream, with a script in the place of the sound library."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from neko_cli.audio import portaudio, streams
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.sound import DeviceSound
from neko_cli.audio.speaker import DeviceSpeaker, Tap
from neko_cli.core.errors import AudioError, NoMicrophone, NoSpeaker
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.ports_sound import Streams

RATE = 48_000
SOUND = bytes(range(1, 251)) * 96 * 4
"""A second without a sample of zero."""


class PortAudioError(Exception):
    """As ``sounddevice`` has it."""


class Stream:
    """A stream whose device takes a piece each 2 ms on a thread, of the length that it likes."""

    pieces = 96

    def __init__(self, library: Library, ways: str, **options: Any) -> None:
        if ways in library.refused:
            raise PortAudioError("Device unavailable")
        self._library = library
        self.ways = ways
        self.callback = options["callback"]
        self._finished = options["finished_callback"]
        size = options["blocksize"]
        self._size = size or self.pieces
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = threading.Event()
        self.latency = (0.01, 0.02) if ways == "both" else 0.01
        self.taken = bytearray()
        self.active = False

    def start(self) -> None:
        self.active = True
        self._library.open.append(self)
        self._thread.start()

    def _run(self) -> None:
        time_info = SimpleNamespace(currentTime=0.0, outputBufferDacTime=0.004)
        while not self._stop.wait(self._size / RATE):
            sound, block = b"\5\0" * self._size, bytearray(2 * self._size)
            if self.ways == "both":
                self.callback(sound, block, self._size, time_info, None)
            elif self.ways == "in":
                self.callback(sound, self._size, time_info, None)
            else:
                self.callback(block, self._size, time_info, None)
            self.taken += block

    def die(self) -> None:
        """It ends by itself."""
        self._end()

    def stop(self) -> None:
        self._end()

    abort = stop

    def _end(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self.active:
            self.active = False
            self._finished()

    def close(self) -> None:
        self._end()
        if self in self._library.open:
            self._library.open.remove(self)
            self._library.played += self.taken


class Library:
    """What stands in for ``sounddevice``."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.open: list[Stream] = []
        self.refused: set[str] = set()
        self.played = bytearray()
        self.device = DeviceInfo(
            index=0, name="headset", host_api="Core Audio", inputs=1, outputs=1, default_rate=RATE,
            default_input=True, default_output=True,
        )  # fmt: skip
        self.RawStream = lambda **options: Stream(self, "both", **options)
        self.RawInputStream = lambda **options: Stream(self, "in", **options)
        self.RawOutputStream = lambda **options: Stream(self, "out", **options)

    def check_input_settings(self, **options: Any) -> None:
        if "rate" in self.refused:
            raise PortAudioError("Invalid sample rate")

    @property
    def ways(self) -> list[str]:
        """Which streams are open."""
        return sorted(stream.ways for stream in self.open)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library with one device that goes both ways, on one clock."""
    made = Library()
    monkeypatch.setattr(portaudio, "library", lambda: made)
    monkeypatch.setattr(streams, "read_devices", lambda: (made.device,))
    yield made
    for stream in list(made.open):
        stream.close()


@pytest.fixture
def sound() -> DeviceSound:
    """A sound system whose devices may share."""
    return DeviceSound()


async def both(sound: DeviceSound) -> tuple[DeviceSpeaker, DeviceMicrophone]:
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    await microphone.open()
    return speaker, microphone


async def frame_of(microphone: DeviceMicrophone) -> bytes:
    async with asyncio.timeout(5):
        return await anext(microphone.frames())


async def test_one_stream_while_both_are_open_and_one_way_before_and_after(
    library: Library, sound: DeviceSound
) -> None:
    speaker, microphone = await both(sound)
    assert library.ways == ["both"]
    assert (speaker.latency_ms, microphone.latency_ms) == (20.0, 10.0)
    assert await frame_of(microphone) == b"\5\0" * 960, "20 ms, though the device captures 2 at a time"
    await microphone.close()
    assert library.ways == ["out"]
    assert speaker.latency_ms == 10.0
    assert speaker.failure is None
    await speaker.close()
    assert library.ways == []
    assert not portaudio.streams_are_open()


@pytest.mark.parametrize(
    ("host", "name", "wanted", "shared"),
    [
        ("ALSA", "default", Streams.AUTO, False),
        ("ALSA", "default", Streams.ONE, True),
        ("ALSA", "USB Audio: - (hw:1,0)", Streams.AUTO, True),
        ("ALSA", "USB Audio: - (hw:1,0)", Streams.TWO, False),
    ],
)
async def test_which_devices_share_is_for_the_plan_and_the_profile(
    library: Library, host: str, name: str, wanted: Streams, shared: bool
) -> None:
    library.device = msgspec.structs.replace(library.device, host_api=host, name=name)
    speaker, microphone = await both(DeviceSound(streams=wanted))
    assert library.ways == (["both"] if shared else ["in", "out"])
    await microphone.close()
    await speaker.close()
    assert not portaudio.streams_are_open()


async def test_where_nothing_is_shared_nothing_stands_between(library: Library) -> None:
    library.device = msgspec.structs.replace(library.device, host_api="ALSA", name="default")
    speaker, microphone = await both(DeviceSound())
    assert [type(device._device._stream) for device in (speaker, microphone)] == [Stream, Stream]
    assert {stream.callback for stream in library.open} == {speaker._fill, microphone._copy}
    await microphone.close()
    await speaker.close()


@pytest.mark.parametrize("pieces", [96, 441, 512, 1024])
async def test_frames_are_whole_blocks_whatever_the_device_captures_at_a_time(
    library: Library, sound: DeviceSound, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setattr(Stream, "pieces", pieces)
    speaker, microphone = await both(sound)
    lengths = []
    async with asyncio.timeout(5):
        async for frame in microphone.frames():
            lengths.append(len(frame))
            if len(lengths) == 5:
                await microphone.close()
    assert {length % 960 for length in lengths} == {0}
    assert lengths[:5] == [1920] * 5
    await speaker.close()


class Taps:
    """Makes taps that note how much they are told at a time."""

    def __init__(self) -> None:
        self.made = 0
        self.lengths: set[int] = set()

    def __call__(self) -> Tap:
        self.made += 1
        self.lengths = set()

        def take(block: memoryview, rate: int, heard_at: float) -> None:
            self.lengths.add(len(block) // 2)

        return take


async def test_the_echo_canceller_is_told_of_pieces_as_the_device_takes_them(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "pieces", 512)
    tap = Taps()
    speaker, microphone = await both(DeviceSound([tap]))
    speaker.play(SOUND[:9600])
    async with asyncio.timeout(5):
        await speaker.drained()
    assert tap.lengths == {512}
    assert tap.made == 2, "one for each stream"
    await microphone.close()
    async with asyncio.timeout(5):
        while not tap.lengths:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert tap.lengths == {480}
    await speaker.close()


async def test_a_hold_lasts_over_a_change_of_streams(library: Library, sound: DeviceSound) -> None:
    speaker, microphone = await both(sound)
    speaker.hold(True)
    speaker.play(SOUND[:9600])
    await microphone.close()
    await asyncio.sleep(0.05)
    assert speaker.handed == 0
    speaker.hold(False)
    async with asyncio.timeout(5):
        await speaker.drained()
    assert speaker.played == 4800
    await speaker.close()


async def test_a_reply_goes_on_over_the_change_and_every_sample_counts(
    library: Library, sound: DeviceSound
) -> None:
    speaker, microphone = await both(sound)
    speaker.play(SOUND)
    while speaker.played < RATE // 10:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await microphone.close()
    async with asyncio.timeout(10):
        await speaker.drained()
    assert speaker.played == speaker.handed == len(SOUND) // 2
    await speaker.close()
    heard = heard_of(library)
    assert len(heard) == pytest.approx(len(SOUND), abs=20), "but for zeros in a fade"
    assert heard.endswith(SOUND[-RATE:]), "and what was faded is a moment alone"


def heard_of(library: Library) -> bytes:
    """What the device took, but for silence and what rings on where the end was not yet waited for."""
    heard, end = bytes(library.played).replace(b"\0\0", b""), SOUND[-500:]
    return heard[: heard.rindex(end) + len(end)]


async def test_a_microphone_does_not_cut_a_reply(library: Library, sound: DeviceSound) -> None:
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    speaker.play(SOUND)
    await microphone.open()
    assert library.ways == ["in", "out"]
    await microphone.close()
    await speaker.close()


@pytest.mark.parametrize("refused", ["both", "rate"])
async def test_a_device_that_does_not_go_both_ways_at_once_has_two_streams(
    library: Library, sound: DeviceSound, refused: str
) -> None:
    library.refused.add(refused)
    speaker, microphone = await both(sound)
    assert library.ways == ["in", "out"]
    assert speaker.failure is None
    assert await frame_of(microphone)
    speaker.play(SOUND[:9600])
    async with asyncio.timeout(5):
        await speaker.drained()
    await microphone.close()
    await speaker.close()
    assert not portaudio.streams_are_open()


async def test_the_microphone_goes_on_when_the_loudspeaker_is_closed_and_another_may_come(
    library: Library, sound: DeviceSound
) -> None:
    speaker, microphone = await both(sound)
    await speaker.close()
    assert library.ways == ["both"]
    assert await frame_of(microphone)
    again = sound.speaker()
    await again.open()
    assert library.ways == ["both"]
    again.play(SOUND[:9600])
    async with asyncio.timeout(5):
        await again.drained()
    assert again.played == 4800
    await microphone.close()
    assert library.ways == ["out"]
    await again.close()
    assert not portaudio.streams_are_open()


async def test_the_last_to_close_lets_go_of_the_device(library: Library, sound: DeviceSound) -> None:
    speaker, microphone = await both(sound)
    await speaker.close()
    await microphone.close()
    assert library.ways == []
    assert not portaudio.streams_are_open()


async def test_an_end_of_the_stream_is_told_to_both(library: Library, sound: DeviceSound) -> None:
    speaker, microphone = await both(sound)
    library.open[0].die()
    async with asyncio.timeout(5):
        assert isinstance(await speaker.lost(), NoSpeaker)
        with pytest.raises(NoMicrophone):
            async for _ in microphone.frames():
                pass
    await microphone.close()
    assert library.ways == [], "a loudspeaker that is dead is not opened again"
    await speaker.close()
    assert not portaudio.streams_are_open()


async def test_a_loudspeaker_that_does_not_open_again_is_lost(library: Library, sound: DeviceSound) -> None:
    speaker, microphone = await both(sound)
    library.refused.add("out")
    await microphone.close()
    async with asyncio.timeout(5):
        assert isinstance(await speaker.lost(), AudioError)
    await speaker.close()
    assert not portaudio.streams_are_open()


async def test_a_second_microphone_has_its_own_stream(library: Library, sound: DeviceSound) -> None:
    speaker, microphone = await both(sound)
    second = sound.microphone()
    await second.open()
    assert library.ways == ["both", "in"]
    await microphone.close()
    assert library.ways == ["in", "out"]
    assert await frame_of(second)
    await second.close()
    await speaker.close()


async def test_a_key_that_is_pressed_while_the_loudspeaker_begins_loses_none_of_it(
    library: Library, sound: DeviceSound
) -> None:
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    opening = asyncio.create_task(microphone.open())
    await asyncio.sleep(0)
    time.sleep(0.002)  # noqa: ASYNC251 (the lane is at it)
    speaker.play(SOUND)
    await opening
    async with asyncio.timeout(10):
        await speaker.drained()
    await microphone.close()
    await speaker.close()
    assert heard_of(library) == SOUND


async def test_an_opening_that_is_given_up_leaves_the_loudspeaker_alone(
    library: Library, sound: DeviceSound
) -> None:
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    opening = asyncio.create_task(microphone.open())
    await asyncio.sleep(0.001)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(5):
        while library.ways != ["out"]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await speaker.close()
        while portaudio.streams_are_open():  # noqa: ASYNC110 (it may only now have begun)
            await asyncio.sleep(0.005)
