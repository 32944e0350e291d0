"""Free translation services that need no key, through the package translatepy.

translatepy blocks, has no time limits, and asks one service after another. It runs in a daemon
thread, so that the program can end whatever it does, and each of its requests gets what is left of
the time. Its services that write session files beside the package are left out, and so is Google.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from neko_cli.core.errors import ConfigError, LinkError, NekoError, ProtocolSurprise

log = logging.getLogger(__name__)

WHERE = "The free translation services"

LEAST = 0.05
"""Seconds: what is left must be more for another request."""


class FreeTranslator:
    """Translates by translatepy (core's ``Translator``); one text at a time, needs no closing."""

    def __init__(self, patience: float, services: Callable[[Any], Sequence[Any]] | None = None) -> None:
        """``patience`` is in seconds, for all of its services together.

        ``services`` makes them from translatepy's request object (tests).
        """
        self._patience = patience
        self._services = services or _services
        self._is_busy = False
        """Set here, cleared by the thread at the end of its request."""

    async def translate(self, text: str, *, source: str, target: str) -> str:
        """The text in another language; raises NekoError, also while an abandoned request hangs."""
        if self._is_busy:
            raise LinkError(f"{WHERE} still work on another text.")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        deadline = time.monotonic() + self._patience

        def settle(result: str | NekoError) -> None:
            if answer.done():
                return  # nobody waits any more
            if isinstance(result, NekoError):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        def work() -> None:
            result: str | NekoError
            try:
                result = self._ask(text, source.partition("-")[0], target.partition("-")[0], deadline)
            except NekoError as error:
                result = error
            except Exception as error:  # a foreign package, while it is imported
                log.debug("translatepy", exc_info=error)
                result = ConfigError(f"The package translatepy does not work here ({type(error).__name__}).")
            self._is_busy = False
            # The loop may be closed by now.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result)

        self._is_busy = True
        threading.Thread(target=work, name="translatepy", daemon=True).start()
        return await answer

    def _ask(self, text: str, source: str, target: str, deadline: float) -> str:
        """In the thread; raises NekoError alone."""
        try:
            from translatepy import Translate
            from translatepy.exceptions import TranslatepyException, UnknownLanguage
            from translatepy.utils.request import Request
        except ImportError as error:
            raise ConfigError(
                "The package translatepy is not installed.", hint="Install neko-cli[translate]."
            ) from error
        request = _Limited(Request(), deadline)
        try:
            translate = Translate(services_list=list(self._services(request)), request=request)
            result = translate.translate(text, target, source)
        except UnknownLanguage as error:
            raise ConfigError(f"{WHERE} do not know one of the languages {source}, {target}.") from error
        except TranslatepyException as error:
            # Which of them failed, and why, is not told.
            raise LinkError(f"{WHERE} have no answer.") from error
        except Exception as error:
            raise ProtocolSurprise(f"{WHERE} answered what cannot be read.", permanent=False) from error
        return html.unescape(str(result.result))


class _Limited:
    """translatepy's request object, with the time limit that it lacks; follows nobody elsewhere."""

    def __init__(self, inner: Any, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    @property
    def headers(self) -> Any:
        return self._inner.headers

    def get(self, url: str, **options: Any) -> Any:
        return self._inner.get(url, **self._limits(options))

    def post(self, url: str, **options: Any) -> Any:
        return self._inner.post(url, **self._limits(options))

    def _limits(self, options: dict[str, Any]) -> dict[str, Any]:
        left = self._deadline - time.monotonic()
        if left < LEAST:
            raise LinkError(f"{WHERE} took too long.")
        return {**options, "timeout": left, "allow_redirects": False}


def _services(request: Any) -> Sequence[Any]:
    from translatepy import translators

    return (
        translators.ReversoTranslate,
        translators.MyMemoryTranslate,
        translators.TranslateComTranslate,
        translators.LibreTranslate,
    )
