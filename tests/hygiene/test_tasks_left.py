"""The rule of the project's conftest: a test that leaves tasks behind fails, and not a later one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.hygiene.small_pytest import FEW_PLUGINS, SMALL_PYTEST
from tests.hygiene.tree import ROOT

TESTS = """
import asyncio

def test_before(): pass

def test_that_leaves_one():
    async def main():
        global task
        task = asyncio.create_task(asyncio.sleep(60), name="forgotten")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()

def test_after(): pass

async def test_that_cleans_up():
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
"""


def test_the_test_that_leaves_a_task_is_the_one_that_fails(tmp_path: Path) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        SMALL_PYTEST,
        cwd=tmp_path,
        env={**os.environ, **FEW_PLUGINS},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "4 passed, 1 error" in done.stdout, done.stdout
    assert "ERROR at teardown of test_that_leaves_one" in done.stdout
    assert "name='forgotten'" in done.stdout
