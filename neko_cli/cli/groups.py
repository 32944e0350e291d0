"""What the commands share: names for help, examples under it, and a default sub-command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


def examples(*lines: str) -> str:
    """The end of a command's help: what people type. A paragraph after a backspace is not wrapped."""
    return "\b\nExamples:\n" + "".join(f"  {line}\n" for line in lines) + "\n"


def with_default(name: str) -> type[TyperGroup]:
    """A group class whose ``name`` sub-command runs for ``neko devices`` as for ``neko devices list``."""

    class Group(TyperGroup):
        """Puts the default sub-command where none was typed."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if not ctx.resilient_parsing and (
                not args or (args[0].startswith("-") and args[0] not in ("--help", "-h"))
            ):
                args = [name, *args]
            return super().parse_args(ctx, args)

    return Group


CONTEXT = {"help_option_names": ["-h", "--help"]}
"""Every command answers to both."""
