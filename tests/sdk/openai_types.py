"""Validates realtime events with the types of the official openai SDK. Runs under the SDK's interpreter.

The SDK's models let unknown keys pass, so every model is walked for keys that it does not know.
"""

from __future__ import annotations

from typing import Annotated, Any, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from openai.types.realtime.realtime_session_create_response import RealtimeSessionCreateResponse
from pydantic import BaseModel, Field, TypeAdapter, ValidationError


def _adapter(union: Any) -> TypeAdapter[Any]:
    """The SDK's union with ``type`` as its discriminator, so that an error names one model."""
    return TypeAdapter(Annotated[get_args(union)[0], Field(discriminator="type")])


CLIENT = _adapter(RealtimeClientEvent)
SERVER = _adapter(RealtimeServerEvent)

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
