"""Where the official SDKs live: an interpreter of its own, since one needs an older websockets."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROBE = """
import importlib.util as util, sys
sys.exit(not all(util.find_spec(name) for name in ("openai", "websockets", "google.genai", "dashscope")))
"""


@cache
def sdk_python() -> str | None:
    """``NEKO_SDK_PYTHON``, or the one in .venv-sdk; None when it has not all SDKs."""
    given = os.environ.get("NEKO_SDK_PYTHON")
    folder = ROOT / ".venv-sdk" / ("Scripts" if os.name == "nt" else "bin")
    for candidate in [given] if given else [str(folder / "python"), str(folder / "python.exe")]:
        if candidate and Path(candidate).exists():
            found = subprocess.run(
                [candidate, "-c", PROBE],
                capture_output=True,
                timeout=60,
                check=False,
            )
            if found.returncode == 0:
                return candidate
    return None


def require_sdk() -> str:
    """The SDKs' interpreter; without one the test skips (the root conftest decides when it may)."""
    python = sdk_python()
    if python is None:
        pytest.skip("no interpreter with the official SDKs: run `make test`, or set NEKO_SDK_PYTHON")
    return python


def sdk_environment() -> dict[str, str]:
    """The environment without proxies and keys of the person who runs the tests."""
    dropped = ("proxy", "openai_", "google_", "gemini_", "dashscope_", "ssl_cert")
    return {k: v for k, v in os.environ.items() if not any(word in k.lower() for word in dropped)}
