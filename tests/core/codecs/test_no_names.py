"""Outside the registry, nothing asks who the provider is: what it can do stands in its capabilities."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import neko_cli
from neko_cli.core.codecs import PROVIDERS

PACKAGE = Path(neko_cli.__file__).parent

NAMES = frozenset(PROVIDERS) | {provider.family for provider in PROVIDERS.values()} - {"flat"}

WORDS = frozenset({"chat"})
"""Names that are words of ours as well, such as that of a command."""

REGISTRIES = {PACKAGE / "speech" / "tts" / "choose.py"}
"""Tables of services that are no providers of a conversation, though some have the same names."""

OUTSIDE = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    # The codecs are where a name may matter; the engine is a server, whose wires are named after others.
    if not path.is_relative_to(PACKAGE / "core" / "codecs")
    and not path.is_relative_to(PACKAGE / "local")
    and path not in REGISTRIES
)

ASKS = frozenset({"startswith", "endswith", "removeprefix", "removesuffix", "get"})


def names_in(node: ast.AST) -> Iterator[str]:
    """Providers that an expression names, as a text or among texts."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            name = inner.value.lower()
            if name in NAMES - WORDS:
                yield name


def asked(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where something depends on a provider's name: (line, name)."""
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue | ast.Dict):
            parts = [node]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKS:
            parts = [*node.args]
        for part in parts:
            yield from ((node.lineno, name) for name in names_in(part))


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_depends_on_a_providers_name(path: Path) -> None:
    assert list(asked(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_codecs_are_kept_out_of_it_and_all_else_is_looked_at() -> None:
    assert len(OUTSIDE) > 150
    assert PACKAGE / "core" / "session_core.py" in OUTSIDE


@pytest.mark.parametrize(
    "code",
    [
        'if provider.name == "qwen": pass',
        'if name in ("glm", "other"): pass',
        'match name:\n    case "openai-ga":\n        pass',
        'limits = {"xai": 120}',
        'limit = limits["gemini"]',
        'if model.startswith("GLM"): pass',
    ],
)
def test_a_branch_by_name_is_found(code: str) -> None:
    assert len(list(asked(ast.parse(code)))) == 1


def test_what_only_names_one_is_no_branch() -> None:
    assert list(asked(ast.parse('name: str = "embedded"\nparser.add("chat") == "chat"'))) == []
