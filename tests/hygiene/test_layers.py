"""What is really loaded with a layer: import-linter reads the code, this runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.hygiene.tree import ROOT, module_of, python_files

PROBE = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""

ABOVE_CORE = ("__main__", "cli", "tui", "wiring", "local", "audio", "speech", "vision", "services", "testing")


def loaded_with(layer: str) -> set[str]:
    """Names of all modules in memory after every module of the layer was imported."""
    names = [
        module_of(path)
        for path in python_files("neko_cli")
        if module_of(path).startswith(f"neko_cli.{layer}.") or module_of(path) == f"neko_cli.{layer}"
    ]
    assert names, f"no modules in {layer}"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("layer", "foreign", "ours"),
    [
        ("core", {"textual", "typer", "sounddevice", "mss", "sqlite3", "zmq"}, ABOVE_CORE),
        (
            "tui",
            {
                "typer",
                "sounddevice",
                "mss",
                "sqlite3",
                "zmq",
                "pocketsphinx",
                "soxr",
                "numpy",
                "websockets",
                "httpx",
            },
            [name for name in ABOVE_CORE if name != "tui"],
        ),
        (
            "services",
            {"textual", "typer", "sounddevice"},
            ["__main__", "cli", "tui", "wiring", "local", "audio", "speech", "vision"],
        ),
        (
            "audio",
            {"textual", "typer"},
            ["__main__", "cli", "tui", "wiring", "local", "speech", "vision", "services"],
        ),
        (
            "speech",
            {"textual", "typer", "sounddevice"},
            ["__main__", "cli", "tui", "wiring", "local", "audio", "vision", "services"],
        ),
        ("local", {"textual", "typer", "sounddevice"}, ["__main__", "cli", "tui", "wiring"]),
    ],
)
def test_a_layer_loads_nothing_from_above(layer: str, foreign: set[str], ours: list[str]) -> None:
    loaded = loaded_with(layer)
    assert foreign & loaded == set()
    above = tuple(f"neko_cli.{name}" for name in ours)
    assert [name for name in loaded if name in above or name.startswith(tuple(f"{a}." for a in above))] == []
