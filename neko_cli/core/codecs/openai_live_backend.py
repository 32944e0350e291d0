"""What the model behind OpenAI's Live voice does: the tools it calls, the tokens it uses, its failures.

The Live model hands work over (*delegates*) to a Responses model, whose own stream of events comes
nested in ``response.event``; or, where there is none, to us.
"""

from __future__ import annotations

from collections import OrderedDict

from neko_cli.core import classify
from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import Fields, identifier, mapping, text
from neko_cli.core.codecs.openai_live_turns import LiveTurns
from neko_cli.core.codecs.openai_reply_events import usage_of
from neko_cli.core.provider_events import ProviderFault
from neko_cli.core.text import to_json

Call = tuple[str, str, str]

DELEGATIONS = 32
"""Pieces of delegated work that are remembered."""

CALLS = 64
"""Tool calls of one piece of work, and calls that are recognised when they come again."""

DELEGATE = "delegate"
"""The tool that stands for work which is handed to us."""


class Backend:
    """Decodes ``session.delegation.created`` and ``response.event``."""

    def __init__(self, turns: LiveTurns, title: str) -> None:
        """``title`` names the provider in sentences about failures."""
        self._turns = turns
        self._title = title
        self._calls: OrderedDict[str, list[Call]] = OrderedDict()
        self._called: OrderedDict[str, None] = OrderedDict()
        self._ours: OrderedDict[str, None] = OrderedDict()

    def is_ours(self, call_id: str) -> bool:
        """Whether a call stands for work that was handed to us."""
        return call_id in self._ours

    def delegated(self, fields: Fields) -> Events:
        """Work was handed over; it does not say what."""
        delegation = mapping(fields, "delegation")
        name = identifier(delegation, "id")
        if text(delegation, "target") != "client" or not name:
            return ()
        self._ours[name] = None
        _trim(self._ours, DELEGATIONS)
        return self._turns.tools([(name, DELEGATE, to_json({"said": self._turns.last_said}))])

    def event(self, fields: Fields) -> Events:
        """An event of the Responses model."""
        nested = mapping(fields, "event")
        work = identifier(fields, "delegation_id")
        match text(nested, "type"):
            case "response.output_item.done":
                self._item(work, mapping(nested, "item"))
                return ()
            case "response.completed":
                response = mapping(nested, "response")
                self._turns.used(usage_of(mapping(response, "usage")))
                calls = self._calls.pop(work, [])
                return self._turns.tools(calls) if calls else ()
            case "response.failed" | "response.incomplete":
                self._calls.pop(work, None)
                return self._stopped(mapping(nested, "response"))
            case _:
                return ()

    def _item(self, work: str, item: Fields) -> None:
        call_id, name = identifier(item, "call_id"), identifier(item, "name")
        if text(item, "type") != "function_call" or not call_id or not name or call_id in self._called:
            return
        self._called[call_id] = None
        _trim(self._called, CALLS)
        calls = self._calls.setdefault(work, [])
        if len(calls) < CALLS:
            calls.append((call_id, name, text(item, "arguments").strip() or "{}"))
        while len(self._calls) > DELEGATIONS:
            self._calls.popitem(last=False)

    def _stopped(self, response: Fields) -> Events:
        self._turns.used(usage_of(mapping(response, "usage")))
        told = mapping(response, "error")
        reason = text(mapping(response, "incomplete_details"), "reason")
        message = told.get("message") or f"the work that was handed over was not finished: {reason}"
        error = classify.from_error(told.get("code") or "server_error", None, message, who=self._title)
        return [ProviderFault(error)]


def _trim(entries: OrderedDict[str, None], limit: int) -> None:
    while len(entries) > limit:
        entries.popitem(last=False)
