"""Google's public translation page, through the package googletrans.

googletrans 4 goes well with our httpx, so it is used as it is: it follows what that page wants. It
turns refusals into bare exceptions, or even into the text itself; our hook sees the status first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neko_cli.core.errors import ConfigError, InvalidRequest, LinkError, NekoError, ProtocolSurprise
from neko_cli.services.http_rules import retry_after_s, status_error

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000
"""Of an answer, as its header says."""

_TAGS = {"zh": "zh-cn", "zh-Hant": "zh-tw"}

WHERE = "Google's translation page"


class GoogleTranslator:
    """Translates by googletrans (core's ``Translator``); close it with ``aclose``."""

    def __init__(self, make: Callable[[], Any] | None = None) -> None:
        """``make`` makes googletrans' own translator (tests)."""
        self._make = make or _make
        self._translator: Any = None
        self._opening = asyncio.Lock()

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """The text in another language; raises NekoError. The caller sets the time limit."""
        translator = await self._open()
        tags = await asyncio.to_thread(_known_tags)
        if _tag(target) not in tags:
            raise InvalidRequest(f"{WHERE} does not know the language “{target}”.")
        known_source = _tag(source) if _tag(source) in tags else "auto"
        try:
            result = await translator.translate(text, src=known_source, dest=_tag(target))
            return str(result.text)
        except NekoError:
            raise
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("httpx", "httpcore"):
                raise LinkError(f"No connection to {WHERE}.") from error
            # Its format has changed, or this is no translation at all.
            raise ProtocolSurprise(f"{WHERE} answered what cannot be read.", permanent=False) from error

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        translator, self._translator = self._translator, None
        if translator is not None:
            await translator.client.aclose()

    async def _open(self) -> Any:
        async with self._opening:
            if self._translator is None:
                try:
                    # The package and the certificates take a quarter of a second.
                    translator = await asyncio.to_thread(self._make)
                except ImportError as error:
                    raise ConfigError(
                        "The package googletrans is not installed.",
                        hint="Install neko-cli[translate].",
                    ) from error
                translator.client.event_hooks = {"response": [_refuse]}
                self._translator = translator
            return self._translator


def _make() -> Any:
    import googletrans

    return googletrans.Translator(raise_exception=True)


def _known_tags() -> frozenset[str]:
    from googletrans.constants import LANGUAGES

    return frozenset(LANGUAGES)


def _tag(tag: str) -> str:
    return _TAGS.get(tag, tag.lower())


async def _refuse(response: httpx.Response) -> None:
    """Called with each response before its body is read; raises NekoError when it is of no use."""
    if response.status_code != 200:
        wait = retry_after_s(response.headers)
        raise status_error(response.status_code, "", where=WHERE, retry_after=wait)
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise ProtocolSurprise(f"{WHERE} sent more than a translation can hold.", permanent=False)
