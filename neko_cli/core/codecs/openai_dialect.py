"""Where servers of the OpenAI GA family differ: data for one codec, nothing else."""

from __future__ import annotations

from neko_cli.core.codecs.dialect import AnyDialect


class Dialect(AnyDialect, frozen=True, kw_only=True):
    """Differences between servers that speak OpenAI's GA protocol.

    The defaults are OpenAI's own; what a server can do stands in its ``Capabilities``.
    """

    top_level: frozenset[str] = frozenset()
    """Of ``voice`` and ``turn_detection``, those that stand directly in the session, not below audio."""
