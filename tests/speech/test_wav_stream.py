"""WAV in pieces of any size."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.errors import ProtocolSurprise
from neko_cli.speech.tts.wav_stream import MAX_HEADER, WavStream
from tests.fakes.voices import wav

PCM = bytes(range(200))


@given(size=st.integers(1, 300), length=st.sampled_from([None, 0, 0xFFFFFFFF, 0x7FFFFFFF]))
def test_the_sound_comes_whole_in_pieces_of_any_size(size: int, length: int | None) -> None:
    data = wav(PCM, 22_050, length=length)
    stream = WavStream()
    assert b"".join(stream.push(data[at : at + size]) for at in range(0, len(data), size)) == PCM
    assert stream.rate == 22_050


def test_what_follows_the_sound_is_no_sound() -> None:
    assert WavStream().push(wav(PCM) + b"LIST\x04\0\0\0abcd") == PCM


def test_other_chunks_before_the_sound_are_skipped() -> None:
    data = wav(PCM)
    odd = data[:12] + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + data[12:]
    assert WavStream().push(odd) == PCM


@pytest.mark.parametrize(
    "data",
    [
        b"ID3\x04" + bytes(20),
        b"RIFF\0\0\0\0AVI " + bytes(20),
        wav(PCM)[:22] + struct.pack("<H", 2) + wav(PCM)[24:],
        wav(PCM)[:34] + struct.pack("<H", 8) + wav(PCM)[36:],
        wav(PCM)[:12] + wav(PCM)[36:],
        wav(PCM)[:12] + struct.pack("<4sI", b"LIST", 1 << 30) + bytes(MAX_HEADER),
    ],
)
def test_anything_but_16_bit_mono_is_told(data: bytes) -> None:
    with pytest.raises(ProtocolSurprise):
        WavStream().push(data)
