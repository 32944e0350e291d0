"""What a client of the embedded engine did wrong, in words that every wire can translate."""

from __future__ import annotations

from neko_cli.core.errors import InvalidRequest


class ClientFault(InvalidRequest):
    """A request that cannot be done; the session goes on unharmed.

    Attributes:
        code: a stable word for programs; the names are those of OpenAI's Realtime API, which the
            other wires either share or drop.
        param: dotted path of the offending field, as ``item.content[0].text``; may be empty.
    """

    def __init__(self, message: str, *, code: str, param: str = "") -> None:
        super().__init__(message, code=code)
        self.param = param
