"""Has texts translated by the first service that can, behind everything that is said.

The voice and the screen never wait: a text is shown first, and its translation comes under it when
there is one. Nothing here raises; without a translation there is the original.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import msgspec

from neko_cli.core.companions.detect import letters, readable
from neko_cli.core.companions.kept_words import mask, without_placeholders
from neko_cli.core.companions.languages import normalise
from neko_cli.core.companions.translate import CERTAIN, Need, Verdict, judge, needed, pieces
from neko_cli.core.companions.translate_order import Cache, Order
from neko_cli.core.errors import NekoError
from neko_cli.core.ports import Clock, Translator
from neko_cli.core.profile import Profile
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.text import sanitise

log = logging.getLogger(__name__)

WAITING = 32
"""Texts that wait for their translation; what is older has scrolled away."""

Key = TypeVar("Key", bound=Hashable)


class Service(msgspec.Struct, frozen=True):
    """Who can translate: ``name`` is for the log and for remembering, ``chars`` what one request holds."""

    name: str
    translator: Translator
    chars: int = 1500


class Wishes(msgspec.Struct, frozen=True):
    """What is wanted now; ``time_limit`` is in seconds, for each service and text."""

    wanted: str
    """The user's language; empty wants nothing translated."""
    spoken: str
    """The language in which texts are expected."""
    names: tuple[str, ...] = ()
    time_limit: float = 10.0

    @classmethod
    def of(cls, profile: Profile) -> Wishes:
        """What a profile wants."""
        names = (profile.character.name, profile.user.name, *profile.translate.names)
        return cls(
            wanted=normalise(profile.user.language),
            spoken=normalise(profile.character.language),
            names=tuple(name for name in names if name.strip()),
            time_limit=profile.translate.time_limit,
        )


