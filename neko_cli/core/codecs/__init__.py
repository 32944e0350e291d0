"""Codecs, one provider family each, and the registry of providers."""

from __future__ import annotations

from neko_cli.core.codecs.endpoints import PROVIDERS, find_provider, make_codec, missing_key
from neko_cli.core.codecs.provider import Provider

__all__ = ["PROVIDERS", "Provider", "find_provider", "make_codec", "missing_key"]
