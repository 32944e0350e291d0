"""A pytest in a process of its own, for a project of a few tests with our configuration."""

from __future__ import annotations

import sys

FEW_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""All that are installed would take longer to load than such a project to run."""

SMALL_PYTEST = [
    *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
    *("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "tests"),
]
