"""The worker program by itself: frames stay whole, and it never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neko_cli.core.pcm import silence
from neko_cli.local.ports import EARS_RATE, VOICE_RATE, Hearing, Speech
from neko_cli.local.worker_spawn import spawn_worker, worker_environment
from neko_cli.local.worker_wire import (
    HEADER,
    Chunk,
    Done,
    Fault,
    FromWorker,
    Heard,
    Listen,
    More,
    Ready,
    Say,
    Setup,
    Stop,
    body_length,
    decode_from_worker,
    encode,
)
from tests.local.real_parts import COMMANDS, is_gone
from tests.speech.sound import spoken

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """A worker on blocking pipes."""

    def __init__(self, role: str, folder: Path, *, program: str = "") -> None:
        start = ["-c", program, role] if program else ["-m", "neko_cli.local.worker", role]
        self.errors = (folder / "errors.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-P", *start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=worker_environment(os.environ),
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(5)
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            if pipe is not None:
                pipe.close()

    def send(self, message: Setup | Listen | Say | More | Stop) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode(message))
        self.process.stdin.flush()

    def receive(self) -> FromWorker:
        assert self.process.stdout is not None
        header = self.process.stdout.read(HEADER.size)
        return decode_from_worker(self.process.stdout.read(body_length(header)))

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


def test_ears_load_hear_and_end_with_their_input(tmp_path: Path) -> None:
    with Worker("ears", tmp_path) as worker:
        worker.send(Setup("pocketsphinx", str(tmp_path), Hearing(vocabulary=COMMANDS)))
        assert isinstance(worker.receive(), Ready)
        worker.send(Listen(1, spoken("open the front door"), Hearing(vocabulary=COMMANDS)))
        heard = worker.receive()
        assert isinstance(heard, Heard)
        assert (heard.id, heard.result.text) == (1, "Open the front door")
        worker.send(Listen(2, spoken("open the front door"), Hearing(language="de")))
        fault = worker.receive()
        assert isinstance(fault, Fault)
        assert (fault.id, fault.category) == (2, "config")
        worker.close_input()
        assert worker.process.wait(5) == 0


def test_a_busy_recogniser_ends_with_its_input(tmp_path: Path) -> None:
    with Worker("ears", tmp_path) as worker:
        worker.send(Setup("pocketsphinx", str(tmp_path)))
        assert isinstance(worker.receive(), Ready)
        worker.send(Listen(1, spoken("tell me a story about it") * 4, Hearing()))
        worker.close_input()
        worker.process.wait(15)


def test_a_worker_that_loads_ends_with_its_input(tmp_path: Path) -> None:
    with Worker("ears", tmp_path) as worker:
        worker.send(Setup("pocketsphinx", str(tmp_path)))
        worker.close_input()
        assert worker.process.wait(10) == 0


def test_the_voice_sends_no_more_than_its_credit(tmp_path: Path) -> None:
    with Worker("voice", tmp_path) as worker:
        worker.send(Setup("espeak", str(tmp_path)))
        assert isinstance(worker.receive(), Ready)
        worker.send(Say(1, "One two three four five six seven eight nine ten. " * 3, Speech(), 2))
        worker.send(Say(2, "Yes.", Speech(), 100))
        frames = []
        while not frames or frames[-1] != Done(2):
            frames.append(worker.receive())
        first = [frame for frame in frames if isinstance(frame, Chunk) and frame.id == 1]
        assert len(first) == 2, "the first text waits for credit while the second is spoken"
        worker.send(More(1, 1000))
        rest: list[FromWorker] = []
        while not rest or rest[-1] != Done(1):
            rest.append(worker.receive())
        chunks = [*first, *[frame for frame in rest if isinstance(frame, Chunk)]]
        assert {len(chunk.pcm) for chunk in chunks[:-1]} == {VOICE_RATE // 10 * 2}
        assert sum(len(chunk.pcm) for chunk in chunks) > VOICE_RATE * 2 * 5


def test_a_stopped_text_is_done_at_once_and_the_next_is_spoken(tmp_path: Path) -> None:
    with Worker("voice", tmp_path) as worker:
        worker.send(Setup("espeak", str(tmp_path)))
        worker.receive()
        worker.send(Say(1, "A very long story follows now. " * 500, Speech(), 3))
        assert isinstance(worker.receive(), Chunk)
        worker.send(Stop(1))
        after: list[FromWorker] = []
        while not after or after[-1] != Done(1):
            after.append(worker.receive())
        assert len(after) <= 3
        worker.send(Say(2, "Yes.", Speech(), 100))
        assert isinstance(worker.receive(), Chunk)


PRINTING = """
import ctypes, os, sys
import neko_cli.speech.tts.factory as factory
real = factory.make_engine
def make(name, folder):
    engine = real(name, folder)
    class Noisy:
        rate = engine.rate
        def synthesise(self, text, manner, emit):
            print("printed by Python")
            sys.stdout.flush()
            ctypes.CDLL(None).puts(b"printed by a C library")
            ctypes.CDLL(None).fflush(None)
            os.write(1, b"written to descriptor 1\\n")
            engine.synthesise(text, manner, emit)
    return Noisy()
