"""The function calls that a client of Gemini Live has in hand. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neko_cli.local.conversation import ToolCall
from neko_cli.local.wire.gemini_json import Json, Refusal

MAX_REVOKED = 64
"""Calls that were cancelled and may be answered all the same: the client could not know."""


@dataclass
class Answers:
    """What some function responses bring.

    Attributes:
        results: id of the call and the response, in order.
        wanted: whether a reply is due because of them.
        urgent: whether it may not wait for the end of the present one.
    """

    results: list[tuple[str, Json]]
    wanted: bool = False
    urgent: bool = False


class Calls:
    """Open calls: those that the model waits for, and those that run beside the conversation.

    Args:
        background: names of the functions that nobody waits for (``NON_BLOCKING``).
    """

    def __init__(self, background: frozenset[str]) -> None:
        self.background = background
        self._waited_for: dict[str, str] = {}
        self._beside: dict[str, str] = {}
        self._revoked: deque[str] = deque(maxlen=MAX_REVOKED)

    @property
    def waited_for(self) -> bool:
        """Whether the model waits for a function."""
        return bool(self._waited_for)

    @property
    def beside(self) -> dict[str, str]:
        """Calls that nobody waits for: id → name."""
        return dict(self._beside)

    def restore(self, beside: Mapping[str, str]) -> None:
        """Calls of an earlier connection whose results may still come."""
        self._beside = dict(beside)

    def ask(self, calls: Sequence[ToolCall]) -> None:
        """The client was told to call functions."""
        for call in calls:
            open_calls = self._beside if call.name in self.background else self._waited_for
            open_calls[call.call_id] = call.name

    def revoke(self) -> list[str]:
        """Cancel the calls that the model waits for; returns their ids."""
        ids = list(self._waited_for)
        self._revoked.extend(ids)
        self._waited_for.clear()
        return ids

    def answer(self, responses: Sequence[Json]) -> Answers:
        """Functions have answered; raises Refusal for one that was not asked."""
        answers = Answers([])
        for at, response in enumerate(responses):
            call_id = response.get("id") or self._oldest(response.get("name", ""))
            if call_id in self._revoked:
                continue
            if call_id in self._waited_for:
                del self._waited_for[call_id]
            elif call_id in self._beside:
                if not response.get("willContinue"):
                    del self._beside[call_id]
                schedule = response.get("scheduling", "WHEN_IDLE")
                answers.wanted = answers.wanted or schedule != "SILENT"
                answers.urgent = answers.urgent or schedule == "INTERRUPT"
            else:
                where = f"tool_response.function_responses[{at}].id"
                raise Refusal(f"Invalid value at '{where}': no such function call is open.")
            answers.results.append((call_id, response))
        return answers

    def _oldest(self, name: str) -> str:
        """The oldest open call of a function, for a response without an id, as Vertex allows."""
        calls = {**self._waited_for, **self._beside}
        return next((call_id for call_id, called in calls.items() if called == name), "")
