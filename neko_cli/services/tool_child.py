"""The program that carries out one call of a Python function; also tells what the function takes.

Started as a file, ``python -I tool_child.py [--describe] MODULE:FUNCTION FOLDER``, so that nothing of
neko is loaded. ``FOLDER`` is looked through for the module before all others. Arguments are a JSON
object on standard input; the result is JSON on standard output, nothing for None. What the function
prints goes to standard error. A failure is one line there and exit code 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

MAX_LINE = 500
DEPTH = 20
"""Levels of a schema; one that goes deeper refers to itself."""


class _Unfit(Exception):
    """A sentence about a function or arguments that do not fit."""


def main(arguments: list[str]) -> int:
    """Carry out what the command line says; returns the exit code."""
    # What the function prints must not get between the result, so the result has a pipe of its own.
    result = os.dup(1)
    os.dup2(2, 1)
    try:
        describes = arguments[0] == "--describe"
        entry, folder = arguments[-2:]
        if folder:
            sys.path.insert(0, folder)
        function = _load(entry)
        said = msgspec.json.encode(describe(function)) if describes else _call(function)
    except BaseException as error:  # also SystemExit, which a function may raise as it likes
        _tell(error)
        return 1
    while said:
        said = said[os.write(result, said) :]
    return 0


def _tell(error: BaseException) -> None:
    kind = "" if isinstance(error, _Unfit) else f"{type(error).__name__}: "
    line = " ".join(f"{kind}{error}".split())[:MAX_LINE].removesuffix(": ")
    sys.stdout.flush()  # what was printed before comes before; the last line is what counts
    sys.stderr.write(f"\n{line}\n")
    sys.stderr.flush()


def _load(entry: str) -> Callable[..., Any]:
    import importlib

    module, _, path = entry.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        if not hasattr(found, name):
            raise _Unfit(f"The module {module} has no function {path}.")
        found = getattr(found, name)
    if not callable(found):
        raise _Unfit(f"{entry} is not a function.")
    function: Callable[..., Any] = found
    return function


def _call(function: Callable[..., Any]) -> bytes:
    try:
        given = msgspec.json.decode(sys.stdin.buffer.read() or b"{}", type=dict[str, Any])
        keywords = fit(function, given)
    except msgspec.MsgspecError as error:
        raise _Unfit(f"The arguments do not fit: {error}") from None
    result = function(**keywords)
    if hasattr(result, "__await__"):
        import asyncio

        result = asyncio.run(_awaited(result))
    return b"" if result is None else msgspec.json.encode(result, enc_hook=str)


async def _awaited(result: Any) -> Any:
    return await result


def fit(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the annotations want them; raises msgspec.ValidationError."""
    taken, open_ended = _taken(function)
    names = taken.__struct_fields__
    more = {name: value for name, value in given.items() if name not in names} if open_ended else {}
    made = msgspec.convert({name: value for name, value in given.items() if name not in more}, taken)
    values = {name: getattr(made, name) for name in names}
    return more | {name: value for name, value in values.items() if value is not msgspec.UNSET}


def describe(function: Callable[..., Any]) -> dict[str, Any]:
    """What a model is told: the docstring's first paragraph, and a JSON Schema of the arguments."""
    import inspect

    words = (inspect.getdoc(function) or "").partition("\n\n")[0]
    taken, _ = _taken(function)
    (top,), parts = msgspec.json.schema_components([taken])
    schema = _inline(top, parts, DEPTH)
    schema.pop("title", None)
    for name, parameter in inspect.signature(function).parameters.items():
        if isinstance(parameter.default, str | int | float | bool) and name in schema["properties"]:
            schema["properties"][name]["default"] = parameter.default
    return {"description": " ".join(words.split()), "parameters": schema}


def _taken(function: Callable[..., Any]) -> tuple[type[msgspec.Struct], bool]:
    """A struct of what a function takes, and whether it takes other keywords too."""
    import inspect
    import typing

    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[Any] = []
    open_ended = False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise _Unfit(f"The parameter {name} cannot be given by its name.")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            open_ended |= parameter.kind is parameter.VAR_KEYWORD
            continue
        kind = _with_words(hints.get(name, Any))
        if parameter.default is parameter.empty:
            fields.append((name, kind))
        else:  # what is left out is left to the function
            fields.append((name, typing.Union[kind, msgspec.UnsetType], msgspec.UNSET))  # noqa: UP007
    struct = msgspec.defstruct(
        "Arguments", fields, kw_only=True, forbid_unknown_fields=not open_ended, rename=None
    )
    return struct, open_ended


def _with_words(hint: Any) -> Any:
    """``Annotated[T, "words"]`` in the form in which the words get into the schema."""
    import typing

    if typing.get_origin(hint) is not typing.Annotated:
        return hint
    kind, *extras = typing.get_args(hint)
    words = next((extra for extra in extras if isinstance(extra, str)), None)
    if words is None:
        return hint
    return typing.Annotated[kind, msgspec.Meta(description=words)]


def _inline(schema: Any, parts: Mapping[str, Any], depth: int) -> Any:
    """A schema with its references in their place: not every provider follows them."""
    if depth == 0:
        raise _Unfit("A parameter's type refers to itself.")
    if isinstance(schema, list):
        return [_inline(part, parts, depth - 1) for part in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        others = {name: value for name, value in schema.items() if name != "$ref"}
        return _inline({**parts[reference.rpartition("/")[2]], **others}, parts, depth - 1)
    made = {name: _inline(part, parts, depth - 1) for name, part in schema.items()}
    choices = made.get("enum")
    if isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
        made.setdefault("type", "string")  # some providers insist on a type
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
