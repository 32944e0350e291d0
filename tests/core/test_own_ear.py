"""Our own detector, on sound whose samples are numbered: what belongs to a turn, and where it ends."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core import own_ear, pcm
from neko_cli.core.own_ear import Heard, LevelDetector, OwnEar, is_used
from neko_cli.core.profile import parse
from neko_cli.core.tables_turns import Turns

RATE = 16_000
FRAME = RATE // 100
LOUD = 1 << 14
"""What a sample holds when somebody speaks; the rest of it is its number."""


class Numbers:
    """Hears speech where samples say so."""

    frame_bytes = 1024

    def probability(self, frame: bytes) -> float:
        samples = np.frombuffer(frame, dtype="<i2")
        return float(np.mean(samples >= LOUD))

    def reset(self) -> None:
        pass


def stream(*parts: tuple[str, int]) -> list[bytes]:
    """10 ms frames of ``("speech" or "quiet", ms)``, each sample with its number modulo LOUD."""
    loud = np.concatenate([np.full(ms * RATE // 1000, kind == "speech") for kind, ms in parts])
    numbers = np.arange(loud.size) % LOUD + np.where(loud, LOUD, 0)
    data = numbers.astype("<i2").tobytes()
    return [data[at : at + 2 * FRAME] for at in range(0, len(data), 2 * FRAME)]


def turns_of(frames, *, prefix_ms=300, silence_ms=700, detector=None, rate=RATE):
    """Each turn that was heard as its samples; the last one may be open."""
    ear = OwnEar(detector or Numbers(), Turns(prefix_ms=prefix_ms), silence_ms=silence_ms)
    found, told = [], []
    for frame in frames:
        piece = ear.hear(frame, rate)
        told.append(piece.heard)
        if piece.heard is Heard.BEGINS:
            found.append(b"")
        if piece.heard is not Heard.NOTHING:
            found[-1] += piece.sound
        else:
            assert piece.sound == b""
    return [np.frombuffer(one, dtype="<i2").astype(int) for one in found], told


def test_a_turn_is_the_speech_with_its_run_up_and_the_silence_that_ends_it():
    (turn,), told = turns_of(stream(("quiet", 2000), ("speech", 1000), ("quiet", 1500)))
    numbers = turn % LOUD
    assert np.all(np.diff(numbers) % LOUD == 1), "every sample once, in order"
    spoken = np.flatnonzero(turn >= LOUD)
    assert spoken.size == RATE, "all of the speech"
    assert 300 <= spoken[0] * 1000 / RATE <= 300 + 128, "with at least the run-up"
    after = (turn.size - spoken[-1] - 1) * 1000 / RATE
    assert 700 <= after <= 700 + 64
    assert told.count(Heard.BEGINS) == told.count(Heard.ENDS) == 1


def test_a_run_up_is_not_longer_than_what_there_was():
    (turn,), _ = turns_of(stream(("quiet", 50), ("speech", 500), ("quiet", 1000)))
    assert turn[0] == 0


def test_a_pause_shorter_than_the_silence_does_not_end_a_turn():
    found, _ = turns_of(
        stream(("quiet", 500), ("speech", 400), ("quiet", 600), ("speech", 400), ("quiet", 900))
    )
    assert len(found) == 1


def test_two_turns_share_no_sample_and_nothing_between_them_is_heard_twice():
    found, told = turns_of(
        stream(("quiet", 500), ("speech", 400), ("quiet", 800), ("speech", 400), ("quiet", 900))
    )
    first, second = found
    assert first[-1] % LOUD < second[0] % LOUD
    assert told.count(Heard.ENDS) == 2


@pytest.mark.parametrize("ms", [10, 20, 30])
def test_a_click_begins_nothing(ms):
    found, _ = turns_of(stream(("quiet", 1000), ("speech", ms), ("quiet", 1000)))
    assert found == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["speech", "quiet"]), st.integers(1, 40).map(lambda n: n * 50)), max_size=12
    ),
    st.integers(0, 10).map(lambda n: n * 50),
    st.integers(2, 20).map(lambda n: n * 50),
)
def test_turns_are_pieces_of_the_stream_in_order(parts, prefix_ms, silence_ms):
    frames = stream(*parts) if parts else []
    found, told = turns_of(frames, prefix_ms=prefix_ms, silence_ms=silence_ms)
    data = np.frombuffer(b"".join(frames), dtype="<i2").astype(int)
    at = 0
    for turn in found:
        starts = np.flatnonzero(data[at : data.size - turn.size + 1] == turn[0]) + at
        begin = next(int(k) for k in starts if np.all(data[k : k + turn.size] == turn))
        at = begin + turn.size
    alternating = [heard for heard in told if heard in (Heard.BEGINS, Heard.ENDS)]
    assert all(heard is (Heard.ENDS if n % 2 else Heard.BEGINS) for n, heard in enumerate(alternating))


def test_another_rate_is_heard_as_well():
    """The device's rate is what is sent; the detector's own is its business."""
    t = np.arange(48_000 * 3) / 48_000
    tone = np.where((t > 1) & (t < 2), np.sin(2 * np.pi * 300 * t) * 12_000, 0).astype("<i2").tobytes()
    frames = [tone[at : at + 960] for at in range(0, len(tone), 960)]
    (turn,), _ = turns_of(frames, detector=LevelDetector(), rate=48_000)
    assert pcm.duration_ms(turn.size * 2, 48_000) == pytest.approx(300 + 1000 + 700, abs=130)


def test_after_a_reset_what_was_heard_is_in_no_turn():
    ear = OwnEar(Numbers(), Turns(prefix_ms=300), silence_ms=700)
    for frame in stream(("quiet", 200), ("speech", 500)):
        ear.hear(frame, RATE)
    assert ear.is_open
    ear.reset()
    assert not ear.is_open
    told = [ear.hear(frame, RATE).heard for frame in stream(("quiet", 1000))]
    assert set(told) == {Heard.NOTHING}


@pytest.mark.parametrize(
    ("profile", "used"),
    [
        ({}, False),
        ({"turns": {"detection": "local"}}, True),
        ({"turns": {"detection": "manual"}}, False),
        ({"provider": {"name": "openai"}}, False),
        ({"provider": {"name": "openai"}, "turns": {"detection": "local"}}, True),
        ({"provider": {"name": "openai-chat"}}, False),  # it hears nothing at all
        ({"provider": {"name": "nobody"}}, False),
    ],
)
def test_whose_detector_is_used(profile, used):
    assert is_used(parse(profile, "x.toml")) is used


def test_a_provider_without_a_detector_is_helped(monkeypatch):
    known = own_ear.PROVIDERS["openai"]
    deaf = msgspec.structs.replace(
        known, capabilities=msgspec.structs.replace(known.capabilities, server_vad=False)
    )
    monkeypatch.setitem(own_ear.PROVIDERS, "openai", deaf)
    assert is_used(parse({"provider": {"name": "openai"}}, "x.toml"))
