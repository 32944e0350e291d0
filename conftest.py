"""What every test starts from: no settings, keys or folders of the person who runs the tests.

Under ``NEKO_REQUIRE_REAL=1`` a test marked ``real`` or ``sdk`` that would skip fails instead, so
that continuous integration cannot pass by leaving out what it is there for.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
from asyncio.base_events import BaseEventLoop
from collections.abc import Generator

import pytest

KEPT = ("NEKO_REQUIRE_REAL", "NEKO_SDK_PYTHON", "NEKO_MODELS_PYTHON")
"""The only variables of ours that steer a test run."""

KEYS = (
    "AZURE_OPENAI_API_KEY",
    "DASHSCOPE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "STEP_API_KEY",
    "XAI_API_KEY",
    "ZHIPU_API_KEY",
)

NO_KEYRING = "keyring.backends.fail.Keyring"
"""No test reads the keys of who runs it, or takes a backend that another test has made."""

LOOKS = ("CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "LINES", "NO_COLOR", "PY_COLORS")
"""Variables that change how terminal programs print."""

MUST_RUN = ("real", "sdk")
"""Markers of tests that need more than Python; a folder of tests/ with that name sets its marker."""

_home = pytest.StashKey[str]()

_left_behind: list[str] = []
"""Tasks that were still pending when their loop was closed, since the last look."""

_close_loop = BaseEventLoop.close


def pytest_configure(config: pytest.Config) -> None:
    """Make the environment the same everywhere; each xdist worker gets a home of its own."""
    for name in list(os.environ):
        if (name.startswith("NEKO_") and name not in KEPT) or name in KEYS or name in LOOKS:
            del os.environ[name]
    home = tempfile.mkdtemp(prefix="neko-test-home-")
    config.stash[_home] = home
    BaseEventLoop.close = _close_and_look  # type: ignore[method-assign, assignment]
    os.environ["NEKO_HOME"] = home
    os.environ["PYTHON_KEYRING_BACKEND"] = NO_KEYRING
    if "UTF-8" not in os.environ.get("LC_ALL", os.environ.get("LANG", "")).upper():
        os.environ["LC_ALL"] = "C.UTF-8"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    BaseEventLoop.close = _close_loop  # type: ignore[method-assign]
    home = config.stash.get(_home, None)
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector away from what lives to the end: thousands of tests, and all modules.

    A test that asks it to look for leaks would wait for seconds each time else.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in tests/real and tests/sdk."""
    for item in items:
        for name in MUST_RUN:
            if name in item.path.relative_to(item.config.rootpath).parts:
                item.add_marker(name)


def _close_and_look(loop: BaseEventLoop) -> None:
    """Close a loop, and note the tasks that nobody has waited for."""
    if not loop.is_closed():
        _left_behind.extend(repr(task) for task in asyncio.all_tasks(loop))
    _close_loop(loop)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    """Fail the test that leaves tasks behind; else a later one fails, when they are collected."""
    yield
    if _left_behind:
        found = "; ".join(_left_behind)
        _left_behind.clear()
        pytest.fail(f"tasks were pending when their loop was closed: {found}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip of a test that must run into a failure, where that was asked for."""
    report = yield
    marked = any(item.get_closest_marker(name) for name in MUST_RUN)
    if marked and report.skipped and not hasattr(report, "wasxfail"):
        _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that would skip."""
    report = yield
    if report.skipped:
        parts = collector.path.relative_to(collector.config.rootpath).parts
        if any(name in parts for name in MUST_RUN):
            _forbid_skip(report)
    return report


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("NEKO_REQUIRE_REAL") == "1":
        report.outcome = "failed"
        report.longrepr = f"NEKO_REQUIRE_REAL=1, but this would skip: {report.longrepr}"
