"""Who keeps the echo out: ours, the sound server, or nobody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from neko_cli.audio import echo, echo_care
from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.audio.echo_engine import EchoUnavailable, Why

RATE = 48_000
FRAME = bytes(RATE // 100 * 2)


def pactl_that_says(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound server whose default source is called so."""
    program = folder / "pactl"
    program.write_text(f'#!/bin/sh\n[ "$1" = get-default-source ] && echo "{source}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def missing(*_: object) -> None:
    raise EchoUnavailable(Why.NOT_INSTALLED, "Echo cannot be cancelled here.", hint="pip install it")


async def test_nothing_is_trusted_before_anything_was_played() -> None:
    care = DeviceEcho()
    assert (care.trusted, care.figure.state) == (False, "off")
    await care.microphone_opened("USB microphone")
    assert (care.trusted, care.figure.state) == (False, "waiting")


async def test_a_frame_comes_back_as_long_as_it_was() -> None:
    care = DeviceEcho()
    ear = await care.microphone_opened("USB microphone")
    assert len(care.clean(FRAME, 0.0, RATE, ear)) == len(FRAME)


@pytest.mark.parametrize(
    ("name", "default", "by_server"),
    [
        ("Built-in (echo cancelled with Built-in speaker)", "", True),
        ("pulse", "alsa_input.pci.echo-cancel", True),
        ("default", "alsa_input.pci", False),
        ("USB microphone", "alsa_input.pci.echo-cancel", False),  # another one was chosen
    ],
)
async def test_the_sound_servers_own_canceller_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, default: str, by_server: bool
) -> None:
    pactl_that_says(tmp_path, default, monkeypatch)
    care = DeviceEcho()
    ear = await care.microphone_opened(name)
    assert care.trusted is by_server
    assert (care.figure.state == "server") is by_server
    if by_server:
        sound = b"\x10\x20" * (RATE // 100)
        assert care.clean(sound, 0.0, RATE, ear) == sound
        assert care.hears_somebody
        assert care.rest(ear) == b""


async def test_a_sound_server_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pactl"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(echo_care, "ASK_S", 0.05)
    care = DeviceEcho()
    await care.microphone_opened("pulse")
    assert care.figure.state == "waiting"


async def test_without_the_library_sound_passes_and_nobody_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(echo, "make_canceller", missing)
    care = DeviceEcho()
    ear = await care.microphone_opened("USB microphone")
    care.tap()(memoryview(FRAME), RATE, 0.0)
    assert (care.trusted, care.figure.state) == (False, "off")
    assert care.unavailable is not None
    assert care.figure.reason == str(care.unavailable)
    assert care.clean(FRAME, 0.0, RATE, ear) == FRAME
    assert care.rest(ear) == b""


async def test_the_microphone_before_loses_nothing_when_another_one_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 5.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    care = DeviceEcho()
    played = care.tap()
    first = await care.microphone_opened("USB microphone")
    played(memoryview(FRAME), RATE, 0.0)
    frames = [bytes([n]) * len(FRAME) for n in range(1, 6)]
    assert care.clean(frames[0], 5.3, RATE, first) == b"", "what is played beside it is waited for"
    second = await care.microphone_opened("Headset")
    assert len(care.clean(frames[1], 5.31, RATE, first)) == 2 * len(FRAME)
    assert care.clean(frames[2], 5.32, RATE, first) == frames[2]
    assert care.rest(first) == b""
    assert care.clean(frames[3], 5.33, RATE, second) == b""
    assert len(care.rest(second)) == len(FRAME)


async def test_only_what_may_be_echo_is_not_somebody() -> None:
    care = DeviceEcho()
    assert care.hears_somebody
    played = care.tap()
    ear = await care.microphone_opened("USB microphone")
    assert care.hears_somebody, "nothing is played"
    loud = b"\x00\x20" * (RATE // 100)
    for _ in range(3):
        played(memoryview(loud), RATE, 0.0)
        care.clean(FRAME, time.monotonic(), RATE, ear)
    care.rest(ear)
    assert not care.hears_somebody
