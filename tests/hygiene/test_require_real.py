"""The rule of the project's conftest: under NEKO_REQUIRE_REAL=1 a real test never skips."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.hygiene.small_pytest import FEW_PLUGINS, SMALL_PYTEST
from tests.hygiene.tree import ROOT


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A small project with our configuration, whose folder names must not matter."""
    folder = tmp_path / "real" / "project"
    (folder / "tests" / "real").mkdir(parents=True)
    (folder / "tests" / "sdk").mkdir()
    shutil.copy(ROOT / "conftest.py", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    skip = "import pytest\ndef test_it(): pytest.skip('nothing here')\n"
    (folder / "tests" / "test_plain.py").write_text(skip)
    (folder / "tests" / "real" / "test_sound.py").write_text(skip)
    (folder / "tests" / "sdk" / "test_sdk.py").write_text(skip)
    (folder / "tests" / "test_marked.py").write_text(skip.replace("def ", "@pytest.mark.real\ndef "))
    return folder


def outcomes(suite: Path, required: str) -> dict[str, int]:
    """Counts of pytest's closing line."""
    done = subprocess.run(
        SMALL_PYTEST,
        cwd=suite,
        env={**os.environ, **FEW_PLUGINS, "NEKO_REQUIRE_REAL": required},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1]
    return {word: int(count) for count, word in re.findall(r"(\d+) (failed|passed|skipped|error)", last)}


def test_skips_count_as_skips_at_home(suite: Path) -> None:
    assert outcomes(suite, "") == {"skipped": 4}


def test_real_tests_that_would_skip_fail_where_required(suite: Path) -> None:
    assert outcomes(suite, "1") == {"failed": 3, "skipped": 1}


def test_a_whole_file_that_would_skip_fails_where_required(suite: Path) -> None:
    (suite / "tests" / "sdk" / "test_sdk.py").write_text(
        "import pytest\npytest.skip('nothing here', allow_module_level=True)\n"
    )
    assert outcomes(suite, "1")["error"] == 1
