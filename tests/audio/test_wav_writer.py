"""Writing WAV: files that others read, also after a crash; pipes; full disks."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.wav import WavReader, WavWriter
from neko_cli.core.errors import ConfigError

PCM = array("h", [0, 1, -1, 256, -256, 12_345, -12_345, 32_767, -32_768, 20_000]).tobytes()


@pytest.mark.parametrize("channels", [1, 2])
def test_written_file_is_read_by_the_standard_library(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "out.wav"
    with WavWriter.create(path, 24_000, channels=channels) as writer:
        data = PCM
        for at in range(0, len(data), 3):  # cut samples are put together again
            writer.write(data[at : at + 3])
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (channels, 2, 24_000, len(PCM) // 2 // channels)
        assert file.readframes(100) == PCM
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    writer.close()  # again does nothing


def test_killed_writer_leaves_a_playable_file(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    program = (
        "import os\nfrom neko_cli.audio.wav import WavWriter\n"
        f"writer = WavWriter.create({str(path)!r}, 8000)\n"
        "for _ in range(25): writer.write(b'ab' * 800)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=20).returncode == -9
    with wave.open(str(path)) as file:
        assert file.getnframes() == 16_000, "whole seconds"
        assert file.readframes(1) == b"ab"


def test_pipe_gets_an_open_ended_header_and_every_chunk_at_once() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as source, os.fdopen(writing, "wb") as sink:
        writer = WavWriter(sink, 16_000, name="standard output")
        writer.write(b"abcd")
        header = source.read(1000)
        assert header[:4] == b"RIFF"
        assert header[4:8] == header[40:44] == b"\xff" * 4
        assert header[44:] == b"abcd"
        writer.close()
        assert not sink.closed, "standard output is not ours to close"


def test_reader_that_goes_away_is_a_broken_pipe() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as sink:
        writer = WavWriter(sink, 16_000, name="standard output")
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            writer.write(b"abcd")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_sentence() -> None:
    writer = WavWriter.create("/dev/full", 8_000)
    with pytest.raises(ConfigError, match="full cannot be written: No space left on device"):
        writer.write(bytes(80_000))
    with pytest.raises(ConfigError):
        writer.close()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=10), st.sampled_from([8_000, 24_000, 44_100]))
def test_what_is_written_is_read_back_bit_exact(parts: list[bytes], rate: int) -> None:
    sink = io.BytesIO()
    writer = WavWriter(sink, rate, name="memory")
    for part in parts:
        writer.write(part)
    writer.close()
    pcm = b"".join(parts)
    pcm = pcm[: len(pcm) & ~1]
    if pcm:
        with WavReader(io.BytesIO(sink.getvalue()), "in.wav") as reader:
            assert (reader.rate, b"".join(reader.chunks())) == (rate, pcm)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        WavWriter.create(tmp_path, 8_000)
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        WavWriter.create(tmp_path / "none" / "x.wav", 8_000)
