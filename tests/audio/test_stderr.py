"""Descriptor 2 goes to a log while the terminal app keeps its screen; tested in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(program: str, *, shell_tail: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program text; ``shell_tail`` redirects as a shell does."""
    command = f'exec "$0" -c "$1" {shell_tail}'
    return subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, program], capture_output=True, text=True, timeout=20
    )


def test_c_libraries_write_to_the_log_and_the_screen_stays(tmp_path: Path) -> None:
    log = tmp_path / "deeper" / "stderr.log"
    done = run(
        "import os, sys, pathlib\n"
        "from neko_cli.audio.stderr import moved_stderr\n"
        "sys.stderr.write('before ')\n"
        f"with moved_stderr(pathlib.Path({str(log)!r})):\n"
        "    os.write(2, b'underrun')\n"
        "    sys.__stderr__.write('screen ')\n"
        "    sys.__stderr__.flush()\n"
        "    sys.stderr.write(' python')\n"
        "os.write(2, b'after ')\n"
        "sys.__stderr__.write('end')\n"
    )
    assert done.returncode == 0
    assert done.stderr == "before screen after end"
    assert log.read_text() == "underrun python"
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_bytes(b"x" * 1_000_001)
    done = run(
        "import os, pathlib\n"
        "from neko_cli.audio.stderr import moved_stderr\n"
        f"with moved_stderr(pathlib.Path({str(log)!r})):\n"
        "    os.write(2, b'new')\n"
    )
    assert done.returncode == 0
    assert log.read_text() == "new"


def test_restored_after_an_exception(tmp_path: Path) -> None:
    done = run(
        "import sys, pathlib\n"
        "from neko_cli.audio.stderr import moved_stderr\n"
        f"with moved_stderr(pathlib.Path({str(tmp_path / 'log')!r})):\n"
        "    raise SystemExit('told on the terminal')\n"
    )
    assert done.returncode == 1
    assert done.stderr == "told on the terminal\n"


def test_log_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(
        "import os, pathlib\n"
        "from neko_cli.audio.stderr import moved_stderr\n"
        f"with moved_stderr(pathlib.Path({str(tmp_path / 'file' / 'log')!r})):\n"
        "    os.write(2, b'lost')\n"
        "os.write(2, b'seen')\n"
    )
    assert (done.returncode, done.stderr) == (0, "seen")


def test_without_a_descriptor_2_nothing_is_moved() -> None:
    done = run(
        "from neko_cli.audio.stderr import moved_stderr\nwith moved_stderr(None):\n    print('ran')\n",
        shell_tail="2>&-",
    )
    assert (done.returncode, done.stdout) == (0, "ran\n")
