"""Answers in plain HTTP: what is there, and why a WebSocket does not open. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Response

ErrorBody = Callable[[HTTPStatus, str, str], object]
"""Makes a provider's error body of a status, a sentence and a code in OpenAI's words."""

_GOOGLE = {
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.SERVICE_UNAVAILABLE: "UNAVAILABLE",
}
_DASHSCOPE = {
    HTTPStatus.UNAUTHORIZED: "InvalidApiKey",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


def json_response(status: HTTPStatus, body: object) -> Response:
    """An HTTP answer with a JSON body."""
    data = json.dumps(body).encode()
    headers = Headers(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(data)),
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, data)


def openai_error(status: HTTPStatus, message: str, code: str) -> dict[str, Any]:
    """OpenAI's error body."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def google_error(status: HTTPStatus, message: str, code: str) -> dict[str, Any]:
    """The error body of Google's APIs (AIP-193)."""
    return {"error": {"code": status.value, "message": message, "status": _GOOGLE.get(status, "UNKNOWN")}}


def dashscope_error(status: HTTPStatus, message: str, code: str) -> dict[str, Any]:
    """DashScope's error body."""
    return {"code": _DASHSCOPE.get(status, code), "message": message}
