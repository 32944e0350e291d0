"""Whisper, sherpa-onnx and piper for real, with tiny models made here.

They need packages of half a gigabyte, so they live in an interpreter of their own: ``.venv-models``
with the extras ``whisper``, ``sherpa`` and ``piper`` and the package ``onnx`` (or
``NEKO_MODELS_PYTHON``). Without it these tests skip and say so; their errors without the packages
are tested in test_factories.py everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.speech.sound import spoken

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"whisper": "faster_whisper", "sherpa": "sherpa_onnx, onnx", "piper": "piper, onnx"}


@cache
def python_with(kind: str) -> str | None:
    """An interpreter that has the packages for a kind of model, ours included."""
    folder = ROOT / ".venv-models" / ("Scripts" if os.name == "nt" else "bin")
    for candidate in (os.environ.get("NEKO_MODELS_PYTHON", ""), str(folder / "python"), sys.executable):
        if candidate and Path(candidate).exists():
            modules = f"import {MODULES[kind]}, msgspec, numpy, soxr"
            found = subprocess.run([candidate, "-c", modules], capture_output=True, timeout=60, check=False)
            if found.returncode == 0:
                return candidate
    return None


def run(python: str, program: str, *arguments: str) -> str:
    done = subprocess.run(
        [python, str(ROOT / "tests" / "speech" / program), *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def use(name: str, made: str, models_dir: Path) -> dict[str, Any]:
    """Make a model, load it in a worker, and tell what came out."""
    kind, _, model = name.partition(":")
    python = python_with(kind)
    if python is None:
        pytest.skip(f"no interpreter with {MODULES[kind]}: make .venv-models, or set NEKO_MODELS_PYTHON")
    run(python, "small_models.py", made, str(models_dir / kind / model))
    answer: dict[str, Any] = json.loads(run(python, "optional_engine.py", name, str(models_dir)))
    return answer


@pytest.mark.parametrize("made", ["ctc", "transducer", "streaming"])
def test_sherpa_models_hear(made: str, tmp_path: Path) -> None:
    found = use("sherpa:tiny", made, tmp_path)
    assert set(found["loud"][0].split()) == {"yes"}
    assert 0.5 < found["loud"][1] <= 1.0
    assert found["faint"] == ["", 0.0]
    assert found["silent"] == ""
    assert "ConfigError" in found["grammar"]


def test_a_whisper_model_hears(tmp_path: Path) -> None:
    found = use("whisper:tiny", "whisper", tmp_path)
    assert found["loud"][0] == "yes"
    assert found["loud"][1] > 0.9
    assert found["silent"] == ""
    assert "ConfigError" in found["grammar"]


def test_a_piper_voice_speaks(tmp_path: Path) -> None:
    found = use("piper:tiny", "piper", tmp_path)
    chunk = 24_000 // 10 * 2
    assert found["voices"] == []
    for chunks in (found["short"], found["long"], found["again"]):
        assert set(chunks[:-1]) == {chunk}
        assert 0 < chunks[-1] <= chunk
    assert sum(found["short"]) == pytest.approx(sum(found["again"]), abs=8)
    assert sum(found["long"]) == pytest.approx(8 * sum(found["short"]), rel=0.1)


@pytest.mark.parametrize(
    ("name", "file", "rest"),
    [
        ("sherpa:broken", "model.onnx", ("tokens.txt",)),
        ("whisper:broken", "model.bin", ("config.json",)),
        ("piper:broken", "broken.onnx", ("broken.onnx.json",)),
    ],
)
def test_a_broken_model_is_told_in_a_sentence(
    name: str, file: str, rest: tuple[str, ...], tmp_path: Path
) -> None:
    kind, _, model = name.partition(":")
    python = python_with(kind)
    if python is None:
        pytest.skip(f"no interpreter with {MODULES[kind]}: make .venv-models, or set NEKO_MODELS_PYTHON")
    folder = tmp_path / kind / model
    folder.mkdir(parents=True)
    (folder / file).write_bytes(b"zipformer2_ctc is what it says, but it is no model" + spoken("no")[:4000])
    for other in rest:
        (folder / other).write_text("{}")
    found: dict[str, Any] = json.loads(run(python, "optional_engine.py", name, str(tmp_path)))
    assert found["error"] in ("ConfigError", "ServerFault")
    assert "broken" in found["message"]
