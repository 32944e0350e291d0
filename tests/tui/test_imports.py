"""What the first frame waits for: the app imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "PIL",
    "httpx",
    "markdown_it",
    "mss",
    "numpy",
    "pocketsphinx",
    "pygments",
    "sounddevice",
    "soxr",
    "sqlite3",
    "typer",
    "websockets",
    "zmq",
)


def test_the_app_loads_no_sound_network_or_highlighting() -> None:
    code = "import sys, neko_cli.tui.run, neko_cli.testing; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(done.stdout.split())
    assert "neko_cli.tui.app" in loaded
    assert not set(HEAVY) & loaded
    assert not {
        name for name in loaded if name.startswith(("neko_cli.audio", "neko_cli.local", "neko_cli.wiring"))
    }
