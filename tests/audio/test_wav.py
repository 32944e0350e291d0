"""Reading WAV: every common form, broken ones, pipes."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.wav import WavReader, WavWriter
from neko_cli.core.errors import ConfigError

SAMPLES = np.array([0, 1, -1, 256, -256, 12_345, -12_345, 32_767, -32_768, 20_000], dtype="<i2")
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    """One RIFF chunk, padded; ``size`` overrides what it declares."""
    return (
        kind
        + struct.pack("<I", len(content) if size is None else size)
        + content
        + b"\0" * (len(content) % 2)
    )


def fmt(
    coding: int, channels: int, rate: int, bits: int, *, width: int = 0, extensible: bool = False
) -> bytes:
    """A fmt chunk."""
    frame = channels * (width or (bits + 7) // 8)
    tag = 0xFFFE if extensible else coding
    content = struct.pack("<HHIIHH", tag, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits)
    if extensible:
        content += struct.pack("<HHIH", 22, bits, 0, coding) + GUID_TAIL
    return chunk(b"fmt ", content)


def riff(*chunks: bytes) -> bytes:
    """A WAV file of chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(data: bytes) -> tuple[int, bytes]:
    """Rate and all sound."""
    with WavReader(io.BytesIO(data), "in.wav") as reader:
        return reader.rate, b"".join(reader.chunks())


def encoded(coding: int, bits: int) -> bytes:
    """SAMPLES in another coding, without loss where it is wide enough."""
    wide = SAMPLES.astype(np.int64)
    if coding == 3:
        return (SAMPLES / 32_768).astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return ((wide >> 8) + 128).astype(np.uint8).tobytes()
    if bits == 24:
        return b"".join(int(value << 8).to_bytes(3, "little", signed=True) for value in wide)
    return (wide << (bits - 16)).astype(f"<i{bits // 8}").tobytes()


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("coding", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
def test_every_coding_becomes_16_bit(coding: int, bits: int, extensible: bool) -> None:
    data = riff(fmt(coding, 1, 24_000, bits, extensible=extensible), chunk(b"data", encoded(coding, bits)))
    rate, pcm = read(data)
    expected = (SAMPLES >> 8) << 8 if bits == 8 else SAMPLES
    assert rate == 24_000
    assert pcm == expected.astype("<i2").tobytes()


def test_24_bits_in_four_bytes_are_left_justified() -> None:
    data = riff(fmt(1, 1, 8_000, 24, width=4, extensible=True), chunk(b"data", encoded(1, 32)))
    assert read(data) == (8_000, SAMPLES.tobytes())


def test_stereo_is_averaged() -> None:
    pairs = np.array([[100, 300], [-32_768, -32_768], [32_767, 32_767], [1, 0]], dtype="<i2")
    _, pcm = read(riff(fmt(1, 2, 48_000, 16), chunk(b"data", pairs.tobytes())))
    assert np.frombuffer(pcm, "<i2").tolist() == [200, -32_768, 32_767, 0]


def test_floats_out_of_range_are_clipped_and_nan_is_silence() -> None:
    values = np.array([2.0, -2.0, np.nan, np.inf, -np.inf], dtype="<f4")
    _, pcm = read(riff(fmt(3, 1, 16_000, 32), chunk(b"data", values.tobytes())))
    assert np.frombuffer(pcm, "<i2").tolist() == [32_767, -32_768, 0, 32_767, -32_768]


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 0x7FFFF000, 1_000_000])
def test_pipe_or_cut_file_is_read_to_its_real_end(declared: int) -> None:
    pcm = SAMPLES.tobytes()
    cut = riff(fmt(1, 1, 16_000, 16), b"data" + struct.pack("<I", declared) + pcm + b"\x07")
    assert read(cut) == (16_000, pcm)


def test_what_follows_the_sound_is_not_sound() -> None:
    data = riff(
        chunk(b"LIST", b"odd"),
        fmt(1, 1, 16_000, 16),
        chunk(b"JUNK", bytes(70_001)),
        chunk(b"data", SAMPLES.tobytes()),
        chunk(b"LIST", b"INFOIART"),
    )
    assert read(data) == (16_000, SAMPLES.tobytes())


def test_sizes_beyond_4_gib_are_found_in_ds64() -> None:
    pcm = SAMPLES.tobytes()
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(pcm), len(SAMPLES), 0))
    data = riff(ds64, fmt(1, 1, 16_000, 16), chunk(b"data", pcm, 0xFFFFFFFF), chunk(b"LIST", b"INFO"))
    assert read(b"RF64" + data[4:]) == (16_000, pcm)


def test_chunks_have_the_length_asked_for() -> None:
    pcm = bytes(range(256)) * 10
    with WavReader(io.BytesIO(riff(fmt(1, 1, 8_000, 16), chunk(b"data", pcm))), "in.wav") as reader:
        parts = list(reader.chunks(20))
    assert [len(part) for part in parts] == [320] * 8
    assert b"".join(parts) == pcm


