"""scripts/install.sh and find_python.sh: a second start costs nothing, and mistakes are sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hygiene.tree import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")

# A virtual environment that only notes what pip was asked for.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
"-c "*) exit 0 ;;
*"-m venv "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
*"pip --version"*) exit 0 ;;
*"pip "*) echo "$*" >>pip-calls; [ ! -e fail-pip ] ;;
*) echo "Python 3.11.0" ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a clone"
    (folder / "scripts").mkdir(parents=True)
    for name in ("install.sh", "find_python.sh", "system_deps.sh"):
        shutil.copy(ROOT / "scripts" / name, folder / "scripts")
    for name in ("pyproject.toml", "constraints.txt", "constraints-sdk.txt"):
        shutil.copy(ROOT / name, folder)
    python = tmp_path / "python"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    return folder


def install(project: Path, what: str) -> tuple[int, list[str], str]:
    """Exit code, pip's calls and standard error of one run of the script."""
    done = subprocess.run(
        ["sh", "scripts/install.sh", what],
        cwd=project,
        env={**os.environ, "PYTHON": str(project.parent / "python")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    notes = project / "pip-calls"
    calls = notes.read_text().splitlines() if notes.exists() else []
    notes.unlink(missing_ok=True)
    return done.returncode, calls, done.stderr


def test_installs_once_and_again_only_when_something_changed(project: Path) -> None:
    code, calls, _ = install(project, "run")
    assert code == 0
    assert len(calls) == 1
    assert "-c constraints.txt -e .[local,aec]" in calls[0]

    started = time.monotonic()
    assert install(project, "run") == (0, [], "")
    assert time.monotonic() - started < 1.0  # a few milliseconds, on a machine that is busy

    with (project / "constraints.txt").open("a") as file:
        file.write("# changed\n")
    _, calls, _ = install(project, "run")
    assert len(calls) == 1


def test_a_copied_environment_is_installed_anew(project: Path) -> None:
    install(project, "run")
    moved = project.with_name("another place")
    shutil.copytree(project, moved)
    _, calls, _ = install(moved, "run")
    assert len(calls) == 1


def test_tests_get_their_tools_and_the_sdk_apart(project: Path) -> None:
    _, calls, _ = install(project, "test")
    assert any("-e .[local,aec] --group dev" in call for call in calls)
    assert any("-c constraints-sdk.txt openai[realtime] google-genai dashscope" in call for call in calls)
    assert (project / ".venv-sdk" / "bin" / "python").exists()
    assert any("-c constraints.txt onnx ctranslate2 faster-whisper" in call for call in calls)
    assert (project / ".venv-models" / "bin" / "python").exists()
    assert install(project, "run")[1] == []
    assert install(project, "test")[1] == []


def test_a_failed_installation_is_tried_again(project: Path) -> None:
    (project / "fail-pip").touch()
    code, _, _ = install(project, "run")
    assert code != 0
    (project / "fail-pip").unlink()
    code, calls, _ = install(project, "run")
    assert code == 0
    assert len(calls) == 1


def find_python(tmp_path: Path, python: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "find_python.sh")],
        env={"PATH": str(tmp_path), "PYTHON": python},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_python_in_use_is_found(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    assert find_python(tmp_path).stdout == "python3\n"


def test_a_name_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    (tmp_path / "python3.11").symlink_to(sys.executable)
    assert find_python(tmp_path).stdout == "python3.11\n"


@pytest.mark.parametrize("python", ["", "no-such-python"])
def test_no_python_is_one_sentence(python: str, tmp_path: Path) -> None:
    done = find_python(tmp_path, python)
    assert done.returncode == 1
    assert done.stderr.startswith("neko: ")
    assert done.stderr.count("\n") == 1
