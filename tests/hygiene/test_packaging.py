"""The wheel holds the program, its data and its licence, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.hygiene.tree import PACKAGE, ROOT, files

BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(folder / done.stdout.split()[-1]) as wheel:
        return set(wheel.namelist())


def test_every_file_of_the_package_is_in_the_wheel(contents: set[str]) -> None:
    ours = {path.relative_to(ROOT).as_posix() for path in files() if PACKAGE in path.parents}
    assert len(ours) > 10
    assert ours - contents == set()


def test_nothing_else_is_in_the_wheel(contents: set[str]) -> None:
    top = {Path(name).parts[0] for name in contents}
    assert {name for name in top if not name.endswith(".dist-info")} == {"neko_cli"}
    assert [name for name in contents if "__pycache__" in name] == []


def test_the_licence_and_the_notice_are_in_the_wheel(contents: set[str]) -> None:
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in contents if "/licenses/" in name}