class _Useless(Exception):
    """An answer that is no translation."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict


class Translating(Generic[Key]):
    """Translations of one session. Each service has one request under way at most."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        clock: Clock,
        owner: TaskOwner,
        wishes: Callable[[], Wishes],
        told: Callable[[Key, str], None],
    ) -> None:
        """``wishes`` is asked for each text; ``told`` gets what was submitted and is translated.

        ``owner`` runs the work, and ends it. ``told`` must not raise.
        """
        self._services = tuple(services)
        self._clock = clock
        self._owner = owner
        self._wishes = wishes
        self._told = told
        self._order = Order()
        self._cache = Cache()
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: OrderedDict[Key, tuple[str, str]] = OrderedDict()
        self._work: asyncio.Task[None] | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many submitted texts gave way to newer ones so far."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """How many submitted texts wait."""
        return len(self._waiting)

    def replace(self, services: Sequence[Service]) -> None:
        """Others are asked from the next text on; which ones failed stays remembered, by name."""
        self._services = tuple(services)

    def clear(self) -> None:
        """Forget what waits, for instance for a new conversation."""
        self._waiting.clear()

    async def translate_if_needed(self, text: str, *, spoken: str = "") -> str:
        """The text in the user's language; the text itself when it is, or nobody can translate it.

        ``spoken`` is the language in which this one is expected, else the one of the wishes. Takes
        at most twice the time limit for each service (once waiting for a request that is under way).
        """
        return await self._translated(text, spoken) or text

    def submit(self, key: Key, text: str, *, spoken: str = "") -> Key | None:
        """Have a text translated later; returns at once. ``told`` hears of it when that was needed.

        A text with the key of one that waits takes its place. Returns the key of the text that was
        dropped for this one: the oldest that waits, or ``key`` itself when the session is over.
        """
        if not self._owner.is_open:
            self._dropped += 1
            return key
        gone: Key | None = None
        if key not in self._waiting and len(self._waiting) >= WAITING:
            gone, _ = self._waiting.popitem(last=False)
            self._dropped += 1
            log.info("a translation is not made: %d newer texts wait", WAITING)
        self._waiting[key] = (text, spoken)
        if self._work is None or self._work.done():
            self._work = self._owner.spawn(self._run(), "translating")
        return gone

    async def _run(self) -> None:
        while self._waiting:
            key, (text, spoken) = self._waiting.popitem(last=False)
            translated = await self._translated(text, spoken)
            if translated:
                self._told(key, translated)

    async def _translated(self, text: str, spoken: str) -> str:
        """The translation; empty when there is none, or none is needed."""
        wishes = self._wishes()
        if not wishes.wanted or not self._services:
            return ""
        masked = mask(sanitise(text), wishes.names)
        need = needed(masked.text, spoken=spoken or wishes.spoken, wanted=wishes.wanted)
        if need is None:
            return ""
        answer = self._cache.find(masked.text, source=need.source, target=need.target)
        if not answer:
            answer = await self._by_services(masked.text, need, wishes.time_limit)
        translated = masked.put_back(answer).strip()
        return "" if translated == text.strip() else translated

    async def _by_services(self, text: str, need: Need, limit: float) -> str:
        """An answer of the first service that gives one; empty when none does."""
        services = {service.name: service for service in self._services}
        tried: set[str] = set()
        while name := self._order.next(tuple(services), tried=tried, now=self._clock.monotonic()):
            lock = self._locks.setdefault(name, asyncio.Lock())
            try:
                async with asyncio.timeout(limit):
                    await lock.acquire()
            except TimeoutError:
                tried.add(name)  # busy with other texts, which is no failure
                continue
            try:
                # While we waited it may have failed, or translated the same text.
                if self._order.next([name], tried=(), now=self._clock.monotonic()):
                    known = self._cache.find(text, source=need.source, target=need.target)
                    answer = known or await self._by_one(services[name], text, need, limit)
                    if answer:
                        return answer
            finally:
                lock.release()
            tried.add(name)
        return ""

    async def _by_one(self, service: Service, text: str, need: Need, limit: float) -> str:
        """One service's answer, judged and kept; empty when it has none, which is remembered."""
        name = service.name
        try:
            async with asyncio.timeout(limit):
                answer = await self._asked(service, text, need)
        except _Useless as error:
            self._order.useless(name)
            log.info("translation by %s is of no use: %s", name, error.verdict)
            return ""
        except TimeoutError:
            self._order.failed(name, now=self._clock.monotonic(), permanent=False)
            log.info("no translation by %s in %g s", name, limit)
            return ""
        except NekoError as error:
            now = self._clock.monotonic()
            self._order.failed(name, now=now, permanent=error.permanent, retry_after=error.retry_after)
            log.info("no translation by %s: %s", name, error.category)
            return ""
        except Exception as error:  # a foreign package may raise anything
            self._order.failed(name, now=self._clock.monotonic(), permanent=False)
            log.info("no translation by %s: %s", name, type(error).__name__)
            return ""
        self._order.worked(name)
        self._cache.keep(text, answer, source=need.source, target=need.target)
        return answer

    async def _asked(self, service: Service, text: str, need: Need) -> str:
        """The answers to all pieces of a text, with the white space between them; raises _Useless."""
        parts = pieces(text, service.chars)
        answers: list[str] = []
        for part in parts:
            core = part.strip()
            if not letters(readable(without_placeholders(core))):
                answers.append(part)
                continue
            answer = sanitise(
                await service.translator.translate(core, source=need.source, target=need.target)
            ).strip()
            verdict = judge(core, answer, need)
            may_stay = not need.sure or (len(parts) > 1 and letters(core) < CERTAIN)
            if verdict is not Verdict.GOOD and not (verdict is Verdict.SAME and may_stay):
                raise _Useless(verdict)
            lead, end = len(part) - len(part.lstrip()), len(part.rstrip())
            answers.append(part[:lead] + answer + part[end:])
        return "".join(answers)
