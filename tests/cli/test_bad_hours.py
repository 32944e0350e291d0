"""Bad hours: interruptions, readers that leave, missing streams and folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT, clean, command, environment, neko, start

QUIET_ENDS = {130, -signal.SIGINT}


def interrupt(process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
    """Ctrl-C once; returns how it ended."""
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=15)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


@pytest.mark.parametrize("behaviour", ["nothing", "deaf", "stalls", "slow"])
def test_ctrl_c_while_the_provider_is_busy_is_quiet(provider, tmp_path: Path, behaviour: str) -> None:
    server = provider(behaviour)
    process = start(["say", "hello", "--provider", "openai", "--url", server.url], home=tmp_path)
    assert (server.connected if behaviour == "nothing" else server.arrived).wait(15)
    done = interrupt(process)
    clean(done)
    assert done.returncode == 130
    assert done.stderr == b""


def test_ctrl_c_while_standard_input_is_awaited_is_quiet(provider, tmp_path: Path) -> None:
    process = start(["say", "-", "--debug"], home=tmp_path, stdin=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"Log: ")  # past the imports, reading
    done = interrupt(process)
    clean(done)
    assert done.returncode == 130


def test_ctrl_c_while_a_sound_pipe_is_awaited_is_quiet(provider, tmp_path: Path) -> None:
    server = provider()
    process = start(
        ["say", "--audio", "-", "--debug", "--provider", "openai", "--url", server.url],
        home=tmp_path,
        stdin=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"Log: ")
    done = interrupt(process)
    clean(done)
    assert done.returncode == 130


def test_ctrl_c_while_a_file_is_sent_is_quiet(provider, tmp_path: Path) -> None:
    from tests.cli.test_say_program import write_wav

    path = tmp_path / "in.wav"
    write_wav(path, [(20.0, False)])
    server = provider()
    process = start(["say", "--audio", str(path), "--provider", "openai", "--url", server.url], home=tmp_path)
    assert server.connected.wait(15)
    done = interrupt(process)
    clean(done)
    assert done.returncode == 130


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.06, 0.1, 0.15, 0.2])
def test_ctrl_c_at_any_moment_of_the_start_is_quiet(provider, tmp_path: Path, delay: float) -> None:
    server = provider("deaf")
    # The interpreter's own start is not ours: interrupt from inside, so much after our first line.
    program = (
        "import os, signal, sys, threading\n"
        "signal.signal(signal.SIGINT, lambda *_: os._exit(130))\n"
        f"timer = threading.Timer({delay}, os.kill, (os.getpid(), signal.SIGINT))\n"
        "timer.daemon = True\n"
        "timer.start()\n"
        "from neko_cli.__main__ import main\n"
        f"sys.exit(main(['say', 'hello', '--provider', 'openai', '--url', {server.url!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
    )
    clean(done)
    assert done.returncode in QUIET_ENDS
    assert done.stdout == b""


def test_a_stuck_reader_of_our_output_does_not_hold_up_ctrl_c(provider, tmp_path: Path) -> None:
    server = provider("slow")
    process = start(
        ["say", "--lines", "--json-audio", "--provider", "openai", "--url", server.url],
        home=tmp_path,
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(b"hello\n" * 50)
    process.stdin.flush()
    assert server.arrived.wait(15)
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 130
    process.communicate()


def shell(script: str, home: Path) -> subprocess.CompletedProcess[bytes]:
    """A command line for a POSIX shell, in which $NEKO is the program."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        env=environment(home, NEKO=" ".join(command())),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "script",
    [
        "$NEKO --help | true",
        "$NEKO say --help | head -1 > /dev/null",
        "$NEKO --version | true",
        "$NEKO profiles show | head -1 > /dev/null",
        "yes hello | head -30 | $NEKO say --lines {to} | head -1 > /dev/null",
        "$NEKO say hello --json {to} | head -1 > /dev/null",
        "$NEKO say hello --out - {to} | head -c 10 > /dev/null",
    ],
)
def test_a_reader_that_leaves_ends_us_quietly(provider, tmp_path: Path, script: str) -> None:
    server = provider()
    done = shell(script.format(to=f"--provider openai --url {server.url}"), tmp_path)
    clean(done)
    # `yes` itself dies of its broken pipe, which is not ours to judge.
    assert done.returncode in ((0, 141) if script.startswith("yes") else (0,))
    assert done.stderr == b""


