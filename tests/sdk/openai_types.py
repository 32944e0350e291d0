"""Validates what goes over the wire with the types of the official openai SDK, under its interpreter.

The SDK's models let unknown keys pass, so every model is walked for keys that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from openai.types.beta.realtime import RealtimeClientEvent as BetaClientEvent
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.live import ClientEvent, ForkClientEvent, ServerEvent
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from openai.types.realtime.realtime_session_create_response import RealtimeSessionCreateResponse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError


def _adapter(union: Any) -> TypeAdapter[Any]:
    """The SDK's union with ``type`` as its discriminator, so that an error names one model."""
    return TypeAdapter(Annotated[get_args(union)[0], Field(discriminator="type")])


CLIENT = _adapter(RealtimeClientEvent)
SERVER = _adapter(RealtimeServerEvent)
BETA = _adapter(BetaClientEvent)
BETA_SERVER = _adapter(BetaServerEvent)
LIVE = _adapter(ClientEvent)
LIVE_SERVER = _adapter(ServerEvent)
FORK = _adapter(ForkClientEvent)
CHAT: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsStreaming)
"""The body of a streamed request; typed dictionaries, whose unknown keys pydantic drops."""

SESSION_KEYS = set(RealtimeSessionCreateResponse.model_fields)
"""The SDK types the session of session.created as what a client may send, without id, object and
expires_at, which the service does send; this model of a session has them."""


def unknown_keys(value: Any, path: str = "") -> list[str]:
    """Paths of keys that no model knows."""
    found: list[str] = []
    if isinstance(value, BaseModel):
        found += [f"{path}.{key}" for key in (value.model_extra or {})]
        for key in type(value).model_fields:
            found += unknown_keys(getattr(value, key), f"{path}.{key}")
    elif isinstance(value, list):
        for at, element in enumerate(value):
            found += unknown_keys(element, f"{path}[{at}]")
    return found


def problems(event: dict[str, Any], adapter: TypeAdapter[Any]) -> list[str]:
    """What is wrong with an event; empty when nothing is."""
    kind = str(event.get("type"))
    try:
        unknown = unknown_keys(adapter.validate_python(event))
    except ValidationError as error:
        return [f"{kind}: {e['loc']}: {e['msg']}" for e in error.errors()]
    if adapter is SERVER and kind in ("session.created", "session.updated"):
        unknown = [key for key in unknown if key.removeprefix(".session.") not in SESSION_KEYS]
        try:
            RealtimeSessionCreateResponse.model_validate(event["session"])
        except ValidationError as error:
            return [f"{kind}: session{e['loc']}: {e['msg']}" for e in error.errors()]
    return [f"{kind}: unknown key {key}" for key in unknown]


def chat_problems(body: dict[str, Any]) -> list[str]:
    """What is wrong with the body of a request to chat completions; empty when nothing is."""
    try:
        known = _plain(CHAT.validate_python(body))
    except ValidationError as error:
        return [f"chat: {e['loc']}: {e['msg']}" for e in error.errors()]
    return [f"chat: unknown key {path}" for path in _dropped(body, known)]


def _plain(value: Any) -> Any:
    """All of it: pydantic validates an Iterable only as it is read."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    return [_plain(entry) for entry in value]


def _dropped(sent: Any, known: Any, path: str = "") -> list[str]:
    found: list[str] = []
    if isinstance(sent, dict):
        for key, entry in sent.items():
            here = f"{path}.{key}"
            found += _dropped(entry, known[key], here) if key in known else [here]
    elif isinstance(sent, list):
        for at, entry in enumerate(sent):
            found += _dropped(entry, known[at], f"{path}[{at}]")
    return found


CHECKS = {
    "realtime": lambda event: problems(event, CLIENT),
    "beta": lambda event: problems(event, BETA),
    "live": lambda event: problems(event, LIVE),
    "fork": lambda event: problems(event, FORK),
    "chat": chat_problems,
    "from realtime": lambda event: problems(event, SERVER),
    "from beta": lambda event: problems(event, BETA_SERVER),
    "from live": lambda event: problems(event, LIVE_SERVER),
}
"""Which check is for what a client sends, by protocol; ``from`` it is what a server sends."""
