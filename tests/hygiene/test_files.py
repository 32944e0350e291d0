"""What every file of the project keeps to."""

from __future__ import annotations

import ast
import re

from tests.hygiene.tree import PACKAGE, ROOT, files, name_of, parsed, python_files

HARD_LIMIT = 500
"""Lines; a longer file holds more than one idea."""

CODE = ("neko_cli", "tests", "benchmarks", "scripts")

# Put together here, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")

MACHINE = re.compile(
    "|".join(
        (
            r"(?<![\w.}])/(work|root)" + r"/\w",
            r"(?<![\w.}])/home" + r"/\w",
            r"(?<![\w.}])/tmp" + r"/\w",
            r"pypi\.(org|python)",
            r"pythonhosted" + r"\.org",
            r"(extra-)?index" + r"-url",
        )
    )
)
"""Places of one machine, and package registries: neither belongs to a project."""

TEXT_SUFFIXES = {".cfg", ".ini", ".json", ".md", ".py", ".sh", ".tcss", ".toml", ".txt", ".yml", ".yaml", ""}


def test_no_file_is_longer_than_the_hard_limit() -> None:
    lengths = {name_of(path): path.read_bytes().count(b"\n") for path in python_files(*CODE)}
    assert len(lengths) > 10
    assert {name: count for name, count in lengths.items() if count > HARD_LIMIT} == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        name_of(path)
        for path in python_files("neko_cli", "benchmarks")
        if path.stat().st_size > 0 and ast.get_docstring(parsed(path)) is None
    ]
    assert not silent, "\n".join(silent)


def test_every_public_class_and_function_of_the_package_says_what_it_is() -> None:
    silent = []
    for path in python_files("neko_cli"):
        for node in parsed(path).body:
            if (
                isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and not node.name.startswith("_")
                and ast.get_docstring(node) is None
            ):
                silent.append(f"{name_of(path)}:{node.lineno} {node.name}")
    assert not silent, "\n".join(silent)


def test_nothing_is_left_unfinished() -> None:
    found = []
    for path in python_files(*CODE):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if UNFINISHED.search(line):
                found.append(f"{name_of(path)}:{number} {line.strip()}")
    assert not found, "\n".join(found)


def test_no_function_only_says_that_it_is_not_written() -> None:
    found = []
    for path in python_files("neko_cli"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Raise) and node.exc is not None:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                if isinstance(raised, ast.Name) and raised.id == "NotImplementedError":
                    found.append(f"{name_of(path)}:{node.lineno}")
    assert not found, "\n".join(found)


def test_only_the_command_line_prints() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files("neko_cli")
        if path.relative_to(PACKAGE).parts[0] != "cli"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not found, "\n".join(found)


def test_no_file_names_one_machine_or_a_package_registry() -> None:
    found = []
    for path in files():
        if path.suffix not in TEXT_SUFFIXES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{name_of(path)}: {match.group(0)}" for match in MACHINE.finditer(text)]
    assert not found, "\n".join(found)


def test_scripts_are_executable() -> None:
    scripts = [path for path in files() if path.read_bytes()[:2] == b"#!"]
    assert ROOT / ".ci" / "run" in scripts
    assert [name_of(path) for path in scripts if not path.stat().st_mode & 0o100] == []