GOOD_DATA = chunk(b"data", SAMPLES.tobytes())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "in.wav is empty."),
        (b"ID3\x04 not sound at all", "in.wav is not a WAV file."),
        (b"RIFF\0\0", "in.wav is not a WAV file."),
        (riff(fmt(1, 1, 16_000, 16)), "in.wav holds no sound."),
        (riff(fmt(1, 1, 16_000, 16), chunk(b"data", b"")), "in.wav holds no sound."),
        (riff(fmt(1, 1, 16_000, 16), chunk(b"data", b"\1")), "in.wav holds no sound."),
        (riff(GOOD_DATA), "in.wav is not a usable WAV file: it does not say its format."),
        (riff(chunk(b"fmt ", b"\1\0"), GOOD_DATA), "in.wav is not a usable WAV file: its format is cut off."),
        (riff(fmt(7, 1, 8_000, 8), GOOD_DATA), "in.wav holds µ-law, which is not supported."),
        (riff(fmt(0x55, 2, 8_000, 16), GOOD_DATA), "in.wav holds MP3, which is not supported."),
        (riff(fmt(0x999, 1, 8_000, 8), GOOD_DATA), "in.wav holds coding 0x0999, which is not supported."),
        (riff(fmt(1, 0, 8_000, 16), GOOD_DATA), "in.wav has 0 channels; 1 to 8 are supported."),
        (
            riff(fmt(1, 1, 4_000, 16), GOOD_DATA),
            "in.wav has a sample rate of 4000 Hz; 8000 to 192000 are supported.",
        ),
        (
            riff(fmt(3, 1, 8_000, 16), GOOD_DATA),
            "in.wav has 16-bit float samples in frames of 2 bytes, which is not supported.",
        ),
    ],
)
def test_unusable_files_are_one_sentence(data: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(data)
    assert caught.value.message == message


def test_missing_file_folder_and_bad_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*none\.wav\."):
        WavReader.open(tmp_path / "none.wav")
    with pytest.raises(ConfigError, match="is a folder"):
        WavReader.open(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        WavReader.open("nul\0l.wav")


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda tail: riff() + tail),
        st.tuples(
            st.integers(0, 0xFFFF) | st.sampled_from([1, 3, 0xFFFE]),
            st.integers(0, 9),
            st.integers(0, 0xFFFFFFFF) | st.just(16_000),
            st.integers(0, 70),
            st.integers(0, 9),
            st.booleans(),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=100),
        ).map(
            lambda p: riff(
                fmt(p[0], p[1], p[2], p[3], width=p[4], extensible=p[5]), chunk(b"data", p[7], p[6])
            )
        ),
    )
)
def test_arbitrary_bytes_are_sound_or_a_config_error(data: bytes) -> None:
    try:
        rate, pcm = read(data)
    except ConfigError:
        return
    assert 8_000 <= rate <= 192_000
    assert pcm
    assert len(pcm) % 2 == 0
    assert len(pcm) <= 2 * len(data)


@pytest.mark.parametrize("kind", [b"data", b"fmt ", b"ds64", b"JUNK"])
def test_no_memory_is_taken_for_a_declared_size(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    path.write_bytes(riff(fmt(1, 1, 16_000, 16), chunk(kind, SAMPLES.tobytes(), 0xFFFFFFF0)))
    tracemalloc.start()
    try:
        with WavReader.open(path) as reader:
            assert b"".join(reader.chunks(10_000_000)) == SAMPLES.tobytes()
    except ConfigError:
        assert kind != b"data"
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000


def test_standard_input_streams_before_its_end() -> None:
    program = (
        "from neko_cli.audio.wav import WavReader\n"
        "reader = WavReader.open('-')\n"
        "chunks = reader.chunks(20)\n"
        "print(reader.rate, len(next(chunks)), flush=True)\n"
        "print(sum(map(len, chunks)))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(riff(fmt(1, 1, 8_000, 16), chunk(b"data", b"", 0xFFFFFFFF)) + bytes(65_536))
        process.stdin.flush()
        assert process.stdout.readline() == b"8000 320\n", "while the pipe is still open"
        out, _ = process.communicate(bytes(1_000), timeout=20)
    assert int(out) == 65_536 - 320 + 1_000


def test_closed_standard_streams_are_one_sentence() -> None:
    program = (
        "from neko_cli.audio.wav import WavReader, WavWriter\n"
        "from neko_cli.core.errors import ConfigError\n"
        "for use in (lambda: WavReader.open('-'), lambda: WavWriter.create('-', 8000)):\n"
        "    try:\n        use()\n"
        "    except ConfigError as error:\n        import os; os.write(2, str(error).encode())\n"
    )
    command = ["/bin/sh", "-c", 'exec "$0" -c "$1" <&- >&-', sys.executable, program]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.stderr == "Standard input is closed.Standard output is closed."


def test_bit_exact_import_needs_no_numpy(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    path.write_bytes(riff(fmt(1, 1, 24_000, 16), GOOD_DATA))
    program = (
        "import sys\nfrom neko_cli.audio.wav import WavReader\n"
        f"assert b''.join(WavReader.open({str(path)!r}).chunks()) == {SAMPLES.tobytes()!r}\n"
        "assert not {'numpy', 'sounddevice', 'soxr'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 2.0])
def test_what_is_skipped_of_a_file_and_of_a_pipe_is_the_same(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "t.wav"
    with WavWriter.create(path, 8_000) as writer:
        writer.write(bytes(range(250)) * 64)
    with WavReader.open(path) as reader:
        whole = b"".join(reader.chunks())
    with WavReader.open(path) as of_file, WavReader(io.BytesIO(path.read_bytes()), "a pipe") as of_pipe:
        for reader in (of_file, of_pipe):
            reader.skip(seconds)
            assert b"".join(reader.chunks()) == whole[int(seconds * 8_000) * 2 :]