@pytest.mark.parametrize("closed", ["<&-", "</dev/null"])
def test_no_standard_input(provider, tmp_path: Path, closed: str) -> None:
    to = f"--provider openai --url {provider().url}"
    assert shell(f"$NEKO say hello {to} {closed}", tmp_path).stdout == b"You said: hello\n"
    empty = shell(f"$NEKO say {to} {closed}", tmp_path)
    clean(empty)
    assert empty.returncode == 2
    assert b"nothing to say" in empty.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_no_standard_output_or_error(provider, tmp_path: Path, closed: str) -> None:
    done = shell(f"$NEKO say hello --provider openai --url {provider().url} {closed}", tmp_path)
    clean(done)
    assert done.returncode == 0


def test_a_full_disk_is_told(provider, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = shell(f"$NEKO say hello --provider openai --url {provider().url} > /dev/full", tmp_path)
    clean(done)
    assert done.returncode == 2
    assert b"output" in done.stderr


@pytest.mark.parametrize("command", ["--version", "--help", "say --help", "profiles list", "local list"])
def test_a_full_disk_is_told_by_every_command(tmp_path: Path, command: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = shell(f"$NEKO {command} > /dev/full", tmp_path)
    clean(done)
    assert done.returncode == 2
    assert b"output cannot be written" in done.stderr


@pytest.mark.parametrize(
    "home",
    [
        {"HOME": None},
        {"HOME": ""},
        {"HOME": "/proc/nowhere"},
        {"HOME": "/dev/null"},
    ],
)
def test_no_home_or_one_that_cannot_be_written(provider, tmp_path: Path, home: dict[str, str | None]) -> None:
    env = {
        "NEKO_HOME": None,
        "TMPDIR": str(tmp_path),
        "XDG_STATE_HOME": None,
        "XDG_CONFIG_HOME": None,
        **home,
    }
    url = provider().url
    for arguments in (["say", "hello", "--provider", "openai", "--url", url], ["profiles"], ["--version"]):
        done = neko(*arguments, home=tmp_path, env=env)
        clean(done)
        assert done.returncode == 0, done.stderr
    logged = neko("say", "hello", "--debug", "--provider", "openai", "--url", url, home=tmp_path, env=env)
    clean(logged)
    assert logged.returncode == 0
    assert logged.stdout == b"You said: hello\n"


def test_a_home_that_is_a_file_is_told_where_writing_matters(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = neko("profiles", "new", "mine", home=blocked)
    clean(done)
    assert done.returncode == 2
    assert str(blocked).encode() in done.stderr


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_chat_without_a_screen_reads_lines(provider, tmp_path: Path, term: str | None) -> None:
    server = provider()
    done = neko(
        "chat", "--provider", "openai", "--url", server.url,
        home=tmp_path, input=b"one\ntwo\n", env={"TERM": term},
    )  # fmt: skip
    clean(done)
    assert done.stdout == b"You said: one\nYou said: two\n"
    assert done.stderr.count(b"\n") == 1
    assert done.returncode == 0


def test_plain_neko_is_chat(provider, tmp_path: Path) -> None:
    server = provider()
    done = neko("--provider", "openai", "--url", server.url, "--quiet", home=tmp_path, input=b"one\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"You said: one\n", b"")


def test_text_that_the_terminal_cannot_show(provider, tmp_path: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = neko("say", "é", "--provider", "openai", "--url", provider().url, home=tmp_path, env=env)
    clean(done)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert os.fsencode(str(ROOT)) not in done.stderr
