"""What a server of OpenAI's kind says about the session itself: its configuration, errors, limits."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import NamedTuple

from neko_cli.core import classify
from neko_cli.core.codecs.decoder import Events
from neko_cli.core.codecs.json_fields import Fields, count, identifier, mapping, mappings, number, text
from neko_cli.core.errors import Category, InvalidRequest
from neko_cli.core.provider_events import HandleTold, LimitsTold, ProviderFault, Ready

ENDS_LINK = (Category.CREDENTIALS, Category.QUOTA, Category.EXPIRED)
"""Errors after which a session leads nowhere, whatever the server does with the connection."""


class ToldError(NamedTuple):
    """An error as a server tells it; what it leaves out is None."""

    code: object
    type: object
    message: object


def as_told(error: Fields) -> ToldError:
    """The fields of an ``error`` object, as they are."""
    return ToldError(error.get("code"), error.get("type"), error.get("message"))


class SessionEvents:
    """Decodes ``session.*``, ``conversation.created``, ``error`` and ``rate_limits.updated``."""

    def __init__(
        self,
        *,
        title: str,
        model: str,
        ready_on: str,
        setup_event: str,
        resumes: bool = False,
        handle: str = "",
        read_error: Callable[[Fields], ToldError] = as_told,
        benign_codes: Set[str] = frozenset(),
        fatal_types: Set[str] = frozenset(),
    ) -> None:
        """What differs between servers.

        Args:
            title: names the provider in sentences about its errors.
            model: what was asked for, until the server says what it took.
            ready_on: the event after which the session counts as configured.
            setup_event: ``event_id`` of the configuration, by which its refusal is recognised.
            resumes: whether the conversation's id is a handle to go on with it later.
            handle: the conversation that is to go on; empty for a new one.
            read_error: gives code, type and message of an error, in the usual words.
            benign_codes: codes that only say that a command came too late or too early, besides the
                usual ones.
            fatal_types: types of errors after which the server closes the connection.
        """
        self._title = title
        self._created = Ready(model=model)
        self._ready_on = ready_on
        self._setup_event = setup_event
        self._resumes = resumes
        self._handle = handle if resumes else ""
        self._told_handle = ""
        self._told_past = False
        self._read_error = read_error
        self._benign_codes = benign_codes
        self._fatal_types = fatal_types
        self._talked = False
        self._ready = False
        self.handlers: dict[str, Callable[[Fields], Events]] = {
            "session.created": self._session,
            "session.updated": self._session,
            "conversation.created": self._conversation,
            "error": self._error,
            "rate_limits.updated": self._limits,
        }

    @property
    def tells_past(self) -> bool:
        """Whether what comes now belongs to the link before: a conversation that goes on is set up."""
        return bool(self._handle) and not self._ready

    def past_told(self) -> None:
        """Something of the conversation's past came: the server knows it."""
        self._told_past = True

    @property
    def _is_forgotten(self) -> bool:
        """Whether the server began another conversation in place of the one that was to go on."""
        other = self._told_handle not in ("", self._handle)
        return bool(self._handle) and other and not self._told_past

    def _session(self, fields: Fields) -> Events:
        session = mapping(fields, "session")
        self._talked = True
        known = self._created
        self._created = Ready(
            session_id=identifier(session, "id") or known.session_id,
            model=identifier(session, "model") or known.model,
            expires_at=number(session, "expires_at") or known.expires_at,
        )
        if self._ready or text(fields, "type") != self._ready_on:
            return ()
        if self._is_forgotten:
            message = f"{self._title} does not know the conversation any more."
            return [ProviderFault(InvalidRequest(message, code="not_resumed"), ends_link=True)]
        self._ready = True
        return [self._created]

    def _conversation(self, fields: Fields) -> Events:
        handle = identifier(mapping(fields, "conversation"), "id")
        if not self._resumes or not handle:
            return ()
        self._told_handle = handle
        return [HandleTold(handle)]

    def _error(self, fields: Fields) -> Events:
        told = mapping(fields, "error")
        error = classify.from_error(*self._read_error(told), who=self._title)
        benign = classify.is_benign(error.code) or error.code in self._benign_codes
        # A server that has not greeted us, or refuses the configuration, leads nowhere.
        hopeless = not self._talked or (not self._ready and told.get("event_id") == self._setup_event)
        fatal = error.category in ENDS_LINK or text(told, "type") in self._fatal_types
        return [ProviderFault(error, benign=benign, ends_link=not benign and (hopeless or fatal))]

    def _limits(self, fields: Fields) -> Events:
        return [
            LimitsTold(
                name=identifier(limit, "name"),
                limit=count(limit, "limit"),
                remaining=count(limit, "remaining"),
                reset_seconds=max(0.0, number(limit, "reset_seconds") or 0.0),
            )
            for limit in mappings(fields, "rate_limits")[:16]
        ]
