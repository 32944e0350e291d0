"""A recording holds what went over the wire and no key, and plays again."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.errors import ConfigError, LinkError
from neko_cli.core.ports import Closing, Endpoint
from neko_cli.core.provider_events import ReplyEnded, ReplySound
from neko_cli.core.transport import recording
from neko_cli.core.transport.recording import RecordingTransport
from neko_cli.core.transport.replaying import AS_FAST_AS_POSSIBLE, ReplayingTransport
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.core.codecs import golden
from tests.core.transport.servers import websocket_server

KEY = "sk-very-secret-key"
SOUND = b64encode(bytes(range(256)) * 8).decode()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def converse(peer) -> None:
    """Sends what it gets back, twice, then leaves."""
    for _ in range(2):
        await peer.send(await peer.recv())
    await peer.close(1001, "enough")


async def record(path: Path, *frames: str | bytes, **options) -> RecordingTransport:
    """Record one conversation with a real server."""
    transport = RecordingTransport(WebSocketTransport(), path, clock=RealClock(), **options)
    async with websocket_server(converse) as url:
        endpoint = Endpoint(f"{url}?model=m&key={KEY}", {"Authorization": f"Bearer {KEY}"})
        connection = await transport.open(endpoint)
        for frame in frames:
            await connection.send(frame)
        async for _ in connection.frames():
            pass
        await connection.close()
    await transport.aclose()
    return transport


async def test_everything_is_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    transport = await record(path, '{"type":"a"}', b"\x00\xff", provider="openai", model="m")
    header, *rest = lines(path)
    assert header["format"] == "neko-recording"
    assert (header["provider"], header["model"], header["version"]) == ("openai", "m", 1)
    assert header["started"].endswith("+00:00")
    assert header["url"].startswith("ws://127.0.0.1:")
    assert "?" not in header["url"]
    assert [line["dir"] for line in rest] == ["open", "out", "out", "in", "in", "close", "end"]
    assert [line.get("frame") for line in rest[1:5]] == ['{"type":"a"}', "AP8=", '{"type":"a"}', "AP8="]
    assert (rest[5]["code"], rest[5]["reason"]) == (1001, "enough")
    times = [line["t"] for line in rest]
    assert times == sorted(times)
    assert (transport.dropped, transport.trouble) == (0, "")


async def test_the_file_is_for_its_owner_alone_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await record(path, "a", "b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        RecordingTransport(WebSocketTransport(), path, clock=RealClock())
    with pytest.raises(ConfigError, match="cannot be created"):
        RecordingTransport(WebSocketTransport(), tmp_path / "no" / "r", clock=RealClock())


async def test_no_key_is_written_even_when_a_server_repeats_it(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await record(path, f'{{"message":"wrong key {KEY}"}}', f"Bearer {KEY}")
    text = path.read_text()
    assert KEY not in text
    assert "wrong key [redacted]" in text


@pytest.mark.parametrize("audio", [True, False])
async def test_sound_can_be_left_out(tmp_path: Path, audio: bool) -> None:
    path = tmp_path / "r.jsonl"
    frame = f'{{"type":"input_audio_buffer.append","audio":"{SOUND}"}}'
    image = f'{{"image_url":"data:image/png;base64,{SOUND}"}}'
    await record(path, frame, image, audio=audio)
    kept = [json.loads(line["frame"]) for line in lines(path) if line.get("dir") == "out"]
    assert kept[0]["audio"] == (SOUND if audio else "")
    assert kept[1]["image_url"] == "data:image/png;base64," + (SOUND if audio else "")
    assert lines(path)[0]["audio"] is audio


async def test_a_connection_that_fails_is_written_and_fails_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    transport = RecordingTransport(WebSocketTransport(), path, clock=RealClock())
    with pytest.raises(LinkError):
        await transport.open(Endpoint("ws://127.0.0.1:1/x"), timeout=2)
    await transport.aclose()
    await transport.aclose()
    replay = ReplayingTransport(path)
    with pytest.raises(LinkError, match="Nothing answers at"):
        await replay.open(Endpoint("ws://x"))
    with pytest.raises(LinkError, match="recording is over"):
        await replay.open(Endpoint("ws://x"))


async def test_a_slow_disk_costs_lines_and_no_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(recording, "QUEUE_BYTES", 10_000)
    fifo = tmp_path / "r.jsonl"
    os.mkfifo(fifo)
    monkeypatch.setattr(
        recording, "_create", lambda path: os.fdopen(os.open(path, os.O_RDWR), "wb", buffering=0)
    )
    transport = RecordingTransport(WebSocketTransport(), fifo, clock=RealClock())
    began = time.monotonic()
    for _ in range(1000):
        transport.note(recording.Entry(t=0, dir="out"), "x" * 1000)
    assert time.monotonic() - began < 1
    assert transport.dropped > 500
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    closing = asyncio.create_task(transport.aclose())
    read = b""
    async with asyncio.timeout(5):
        while b'"dir":"end"' not in read or not read.endswith(b"\n"):
            try:
                read += os.read(reader, 65536)
            except BlockingIOError:
                await asyncio.sleep(0.005)
        await closing
    os.close(reader)
    assert json.loads(read.splitlines()[-1])["dropped"] == transport.dropped


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_full_disk_is_said_and_hurts_nobody(monkeypatch) -> None:
    monkeypatch.setattr(recording, "_create", lambda path: path.open("wb", buffering=0))
    transport = RecordingTransport(WebSocketTransport(), Path("/dev/full"), clock=RealClock())
    transport.note(recording.Entry(t=0, dir="out"), "x")
    await transport.aclose()
    assert "No space left" in transport.trouble
    assert transport.dropped >= 1


# Replaying


def write(path: Path, *entries: dict | str) -> Path:
    header = {"format": "neko-recording", "version": 1}
    text = [entry if isinstance(entry, str) else json.dumps(entry) for entry in (header, *entries)]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


async def test_what_was_recorded_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await record(path, '{"type":"a"}', b"\x00\xff")
    replay = ReplayingTransport(path, speed=AS_FAST_AS_POSSIBLE)
    assert replay.links == 1
    connection = await replay.open(Endpoint("ws://x"))
    await connection.send('{"type":"a"}')
    await connection.send(b"\x00\xff")
    assert [frame async for frame in connection.frames()] == ['{"type":"a"}', b"\x00\xff"]
    assert connection.closing == Closing(1001, "enough", by_us=False)
    assert replay.differences == []


async def test_a_codec_hears_a_recorded_conversation(tmp_path: Path) -> None:
    entries = [{"t": 0, "dir": "open"}]
    for number, line in enumerate(golden.read("voice.jsonl")):
        if "server" in line:
            entries.append({"t": number / 100, "dir": "in", "frame": json.dumps(line["server"])})
    replay = ReplayingTransport(write(tmp_path / "r.jsonl", *entries), speed=AS_FAST_AS_POSSIBLE)
    codec = make_codec("openai", SessionSpec(), key="k")
    connection = await replay.open(codec.endpoint())
    kinds = [type(event) async for frame in connection.frames() for event in codec.decode(frame)]
    assert kinds.count(ReplySound) == 2
    assert kinds.count(ReplyEnded) == 1
    assert connection.closing == Closing(1006, "the recording ends here")


async def test_frames_come_at_their_times(tmp_path: Path) -> None:
    entries = [{"t": t, "dir": d, "frame": "x"} for t, d in ((5.0, "open"), (5.2, "in"), (5.6, "in"))]
    path = write(tmp_path / "r.jsonl", *entries)
    loop = asyncio.get_running_loop()
    for speed, wanted in ((1.0, [0.2, 0.6]), (4.0, [0.05, 0.15])):
        connection = await ReplayingTransport(path, speed=speed).open(Endpoint("ws://x"))
        began = loop.time()
        times = [loop.time() - began async for _ in connection.frames()]
        assert times == pytest.approx(wanted, abs=0.1)
        assert all(time >= due - 0.001 for time, due in zip(times, wanted, strict=True))


async def test_closing_ends_a_replay_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"t": 0, "dir": "open"}, {"t": 3600, "dir": "in", "frame": "x"})
    connection = await ReplayingTransport(path).open(Endpoint("ws://x"))
    reading = asyncio.create_task(anext(connection.frames(), None))
    await asyncio.sleep(0)
    await connection.close(1000, "enough")
    async with asyncio.timeout(5):
        assert await reading is None
    assert connection.closing == Closing(1000, "enough", by_us=True)
    with pytest.raises(LinkError):
        await connection.send("x")


async def test_each_connection_plays_its_own_part(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.jsonl",
        {"t": 0, "dir": "open", "link": 0},
        {"t": 1, "dir": "open", "link": 1},
        {"t": 2, "dir": "in", "link": 0, "frame": "first"},
        {"t": 3, "dir": "in", "link": 1, "frame": "second"},
    )
    replay = ReplayingTransport(path, speed=AS_FAST_AS_POSSIBLE)
    assert (replay.links, replay.seconds) == (2, 3)
    for word in ("first", "second"):
        connection = await replay.open(Endpoint("ws://x"))
        assert [frame async for frame in connection.frames()] == [word]


async def test_other_frames_than_recorded_are_noted(tmp_path: Path) -> None:
    append = {"t": 0, "dir": "out", "frame": '{"type":"append"}'}
    path = write(tmp_path / "r.jsonl", {"t": 0, "dir": "open"}, append, append, append)
    replay = ReplayingTransport(path)
    connection = await replay.open(Endpoint("ws://x"))
    for kind in ("append", "append", "commit"):
        await connection.send(json.dumps({"type": kind}))
    await connection.close()
    assert replay.differences == ["link 0, step 2: commit instead of nothing"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("not json", "line 1"),
        ('{"format":"other","version":1}', "not a recording"),
        ('{"format":"neko-recording","version":2}', "version 2"),
        ('{"format":"neko-recording","version":1}\n{"t":0,"dir":"in"}\n{"t":', "line 3"),
        ('{"format":"neko-recording","version":1}\n{"t":0,"dir":"sideways"}', "line 2"),
        ('{"format":"neko-recording","version":1}\n{"t":-1,"dir":"in"}', "line 2"),
        ('{"format":"neko-recording","version":1}\n{"t":0,"dir":"in","link":7}', "line 2"),
        ('{"format":"neko-recording","version":1}\n{"t":0,"dir":"open","link":999999999999}', "line 2"),
        ('{"format":"neko-recording","version":1}\n{"t":0,"dir":"in","binary":true,"frame":"*"}', "line 2"),
    ],
)
def test_a_broken_file_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        ReplayingTransport(path)


def test_a_missing_file_and_a_speed_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        ReplayingTransport(tmp_path / "none")
    with pytest.raises(ConfigError, match="speed"):
        ReplayingTransport(tmp_path / "none", speed=0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_file_is_taken_or_refused(tmp_path_factory, rubbish: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    path.write_bytes(b'{"format":"neko-recording","version":1}\n{"t":0,"dir":"open"}\n' + b"\n".join(rubbish))
    try:
        replay = ReplayingTransport(path)
    except ConfigError:
        return
    assert replay.links >= 1
