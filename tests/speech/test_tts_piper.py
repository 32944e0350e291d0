"""A piper voice in the pipeline, for real, where its packages are installed (see test_optional_engines)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.speech.test_optional_engines import MODULES, python_with, run

pytestmark = pytest.mark.real


def test_a_piper_voice_speaks_what_is_written(tmp_path: Path) -> None:
    python = python_with("piper")
    if python is None:
        pytest.skip(f"no interpreter with {MODULES['piper']}: make .venv-models, or set NEKO_MODELS_PYTHON")
    run(python, "small_models.py", "piper", str(tmp_path / "piper" / "tiny"))
    found = json.loads(run(python, "piper_speech.py", str(tmp_path)))
    assert found["troubles"] == []
    assert found["one"][1] is True
    assert found["one"][0] > 100
    assert found["two"] == pytest.approx(found["one"], abs=1)
