"""A real HTTP server on loopback, scripted by the test: one function answers each path."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Request:
    """One request as it came in, and the means to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.handler = handler
        self.path = handler.path
        self.method = handler.command
        self.headers = {key.lower(): value for key, value in handler.headers.items()}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer; header names are given with underscores."""
        self.head(status, Content_Length=str(len(body)), **headers)
        self.handler.wfile.write(body)

    def answer_json(self, status: int, value: Any, **headers: str) -> None:
        headers.setdefault("Content_Type", "application/json")
        self.answer(status, json.dumps(value).encode(), **headers)

    def head(self, status: int, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Connection", "close")
        self.handler.end_headers()

    def events(self, *events: Any, done: bool = True) -> None:
        """A streamed chat answer."""
        self.head(200, Content_Type="text/event-stream")
        for event in events:
            self.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        if done:
            self.write(b"data: [DONE]\n\n")

    def write(self, data: bytes) -> None:
        self.handler.wfile.write(data)
        self.handler.wfile.flush()


class HttpBox:
    """The server's address, its script, and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.script: dict[str, Callable[[Request], None]] = {}
        self.released = threading.Event()
        """Set when the box closes: a handler that hangs on purpose waits for it."""
        box = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on standard error."""

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self, body)
                box.requests.append(request)
                self.close_connection = True
                action = box.script.get(self.path.partition("?")[0])
                try:
                    if action is None:
                        request.answer_json(404, {"error": {"message": "no such page"}})
                    else:
                        action(request)
                except (BrokenPipeError, ConnectionResetError):
                    return  # the client has gone, as some tests mean it to

            do_POST = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; idempotent."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def http_box() -> Iterator[HttpBox]:
    """A running box."""
    box = HttpBox()
    try:
        yield box
    finally:
        box.close()


def delta(text: str = "", *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a streamed chat answer."""
    content = {"content": text} if text else {}
    return {"choices": [{"index": 0, "delta": {**content, **more}, "finish_reason": finish}]}