factory.make_engine = make
from neko_cli.local.worker import main
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name == "nt", reason="looks up the C library the POSIX way")
def test_what_a_library_prints_does_not_get_between_the_frames(tmp_path: Path) -> None:
    with Worker("voice", tmp_path, program=PRINTING) as worker:
        worker.send(Setup("espeak", str(tmp_path)))
        assert isinstance(worker.receive(), Ready)
        worker.send(Say(1, "Yes.", Speech(), 100))
        frames: list[FromWorker] = []
        while not frames or frames[-1] != Done(1):
            frames.append(worker.receive())
        assert len(frames) > 2
        log = (tmp_path / "errors.log").read_text()
    assert "printed by Python" in log
    assert "printed by a C library" in log
    assert "written to descriptor 1" in log


QUOTING = """
import sys
import neko_cli.speech.tts.factory as factory
real = factory.make_engine
def make(name, folder):
    engine = real(name, folder)
    class Quoting:
        rate = engine.rate
        def synthesise(self, text, manner, emit):
            raise ValueError("cannot say " + text)
    return Quoting()
factory.make_engine = make
from neko_cli.local.worker import main
main(sys.argv[1:])
"""


def test_the_log_of_a_failed_worker_does_not_hold_what_was_said(tmp_path: Path) -> None:
    with Worker("voice", tmp_path, program=QUOTING) as worker:
        worker.send(Setup("espeak", str(tmp_path)))
        assert isinstance(worker.receive(), Ready)
        worker.send(Say(1, "zanzibar", Speech(), 100))
        fault = worker.receive()
        assert isinstance(fault, Fault)
        log = (tmp_path / "errors.log").read_text()
    assert "ValueError" in log
    assert "in synthesise" in log
    assert "zanzibar" not in log + fault.message


async def test_a_workers_log_is_for_its_owner_alone_and_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "deeper" / "engine.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * 1_000_001)
    log.chmod(0o644)
    worker = await spawn_worker("nose", log)
    await asyncio.wait_for(worker.communicate(), 10)
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.read_text().startswith("usage")


async def test_a_log_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    worker = await spawn_worker("nose", tmp_path / "file" / "engine.log")
    await asyncio.wait_for(worker.communicate(), 10)
    assert worker.returncode == 2


def test_garbage_ends_the_worker(tmp_path: Path) -> None:
    with Worker("voice", tmp_path) as worker:
        assert worker.process.stdin is not None
        worker.process.stdin.write(HEADER.pack(4) + b"????")
        worker.process.stdin.flush()
        assert worker.process.wait(10) != 0


def test_a_missing_model_is_told_and_the_worker_ends(tmp_path: Path) -> None:
    with Worker("ears", tmp_path) as worker:
        worker.send(Setup("whisper:base", str(tmp_path)))
        fault = worker.receive()
        assert isinstance(fault, Fault)
        assert fault.id == 0
        assert "neko local install whisper:base" in fault.hint
        assert worker.process.wait(5) != 0


def test_usage_is_told_on_standard_error(tmp_path: Path) -> None:
    with Worker("nose", tmp_path) as worker:
        assert worker.process.wait(10) == 2
        assert b"ears|voice" in (tmp_path / "errors.log").read_bytes()


PARENT = """
import asyncio, sys
from pathlib import Path
from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import Hearing
from tests.local.real_parts import NoBrain, pids, seats
from neko_cli.local.parts import LocalParts

async def main():
    parts = LocalParts(EngineConfig(), models_dir=Path(sys.argv[1]), brain=NoBrain())
    await parts.warm_up(hearing=True, speaking=True)
    print(*pids(parts), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="kills with a signal")
def test_workers_of_a_killed_parent_end(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    try:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        parent.stdout.close()
    assert all(is_gone(pid, 5.0) for pid in workers)


def test_a_worker_gets_no_keys_and_one_computing_thread() -> None:
    given = {
        "OPENAI_API_KEY": "k",
        "AWS_SECRET_ACCESS_KEY": "k",
        "NEKO_TOKEN": "t",
        "PATH": "p",
        "PYTHONPATH": "x",
    }
    made = worker_environment(given)
    assert "k" not in made.values()
    assert "NEKO_TOKEN" not in made
    assert made["PATH"] == "p"
    assert made["OMP_NUM_THREADS"] == "1"
    assert made["PYTHONPATH"].split(os.pathsep)[-1] == "x"


def test_silence_is_no_words(tmp_path: Path) -> None:
    with Worker("ears", tmp_path) as worker:
        worker.send(Setup("pocketsphinx", str(tmp_path), Hearing(vocabulary=COMMANDS)))
        worker.receive()
        worker.send(Listen(1, silence(300, EARS_RATE), Hearing(vocabulary=COMMANDS)))
        heard = worker.receive()
        assert isinstance(heard, Heard)
        assert heard.result.text == ""
