"""``neko notify``: from any shell to the running chat, and commands that are run and told of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neko_cli.cli.notify_run import Tail, duration
from tests.cli.running import clean, command, environment, neko
from tests.services.test_agent_death import PATIENCE, Chat

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="private sockets")


def said(result: subprocess.CompletedProcess[bytes]) -> str:
    clean(result)
    return result.stderr.decode()


def test_nobody_runs(tmp_path: Path) -> None:
    done = neko("notify", "build finished", home=tmp_path)
    assert done.returncode == 6
    assert "No chat is running." in said(done)
    assert done.stdout == b""


def test_a_result_reaches_the_running_chat_and_is_told(tmp_path: Path) -> None:
    with Chat(tmp_path) as chat:
        done = neko(
            "notify", "build \x1b[31mfinished", "--status", "partial", "--detail", "9 of 10", home=tmp_path
        )
        assert (done.returncode, said(done)) == (0, "neko: Told Neko.\n")
        told = chat.until("told")
        assert "- notify, partial: build finished 9 of 10" in told


def test_one_of_several_or_all(tmp_path: Path) -> None:
    with Chat(tmp_path, "--name", "Mio") as mio, Chat(tmp_path) as chat:
        assert neko("notify", "one", "--to", "mio", "--quiet", home=tmp_path).stderr == b""
        assert "one" in mio.until("told")
        done = neko("notify", "two", "--to", "all", home=tmp_path)
        assert said(done) == "neko: Told Neko, Mio.\n"
        assert "two" in mio.until("told")
        assert "two" in (line := chat.until("told"))
        assert "one" not in line
        done = neko("notify", "three", "--to", "Tama", home=tmp_path)
        assert done.returncode == 6
        assert "Mio, Neko" in said(done)


def test_a_chat_that_does_not_answer_is_told_within_the_time(tmp_path: Path) -> None:
    with Chat(tmp_path) as chat:
        chat.process.send_signal(signal.SIGSTOP)
        try:
            done = neko("notify", "x", "--timeout", "0.7", home=tmp_path)
        finally:
            chat.process.send_signal(signal.SIGCONT)
        assert done.returncode == 6
        assert "does not answer" in said(done)
        assert neko("notify", "y", home=tmp_path).returncode == 0
        assert "y" in chat.until("told")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "what the character is to tell"),
        (("  ",), "what the character is to tell"),
        (("--run",), "no command"),
        (("x", "--status", "failed", "--run", "true"), "those of the command"),
        (("x", "--status", "odd"), "--status"),
    ],
)
def test_mistakes_are_sentences(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
    done = neko("notify", *arguments, home=tmp_path)
    assert done.returncode == 2
    assert word in said(done)


# -- --run --------------------------------------------------------------------------------------

SCRIPT = """
import sys, time
print("out line", flush=True)
print("progress 10 %\\rprogress 100 %", flush=True)
print("err line", file=sys.stderr, flush=True)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize(("code", "status"), [(0, "completed"), (3, "failed")])
def test_a_command_is_run_told_of_and_exits_with_its_own_code(code: int, status: str, tmp_path: Path) -> None:
    with Chat(tmp_path) as chat:
        done = neko("notify", "the job", "--run", sys.executable, "-c", SCRIPT, str(code), home=tmp_path)
        assert done.returncode == code
        assert done.stdout == b"out line\nprogress 10 %\rprogress 100 %\n"
        assert b"err line" in done.stderr
        assert b"Told the chat: the job: " in done.stderr
        assert chat.until("task") == "task running the job"
        assert chat.until("task") == f"task {status} the job"
        told = chat.until("told")
        assert f"- command, {status}: the job: " in told
        assert "exit code 3" in told or code == 0
        assert "progress 100 %" in told
        assert "progress 10 %" not in told
        assert "err line" in told


def test_options_of_the_command_are_its_own(tmp_path: Path) -> None:
    done = neko("notify", "--quiet", "--run", "--", "echo", "--to", "--run", "-h", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"--to --run -h\n")
    assert "Nobody was told that echo --to --run -h: completed" in said(done)


@pytest.mark.parametrize(("words", "code"), [(("no-such-program-at-all",), 127), (("/",), 126)])
def test_a_command_that_cannot_be_run(words: tuple[str, ...], code: int, tmp_path: Path) -> None:
    done = neko("notify", "--run", *words, home=tmp_path)
    assert done.returncode == code
    assert "cannot be run" in said(done)


WAITS = "import signal, sys; print('begun', flush=True); signal.pause()"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_goes_to_the_command_whose_end_is_told(number: signal.Signals, tmp_path: Path) -> None:
    with Chat(tmp_path) as chat:
        running = subprocess.Popen(
            command("notify", "the job", "--run", sys.executable, "-c", WAITS),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(tmp_path),
            start_new_session=True,  # no terminal whose Ctrl-C would reach the command by itself
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # whoever runs the tests may ignore it
        )
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"begun\n"
            running.send_signal(number)
            ended = running.wait(PATIENCE)
        finally:
            running.kill()
            running.wait(PATIENCE)
            if running.stdout is not None:
                running.stdout.close()
        if number is signal.SIGINT:  # which Python programs turn into an exception
            assert ended in (130, 1)
        else:
            assert ended == 128 + number
            assert f"ended by {number.name}" in chat.until("told")


def test_a_command_that_is_killed_counts_as_shells_count(tmp_path: Path) -> None:
    with Chat(tmp_path) as chat:
        done = neko(
            "notify", "--run", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)", home=tmp_path
        )
        assert done.returncode == 137
        assert "ended by SIGKILL" in chat.until("told")


def test_what_the_command_leaves_behind_does_not_keep_us(tmp_path: Path) -> None:
    leaves = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True)"
    running = subprocess.Popen(
        command("notify", "--quiet", "--run", sys.executable, "-c", leaves),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path),
    )
    assert running.stdout is not None
    pid = int(running.stdout.readline())
    try:
        assert running.wait(PATIENCE) == 0
    finally:
        os.kill(pid, signal.SIGKILL)
        running.stdout.close()


def test_a_command_in_a_terminal_sees_one(tmp_path: Path) -> None:
    import pty

    asks = "import os, sys; print(os.isatty(1), os.isatty(2), os.get_terminal_size(1).columns)"
    here, there = pty.openpty()
    try:
        import termios

        termios.tcsetwinsize(there, (24, 77))
        done = subprocess.run(
            command("notify", "--quiet", "--run", sys.executable, "-c", asks),
            stdin=subprocess.DEVNULL,
            stdout=there,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0
        assert os.read(here, 1000).strip() == b"True False 77"
    finally:
        os.close(here)
        os.close(there)


def test_the_tail_is_what_a_screen_would_show() -> None:
    tail = Tail()
    tail.add(b"x" * 100_000 + b"\nred \x1b[31mline\r\n 10 %\r100 %\n\xff\n")
    assert tail.lines[-3:] == ["red line", "100 %", "\ufffd"]
    assert len(tail.text()) <= 1500
    assert tail.text(20) == "red line\n100 %\n\ufffd"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (7384, "2 h 3 min")],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
