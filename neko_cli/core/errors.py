"""Every error that neko raises on purpose, in one tree.

::

    NekoError                    unexpected unless a subclass says better      exit 1
     ├─ ConfigError              bad option, file or profile                   exit 2
     ├─ CredentialsError         key missing or rejected                       exit 3
     ├─ InvalidRequest           the provider refused what we asked for        exit 4
     ├─ RateLimited              too many requests; lowers energy              exit 5
     ├─ QuotaExhausted           billing; waiting does not help                exit 5
     ├─ SessionExpired           the provider's time limit; a fresh link helps exit 6
     ├─ ServerFault              5xx, overloaded; retried with backoff         exit 6
     ├─ LinkError                name, TLS, time-out, dropped connection       exit 6
     ├─ StoreError               the conversation cannot be saved, or read    exit 1
     ├─ ToolError                a tool failed; the model is told, and goes on exit 1
     ├─ ProtocolSurprise         a frame that cannot be decoded (counted)      exit 6
     └─ AudioError               no device, busy, permission                   exit 7
         ├─ NoMicrophone
         ├─ NoSpeaker
         └─ MicrophonePermissionError

The map from category to exit code belongs to the command line (``cli/exits.py``).
"""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What kind of trouble it is; every decision is taken on this, never on words."""

    UNEXPECTED = "unexpected"
    CONFIG = "config"
    CREDENTIALS = "credentials"
    REQUEST = "request"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    EXPIRED = "expired"
    SERVER = "server"
    LINK = "link"
    PROTOCOL = "protocol"
    AUDIO = "audio"
    STORE = "store"
    TOOL = "tool"


class NekoError(Exception):
    """One clear sentence, and what to do about it.

    Attributes:
        message: the sentence, without a final hint.
        hint: what the user can do; may be empty.
        code: the provider's own code, an HTTP status or a close code, as text.
        retry_after: seconds that the provider asks us to wait, when it says so.
        permanent: whether trying again without a change is pointless.
    """

    category: Category = Category.UNEXPECTED
    permanent_by_default = True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        retry_after: float | None = None,
        permanent: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.retry_after = retry_after
        self.permanent = self.permanent_by_default if permanent is None else permanent

    def __str__(self) -> str:
        """The message and the hint as one line."""
        return f"{self.message} {self.hint}".strip()


def our_mistake(error: BaseException) -> NekoError:
    """What the user is told about an exception that neko did not raise on purpose.

    Its text may hold content, so only its kind is named.
    """
    return NekoError(
        f"Something went wrong inside neko ({type(error).__name__}).",
        hint="Run again with --debug and report it with `neko doctor --bundle`.",
    )


class ConfigError(NekoError):
    """A bad option, settings file or profile."""

    category = Category.CONFIG


class CredentialsError(NekoError):
    """A key is missing, or the provider rejected it."""

    category = Category.CREDENTIALS


class InvalidRequest(NekoError):
    """The provider refused what we asked for (model, voice, payload)."""

    category = Category.REQUEST


class RateLimited(NekoError):
    """Too many requests or tokens; the only error that costs energy."""

    category = Category.RATE_LIMIT
    permanent_by_default = False


class QuotaExhausted(NekoError):
    """Billing limit or arrears; waiting does not help."""

    category = Category.QUOTA


class SessionExpired(NekoError):
    """The provider's session limit is reached; a fresh link goes on."""

    category = Category.EXPIRED
    permanent_by_default = False


class ServerFault(NekoError):
    """The provider failed (5xx, overloaded)."""

    category = Category.SERVER
    permanent_by_default = False


class LinkError(NekoError):
    """The connection could not be made, or was lost."""

    category = Category.LINK
    permanent_by_default = False


class ToolError(NekoError):
    """A tool could not be carried out, or failed; the conversation goes on."""

    category = Category.TOOL
    permanent_by_default = False


class ProtocolSurprise(NekoError):
    """The other side sent what the protocol does not allow."""

    category = Category.PROTOCOL
    permanent_by_default = False


class StoreError(NekoError):
    """The history cannot be read or written."""

    category = Category.STORE


class AudioError(NekoError):
    """A sound device is missing, busy or refused."""

    category = Category.AUDIO


class NoMicrophone(AudioError):
    """There is no microphone, or the one asked for is not there."""


class NoSpeaker(AudioError):
    """There is no loudspeaker, or the one asked for is not there."""


class MicrophonePermissionError(AudioError):
    """The system does not let us use the microphone."""
