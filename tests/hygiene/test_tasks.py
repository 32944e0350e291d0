"""Who may start an asyncio task: a TaskGroup, and the few owners that are named here."""

from __future__ import annotations

import ast

from tests.hygiene.tree import name_of, parsed, python_files

OWNERS = {
    "neko_cli/core/crossing.py": "reads a session's events for another thread, until its reader stops it",
    "neko_cli/core/elsewhere.py": "carries out what another thread waits for",
    "neko_cli/core/tasks.py": "hosts a TaskGroup for objects that are not entered and left by one task",
}
"""Files that hold a bare task, with the reason; each awaits it when it closes."""

STARTERS = {"create_task", "ensure_future"}


def started_tasks(tree: ast.Module) -> list[tuple[int, str]]:
    """Line and receiver of every call that starts a task; a bare function has the receiver ''."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in STARTERS:
            found.append((node.lineno, ast.unparse(node.func.value)))
        elif isinstance(node.func, ast.Name) and node.func.id in STARTERS:
            found.append((node.lineno, ""))
    return found


def is_group(receiver: str) -> bool:
    """Whether the name says that it is a TaskGroup: ``group``, ``self._group``, ``task_group``."""
    return receiver.rpartition(".")[2].lower().endswith("group")


def test_tasks_are_started_by_a_group() -> None:
    found = [
        f"{name_of(path)}:{line} {receiver}"
        for path in python_files("neko_cli")
        if name_of(path) not in OWNERS
        for line, receiver in started_tasks(parsed(path))
        if not is_group(receiver)
    ]
    assert not found, "\n".join(found)


def test_the_list_of_owners_is_true() -> None:
    bare = {
        name_of(path)
        for path in python_files("neko_cli")
        for _, receiver in started_tasks(parsed(path))
        if not is_group(receiver)
    }
    assert set(OWNERS) <= bare


def test_the_rule_tells_a_group_from_a_loop() -> None:
    tree = ast.parse(
        "asyncio.create_task(x)\nself._group.create_task(x)\nensure_future(x)\nloop.create_task(x)"
    )
    assert [is_group(receiver) for _, receiver in started_tasks(tree)] == [False, True, False, False]
