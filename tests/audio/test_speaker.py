"""The loudspeaker's callback without a device: what it gives, counts and tells when sound breaks off."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from neko_cli.audio import speaker as speaker_module
from neko_cli.audio.fade import FADE_MS
from tests.fakes.driven import LATENCY_S, DrivenSpeaker

RATE = 48_000
BLOCK = RATE // 100
FADE = RATE * FADE_MS // 1000


def tone(n: int) -> np.ndarray:
    return np.rint(16_000 * np.sin(0.3 + 2 * math.pi * 440 / RATE * np.arange(n))).astype("<i2")


def samples(given: bytes) -> np.ndarray:
    return np.frombuffer(given, "<i2")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time that the loudspeaker reads."""
    time = [100.0]
    monkeypatch.setattr(speaker_module, "clock_time", SimpleNamespace(monotonic=lambda: time[0]))
    return lambda later: time.__setitem__(0, time[0] + later)


def test_a_reply_is_handed_over_bit_for_bit_and_a_break_is_counted() -> None:
    speaker, sound = DrivenSpeaker(), tone(5 * BLOCK + 100)
    speaker.play(sound.tobytes())
    given = samples(speaker.blocks(8))
    assert np.array_equal(given[: len(sound)], sound)
    assert given[len(sound)] != 0, "it does not stop at a jump"
    assert not given[len(sound) + FADE :].any()
    assert speaker.handed == len(sound), "what rings out was not played by anybody"
    assert speaker.gaps == 1


def test_played_reaches_the_faded_samples_of_a_cleared_reply(now: Callable[[float], None]) -> None:
    speaker = DrivenSpeaker()
    speaker.play(tone(100 * BLOCK).tobytes())
    speaker.blocks(5)
    speaker.clear()
    assert speaker.queued_ms == pytest.approx(50.0 + FADE_MS), "in the device, and what fades out"
    given = samples(speaker.blocks(2))
    assert given[:FADE].any()
    assert not given[FADE:].any()
    assert speaker.handed == 5 * BLOCK + FADE
    now(1.0)
    assert speaker.played == 5 * BLOCK + FADE
    assert speaker.queued_ms == 0.0


def test_a_hold_is_heard_within_one_block_and_loses_nothing(now: Callable[[float], None]) -> None:
    speaker, sound = DrivenSpeaker(), tone(20 * BLOCK)
    speaker.play(sound.tobytes())
    speaker.blocks(5)
    speaker.hold(True)
    held = samples(speaker.blocks(30))
    assert not held[FADE:].any()
    assert speaker.handed == 5 * BLOCK + FADE
    now(1.0)
    assert speaker.queued_ms == pytest.approx(150.0 - FADE_MS), "what waits stays"
    speaker.hold(False)
    given = samples(speaker.blocks(20))
    rest = sound[5 * BLOCK + FADE :]
    assert np.array_equal(given[FADE : len(rest)], rest[FADE:])
    assert speaker.handed == len(sound)
    assert speaker.gaps == 1, "at its end alone"


def test_a_clear_ends_a_hold_in_silence(now: Callable[[float], None]) -> None:
    speaker = DrivenSpeaker()
    speaker.play(tone(20 * BLOCK).tobytes())
    speaker.blocks(5)
    speaker.hold(True)
    speaker.blocks(2)
    speaker.clear()
    now(1.0)
    assert speaker.queued_ms == 0.0
    assert not samples(speaker.blocks(3)).any()


def test_what_moves_to_another_device_begins_where_this_one_ends() -> None:
    speaker, other, sound = DrivenSpeaker(), DrivenSpeaker(), tone(50 * BLOCK)
    speaker.play(sound.tobytes())
    given = [samples(speaker.blocks(5))]
    rest = speaker.take_back(20.0)
    given.append(samples(speaker.blocks(5))[: 2 * BLOCK])
    assert not samples(speaker.blocks(2)).any()
    other.play(rest)
    given.append(samples(other.blocks(43)))
    assert np.array_equal(np.concatenate(given), sound)


async def test_an_end_that_is_waited_for_is_played_as_it_is(now: Callable[[float], None]) -> None:
    speaker, sound = DrivenSpeaker(), tone(3 * BLOCK + 100)
    speaker.play(sound.tobytes())
    drained = asyncio.create_task(speaker.drained())
    await asyncio.sleep(0)
    given = samples(speaker.blocks(6))
    now(1.0)
    async with asyncio.timeout(5):
        await drained
    assert np.array_equal(given[: len(sound)], sound)
    assert not given[len(sound) :].any()
    speaker.play(sound.tobytes())
    assert np.array_equal(samples(speaker.blocks(3)), sound[: 3 * BLOCK]), "what follows is no less"
    assert samples(speaker.blocks(1))[100 : 100 + FADE].any(), "nobody waits: it ran dry"


def test_a_loudspeaker_that_gets_sound_again_after_it_was_taken_back_fades() -> None:
    speaker = DrivenSpeaker()
    speaker.play(tone(50 * BLOCK).tobytes())
    speaker.blocks(5)
    speaker.take_back(20.0)
    speaker.play(tone(BLOCK).tobytes())
    assert samples(speaker.blocks(10))[3 * BLOCK : 3 * BLOCK + FADE].any()


def test_a_pause_rests_when_all_that_was_handed_over_is_heard_and_no_hold_ends_it(
    now: Callable[[float], None],
) -> None:
    speaker, sound = DrivenSpeaker(), tone(20 * BLOCK)
    assert speaker.is_idle
    speaker.play(sound.tobytes())
    assert not speaker.is_idle, "it waits"
    speaker.blocks(5)
    speaker.pause(True)
    speaker.hold(True)
    speaker.hold(False)
    speaker.clear()
    speaker.blocks(3)
    assert not speaker.rests, "the fade is still on its way"
    assert not samples(speaker.blocks(1)).any()
    assert speaker.rests
    assert speaker.is_idle
    speaker.play(sound.tobytes())
    assert not samples(speaker.blocks(1)).any()
    speaker.pause(False)
    assert samples(speaker.blocks(1)).any()


def test_a_tap_is_told_what_the_device_is_given() -> None:
    told = bytearray()

    def tap(block: memoryview, rate: int, heard_at: float) -> None:
        assert rate == RATE
        told.extend(block)

    speaker = DrivenSpeaker(taps=[lambda: tap])
    speaker.play(tone(5 * BLOCK + 7).tobytes())
    given = speaker.blocks(3)
    speaker.hold(True)
    given += speaker.blocks(3)
    speaker.hold(False)
    given += speaker.blocks(5)
    assert told == given


async def test_drained_waits_for_the_fade_of_what_was_cleared(now: Callable[[float], None]) -> None:
    speaker = DrivenSpeaker()
    speaker.play(tone(100 * BLOCK).tobytes())
    speaker.blocks(1)
    now(0.01 + LATENCY_S)
    speaker.clear()
    drained = asyncio.create_task(speaker.drained())
    await asyncio.sleep(0.03)
    assert not drained.done()
    speaker.blocks(1)
    now(LATENCY_S + FADE_MS / 1000)
    async with asyncio.timeout(5):
        await drained
