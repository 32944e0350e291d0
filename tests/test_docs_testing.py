"""The examples of docs/testing.md are run, so that they stay true."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tests.hygiene.tree import ROOT

DOCUMENT = ROOT / "docs" / "testing.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read_examples() -> dict[str, Any]:
    """What the document's code defines; later blocks use what earlier ones have imported."""
    text = DOCUMENT.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "docs.testing"}
    for block in BLOCK.finditer(text):
        # Blank lines before it, so that a failure names the line of the document.
        code = "\n" * (text.count("\n", 0, block.start()) + 1) + block[1]
        exec(compile(code, str(DOCUMENT), "exec"), names)
    return names


EXAMPLES = read_examples()
TESTS = [name for name in EXAMPLES if name.startswith("test_")]


@pytest.mark.parametrize("name", TESTS)
async def test_the_example(name: str) -> None:
    test = EXAMPLES[name]
    arguments = EXAMPLES["tester"].names if inspect.signature(test).parameters else [None]
    assert arguments
    for argument in arguments:
        await (test() if argument is None else test(argument))


def test_every_example_is_found() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(BLOCK.findall(text))
    assert len(TESTS) == len(re.findall(r"^async def test_", text, re.MULTILINE)) > 5


def test_the_document_names_every_option_of_the_tester() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    options = inspect.signature(EXAMPLES["check_lifecycle"]).parameters
    assert [name for name in options if f"`{name}`" not in text] == []
