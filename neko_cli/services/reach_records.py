"""What is asked about a provider's server, and what was found: records, and what a failure means. Pure.

The stages follow one another, and the first that fails ends the visit. A key that is refused is told by
most providers at the handshake (HTTP 401 or 403). Gemini takes the connection and closes it after the
setup (1007 or 1008, with words about the key); OpenAI may take it as well, send an ``error`` event and
close with 3000; Zhipu sends its own numbers in an ``error`` event. So an open WebSocket proves nothing of
the key: it counts as accepted once the session is configured.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from enum import StrEnum
from typing import Any

import msgspec


class Stage(StrEnum):
    """One thing that has to work before the next can."""

    ADDRESS = "address"
    """The settings give a whole address."""
    PROXY = "proxy"
    """The proxy that stands before the server takes a connection."""
    NAME = "name"
    CONNECT = "connect"
    TLS = "tls"
    HANDSHAKE = "handshake"
    """The server's HTTP answer; for a chat server, that to the request for its models."""
    SESSION = "session"
    """The provider has accepted key and configuration."""


class Outcome(StrEnum):
    """How a stage went."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Why(StrEnum):
    """Why a stage failed or was skipped, where it is our own finding."""

    TIMEOUT = "timeout"
    NOT_FOUND = "not_found"
    NO_RESOLVER = "no_resolver"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_CONNECTION = "no_connection"
    NOT_TLS = "not_tls"
    NO_CIPHER = "no_cipher"
    EXPIRED = "expired"
    NOT_YET = "not_yet_valid"
    WRONG_HOST = "wrong_host"
    UNKNOWN_ISSUER = "unknown_issuer"
    UNTRUSTED = "untrusted"
    BAD_PROXY = "bad_proxy"
    NO_KEY = "no_key"
    """Skipped: without one the provider would only refuse."""
    PROXIED = "proxied"
    """Skipped: the proxy does it."""
    PLAIN = "not_encrypted"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to visit, as the profile names it; ``key`` is empty where there is none."""

    provider: str
    region: str = ""
    url: str = ""
    model: str = ""
    voice: str = ""
    transcription_model: str = ""
    insecure: bool = False
    key: str = ""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What may be shown: no key, and no query, which may hold one."""
        return [("provider", self.provider), ("url", self.url.partition("?")[0]), ("key", bool(self.key))]

    def __repr__(self) -> str:
        return f"Target({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for each stage of one provider. Closing takes at most 1.5 s more than ``whole``."""

    name: float = 3.0
    connect: float = 4.0
    tls: float = 4.0
    session: float = 8.0
    """For handshake and configuration together."""
    leave: float = 2.0
    """For the provider to end the session in order, once it was opened."""
    whole: float = 10.5


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An error as sentences, without keys; ``category`` is one of ``core.errors.Category``."""

    category: str
    message: str
    hint: str = ""
    code: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How one stage went, and how many ms it took."""

    stage: Stage
    outcome: Outcome
    ms: float = 0.0
    why: Why | None = None
    error: Told | None = None
    """What the transport, the codec or the settings say; None where ``why`` says it."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What a visit found; nothing in it is a key."""

    provider: str
    host: str = ""
    port: int | None = None
    """None for the usual one."""
    encrypted: bool = True
    http: bool = False
    given: bool = False
    """Whether the address is the user's own choice, so that anybody may answer there."""
    proxy: str = ""
    """Host and port of the proxy that is used."""
    addresses: int = 0
    """How many the name has; 0 where no name was looked up."""
    tls: str = ""
    """The version, as ``TLS 1.3``."""
    model: str = ""
    key_sent: bool = False
    steps: tuple[Step, ...] = ()

    @property
    def failed(self) -> Step | None:
        """The stage at which it ended; None when all went well."""
        return next((step for step in self.steps if step.outcome is Outcome.FAILED), None)

    @property
    def opened_ms(self) -> float | None:
        """From the first byte of the handshake to the configured session, in ms; None where there is none."""
        done = {step.stage: step.ms for step in self.steps if step.outcome is Outcome.OK}
        return done[Stage.HANDSHAKE] + done[Stage.SESSION] if Stage.SESSION in done else None


class StepFailed(Exception):
    """A stage came to an end; ``why`` says how."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


# Numbers of X509_V_ERR_… in OpenSSL's x509_vfy.h.
_CERTIFICATE = {
    9: Why.NOT_YET,
    10: Why.EXPIRED,
    62: Why.WRONG_HOST,
    64: Why.WRONG_HOST,
    **dict.fromkeys((2, 18, 19, 20, 21), Why.UNKNOWN_ISSUER),
}
_REFUSED = {errno.ECONNREFUSED}
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


def why_no_name(error: OSError) -> Why:
    """Why a name could not be looked up."""
    return Why.NO_RESOLVER if error.errno == socket.EAI_AGAIN else Why.NOT_FOUND


def why_no_connection(error: OSError) -> Why:
    """Why there is no TCP connection."""
    if isinstance(error, TimeoutError):
        return Why.TIMEOUT
    if error.errno in _REFUSED:
        return Why.REFUSED
    return Why.UNREACHABLE if error.errno in _UNREACHABLE else Why.NO_CONNECTION


def why_no_tls(error: OSError) -> Why:
    """Why a connection could not be encrypted, or its certificate not be trusted."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, Why.UNTRUSTED)
    if isinstance(error, ssl.SSLError) and re.search("ALERT|UNSUPPORTED_PROTOCOL", error.reason or ""):
        return Why.NO_CIPHER
    # A plain server answers with something else, or hangs up on the first bytes.
    return Why.NOT_TLS
