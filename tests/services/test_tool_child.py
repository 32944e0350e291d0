"""Python functions as tools: what they say about themselves, and calls in real processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from neko_cli.core.errors import ToolError
from neko_cli.core.tables import PythonTool
from neko_cli.services import tool_child
from neko_cli.services.tool_process import run
from neko_cli.services.tool_python import PythonTools
from tests.services.tool_parts import LIMIT, ends, pipe_in, read

MODULE = '''
"""Tools."""
from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Optional

print("imported, and noisy")


class Kind(Enum):
    FAIR = "fair"
    LOADED = "loaded"


@dataclass
class Place:
    city: str
    floor: int = 0


def roll(
    sides: Annotated[int, "How many sides it has."],
    times: int = 1,
    kind: Kind = Kind.FAIR,
    mode: Literal["high", "low"] | None = None,
    names: list[str] = [],
    place: Optional[Place] = None,
    *,
    strict: bool = False,
) -> dict[str, Any]:
    """Roll a die,
    or several.

    Nobody reads this.
    """
    print("rolling", flush=True)
    os.write(1, b"written past Python\\n")
    os.system("echo from a program")
    place = place and [place.city, place.floor]
    return {"sum": sides * times, "kind": kind.name, "mode": mode, "names": names, "place": place}


async def later(text: str) -> str:
    """Takes its time."""
    return text.upper()


def anything(first, second=2.5, third=None):
    return [first, second, third]


def open_ended(a: int, **more: Any):
    return {"a": a, **more}


def nothing() -> None:
    print("nothing to say")


def fails() -> None:
    print("about to fail")
    raise ValueError("the die\\nfell \\x1b[31moff the table")


def leaves() -> None:
    sys.exit("no more")


def by_place(a, /):
    pass


def key() -> str:
    return os.environ.get("OPENAI_API_KEY", "none")


class Box:
    @staticmethod
    def inner(a: int) -> int:
        return a + 1


def hangs(pipe: str) -> None:
    with open(pipe, "w") as file:
        file.write(str(os.getpid()))
    while True:
        pass


@dataclass
class Node:
    next: Optional[Node] = None


def chain(node: Node) -> None:
    pass


class Own:
    pass


def own(a: Own) -> None:
    pass


number = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "dice.py").write_text(MODULE)
    return tools


@pytest.fixture
def tools(folder: Path) -> PythonTools:
    return PythonTools(folder)


async def call(tools: PythonTools, name: str, limit: float = LIMIT, /, **arguments: object) -> Any:
    tool = PythonTool(entry=name if ":" in name else f"dice:{name}")
    return json.loads(await run("It", tools.program(tool), arguments, limit))


async def trouble(tools: PythonTools, name: str, limit: float = LIMIT, /, **arguments: object) -> str:
    with pytest.raises(ToolError) as caught:
        await call(tools, name, limit, **arguments)
    return caught.value.message


async def test_a_function_gets_its_arguments_as_its_annotations_want_them(tools: PythonTools) -> None:
    found = await call(tools, "roll", sides=6, times=2, kind="loaded", place={"city": "Oslo"}, mode="low")
    assert found == {"sum": 12, "kind": "LOADED", "mode": "low", "names": [], "place": ["Oslo", 0]}


async def test_what_a_function_prints_is_not_its_result(tools: PythonTools) -> None:
    assert (await call(tools, "roll", sides=6))["sum"] == 6
    assert await call(tools, "nothing") == {"ok": True}


async def test_functions_of_all_kinds_are_called(tools: PythonTools) -> None:
    assert await call(tools, "later", text="so") == "SO"
    assert await call(tools, "anything", first={"a": [1]}) == [{"a": [1]}, 2.5, None]
    assert await call(tools, "open_ended", a=1, b=2) == {"a": 1, "b": 2}
    assert await call(tools, "Box.inner", a=1) == 2
    assert await call(tools, "math:hypot.__name__.upper") == "HYPOT"


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("fails", {}, "It failed: ValueError: the die fell off the table"),
        ("leaves", {}, "It failed: SystemExit: no more"),
        (
            "roll",
            {"sides": "6"},
            "It failed: The arguments do not fit: Expected `int`, got `str` - at `$.sides`",
        ),
        ("roll", {"side": 6}, "It failed: The arguments do not fit: Object contains unknown field `side`"),
        ("roll", {}, "It failed: The arguments do not fit: Object missing required field `sides`"),
        ("by_place", {"a": 1}, "It failed: The parameter a cannot be given by its name."),
        ("none", {}, "It failed: The module dice has no function none."),
        ("number", {}, "It failed: dice:number is not a function."),
        ("no_such_module:x", {}, "It failed: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
async def test_a_failure_is_one_line(
    tools: PythonTools, name: str, arguments: dict[str, object], sentence: str
) -> None:
    assert await trouble(tools, name, **arguments) == sentence


async def test_a_key_does_not_reach_a_function(tools: PythonTools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert await call(tools, "key") == "none"


async def test_a_function_that_hangs_is_ended(tools: PythonTools, tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    async with asyncio.TaskGroup() as group:
        calling = group.create_task(call(tools, "hangs", pipe=str(pipe)))
        pid = int(await read(pipe))
        calling.cancel()
    assert ends(pid)


async def test_the_folder_we_are_in_does_not_decide_what_is_imported(
    tools: PythonTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.py").write_text("def f(): return 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "No module named 'here'" in await trouble(tools, "here:f")


# -- descriptions ---------------------------------------------------------------------------


async def test_a_function_describes_itself(tools: PythonTools) -> None:
    found = await tools.describe("It", PythonTool(entry="dice:roll"))
    assert found.description == "Roll a die, or several."
    schema = found.parameters
    jsonschema.Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert schema["required"] == ["sides"]
    assert schema["additionalProperties"] is False
    assert properties["sides"] == {"type": "integer", "description": "How many sides it has."}
    assert properties["times"] == {"type": "integer", "default": 1}
    assert properties["kind"] == {"type": "string", "enum": ["fair", "loaded"], "title": "Kind"}
    assert properties["mode"]["anyOf"] == [{"type": "string", "enum": ["high", "low"]}, {"type": "null"}]
    assert properties["names"] == {"type": "array", "items": {"type": "string"}}
    assert properties["place"]["anyOf"][0]["properties"]["city"] == {"type": "string"}
    assert properties["strict"] == {"type": "boolean", "default": False}
    assert "$ref" not in json.dumps(schema)


async def test_a_function_without_words_describes_itself_too(tools: PythonTools) -> None:
    found = await tools.describe("It", PythonTool(entry="dice:anything"))
    assert found.description == ""
    assert found.parameters["properties"] == {"first": {}, "second": {"default": 2.5}, "third": {}}
    more = await tools.describe("It", PythonTool(entry="dice:open_ended"))
    assert more.parameters.get("additionalProperties", True) is True


async def test_a_description_is_asked_for_again_when_the_file_has_changed(
    tools: PythonTools, folder: Path
) -> None:
    file = folder / "mine.py"
    tool = PythonTool(entry="mine:f")
    file.write_text("def f():\n    'One.'")
    os.utime(file, ns=(1, 1))
    assert (await tools.describe("It", tool)).description == "One."
    file.write_text("def f():\n    'Two.'")
    os.utime(file, ns=(1, 1))
    assert (await tools.describe("It", tool)).description == "One."
    os.utime(file, ns=(2_000_000_000, 2_000_000_000))
    assert (await tools.describe("It", tool)).description == "Two."


async def test_a_module_that_ends_python_is_told(tools: PythonTools, folder: Path) -> None:
    (folder / "bad.py").write_text("import os\nos._exit(0)")
    with pytest.raises(ToolError, match="It cannot be described: its module ends Python"):
        await tools.describe("It", PythonTool(entry="bad:f"))


async def test_a_type_without_a_schema_is_told(tools: PythonTools) -> None:
    with pytest.raises(ToolError, match="It failed: A parameter's type refers to itself"):
        await tools.describe("It", PythonTool(entry="dice:chain"))
    with pytest.raises(ToolError, match="It failed: TypeError: "):
        await tools.describe("It", PythonTool(entry="dice:own"))


def test_the_program_loads_nothing_of_neko(folder: Path) -> None:
    (folder / "look.py").write_text("import sys\ndef f(): return sorted(sys.modules)")
    done = subprocess.run(
        [sys.executable, "-I", tool_child.__file__, "look:f", str(folder)],
        input="{}",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    loaded = set(json.loads(done.stdout))
    assert "msgspec" in loaded
    assert {name for name in loaded if name.startswith("neko")} == set()
    assert {"asyncio", "pydantic", "mcp", "subprocess"} & loaded == set()
