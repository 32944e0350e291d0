"""Where servers of the OpenAI families differ: data for their codecs, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from neko_cli.core.codecs.dialect import AnyDialect, EventDialect

MIN_SPEED, MAX_SPEED = 0.25, 1.5
"""Range of ``audio.output.speed`` at OpenAI."""


class Dialect(EventDialect, frozen=True, kw_only=True):
    """Differences between servers that speak OpenAI's GA protocol.

    The defaults are OpenAI's own; what a server can do stands in its ``Capabilities``.
    """

    retention: float = 0.0
    """Part of the context that is kept when it is full (``truncation``); 0 leaves the server's default.

    Dropping more at once, and seldom, lets the provider's cache serve the rest.
    """
    max_output: int = 4096
    """Largest ``max_output_tokens`` that is taken as a number; more is asked for as ``inf``.

    0: there is no such setting.
    """
    speeds: tuple[float, float] = (MIN_SPEED, MAX_SPEED)
    thresholds: tuple[float, float] = (0.0, 1.0)
    """Range of the detector's threshold."""
    detector_answers: bool = True
    """Whether the detector can be told whether to answer, and to stop a reply that is spoken into."""
    typed_manual: bool = False
    """Whether no detection is spelled as a detection without a type, not as ``null``."""
    beta_names: bool = False
    """Whether sound and words may come under the names of the protocol's first version as well."""
    session_type: bool = True
    """Whether a session says that it is ``realtime``, and which modality it answers in."""
    language_field: str = "language"
    """What the language of the user's speech is called in ``transcription``."""
    languages: Mapping[str, str] = {}
    """Language tags as the server spells them, by tag or main language in lower case.

    Where there are any, others are not sent. Empty: the main language goes (ISO 639-1).
    """
    top_level: frozenset[str] = frozenset()
    """Of ``voice`` and ``turn_detection``, those that stand directly in the session, not below audio."""
    resumption: bool = False
    """Whether keeping the conversation has to be asked for (``resumption.enabled``)."""


class LiveDialect(AnyDialect, frozen=True, kw_only=True):
    """How OpenAI's Live protocol is used; the model stands in the session, not in the address."""

    model_query: str = ""
    resume_path: str = "/{handle}/fork"
    backend: str = ""
    """The Responses model that thinks and calls tools; ``MODEL+BACKEND`` names another one."""
