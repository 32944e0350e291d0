"""Who may come in: the token in the places where each provider's programs send their key. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers

GOOGLE_HEADER = "x-goog-api-key"
QUERY = "key"


class Tokens:
    """Compares what a client sends with the server's token, in a time that tells nothing.

    A client sends it as ``Authorization: Bearer T``, as ``x-goog-api-key: T``, or as ``?key=T``.
    """

    def __init__(self, token: str) -> None:
        self._right = [token.encode()]
        if not token.isascii() and max(token) <= "\xff":
            self._right.append(token.encode("iso-8859-1"))

    def admit(self, headers: Headers, path: str) -> bool:
        """Whether one of the places holds the token; ``path`` is the request's, query included."""
        given = [*_bearers(headers), *headers.get_all(GOOGLE_HEADER)]
        # Headers are read as ISO-8859-1; clients write UTF-8 or that.
        found = [self._is_right(value.encode("iso-8859-1", "replace")) for value in given]
        keys = parse_qs(urlsplit(path).query, encoding="utf-8").get(QUERY, ())
        found += [self._is_right(value.encode("utf-8", "replace")) for value in keys[:2]]
        return any(found)

    def _is_right(self, given: bytes) -> bool:
        """All compares always run."""
        matches = [hmac.compare_digest(given, right) for right in self._right]
        return any(matches)


def _bearers(headers: Headers) -> Iterable[str]:
    scheme, _, given = ", ".join(headers.get_all("Authorization")).partition(" ")
    return [given.strip()] if scheme.lower() == "bearer" else []
