"""No module needs, by whatever way around, a module that needs it."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator

from tests.hygiene.tree import module_of, parsed, python_files


def imported(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Our modules that a module loads, also where it does so in a function; not those for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found = whole if whole in known else node.module
                if found in known:
                    yield found
        elif not isinstance(node, ast.expr) and not is_for_types(node):
            yield from imported(node, known)


def is_for_types(node: ast.AST) -> bool:
    """Whether it is an ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def cycle_of(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle; empty without one."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_the_package_has_no_circle() -> None:
    paths = {module_of(path): path for path in python_files("neko_cli")}
    imports = {name: set(imported(parsed(path), set(paths))) for name, path in paths.items()}
    assert sum(map(len, imports.values())) > len(imports)
    assert cycle_of(imports) == []


def test_a_circle_is_found() -> None:
    known = {"a", "b.c", "d"}
    trees = {
        "a": "from b import c",
        "b.c": "def late():\n    import d",
        "d": "from a import x",
        "e": "import a",
    }
    imports = {name: set(imported(ast.parse(text), known)) for name, text in trees.items()}
    assert set(cycle_of(imports)) == {"a", "b.c", "d"}
    imports["d"].clear()
    assert cycle_of(imports) == []
