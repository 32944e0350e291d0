"""G.711, and the buffer that keeps two rates in step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.audio_format import (
    G711_ALAW,
    G711_ULAW,
    PCM_24K,
    AudioFormat,
    Encoding,
    FromVoice,
    ToEars,
    compress,
    expand,
)
from neko_cli.local.input_buffer import InputBuffer
from tests.local.parts import tone

ALL = [PCM_24K, G711_ULAW, G711_ALAW]


# Values of ITU-T G.711, tables 1 and 2: code -> 16-bit sample.
@pytest.mark.parametrize(
    ("encoding", "code", "sample"),
    [
        (Encoding.ULAW, 0xFF, 0),
        (Encoding.ULAW, 0x80, 32124),
        (Encoding.ULAW, 0x00, -32124),
        (Encoding.ULAW, 0xFE, 8),
        (Encoding.ULAW, 0xEF, 132),
        (Encoding.ALAW, 0xD5, 8),
        (Encoding.ALAW, 0x55, -8),
        (Encoding.ALAW, 0xAA, 32256),
        (Encoding.ALAW, 0x2A, -32256),
        (Encoding.ALAW, 0xC5, 264),
    ],
)
def test_g711_values(encoding: Encoding, code: int, sample: int) -> None:
    assert np.frombuffer(expand(bytes([code]), encoding), dtype="<i2")[0] == sample


@pytest.mark.parametrize("encoding", [Encoding.ULAW, Encoding.ALAW])
def test_g711_there_and_back(encoding: Encoding) -> None:
    codes = bytes(range(256))
    again = compress(expand(codes, encoding), encoding)
    assert expand(again, encoding) == expand(codes, encoding)
    samples = np.arange(-32768, 32768, dtype="<i2")
    back = np.frombuffer(expand(compress(samples.tobytes(), encoding), encoding), dtype="<i2")
    error = np.abs(back.astype(int) - samples)
    assert error.max() <= 1024  # the widest steps, at the loud end, half a step away at the most
    assert error[np.abs(samples.astype(int)) < 256].max() <= 8


@pytest.mark.parametrize("wire", ALL)
def test_a_second_stays_a_second(wire: AudioFormat) -> None:
    from_voice, to_ears = FromVoice(wire), ToEars(wire)
    pcm = tone(1000)
    data = (
        b"".join(from_voice.push(pcm[at : at + 4801]) for at in range(0, len(pcm), 4801)) + from_voice.drain()
    )
    assert wire.duration_ms(len(data)) == 1000
    heard = b"".join(to_ears.push(data[at : at + 777]) for at in range(0, len(data), 777)) + to_ears.drain()
    assert len(heard) // 2 == 16_000
    loudest = np.abs(np.fft.rfft(np.frombuffer(heard, dtype="<i2"))).argmax()
    assert loudest == 440


@given(st.sampled_from(ALL), st.lists(st.integers(1, 4000), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_cutting_loses_nothing(wire: AudioFormat, chunks: list[int], data: st.DataObject) -> None:
    buffer = InputBuffer(wire, position=12_345)
    rng = np.random.default_rng(sum(chunks))
    sent = b"".join(rng.integers(0, 255, n * wire.sample_bytes, dtype=np.uint8).tobytes() for n in chunks)
    buffer.push(sent)
    taken = b""
    while data.draw(st.booleans()) and buffer.end > buffer.start:
        cut = data.draw(st.integers(buffer.start, buffer.end))
        taken += buffer.take(buffer.start, cut).data
    taken += buffer.take_all(buffer.start).data
    assert taken == sent
    assert buffer.duration_ms == 0


def test_an_utterance_tells_where_it_was() -> None:
    buffer = InputBuffer(PCM_24K)
    buffer.push(tone(3000))
    utterance = buffer.take(16_000, 32_000)
    assert (utterance.start_ms, utterance.duration_ms) == (1000, 1000)
    assert utterance.data == tone(3000)[48_000:96_000]
    assert len(utterance.pcm) == 32_000
    assert buffer.start == 32_000


def test_clearing_keeps_the_count() -> None:
    buffer = InputBuffer(G711_ULAW)
    buffer.push(bytes(8000))
    buffer.clear()
    assert (buffer.start, buffer.end, buffer.duration_ms) == (16_000, 16_000, 0)
