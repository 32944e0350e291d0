"""Visits providers' servers, all side by side: how far does one get, from the name to an open session?

A visit runs one stage after another, each with a time limit, and ends at the first that fails. What it
found is told in ``reach_records``; sentences are made of it elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

import msgspec

from neko_cli.core.addresses import split_address
from neko_cli.core.codecs import Provider, find_provider, make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.endpoints import FAMILIES, address_of
from neko_cli.core.errors import NekoError, our_mistake
from neko_cli.core.ports import Endpoint
from neko_cli.core.redaction import redact, without_keys
from neko_cli.core.text import one_line
from neko_cli.services import reach_steps
from neko_cli.services.proxies import ProxyPlace, proxy_for
from neko_cli.services.reach_records import (
    Limits,
    Outcome,
    Reach,
    Stage,
    Step,
    StepFailed,
    Target,
    Told,
    Why,
)
from neko_cli.services.reach_session import Visit, Ways

T = TypeVar("T")

MAX_SAID = 300
"""Characters of an error's sentence that are kept."""


async def reach_all(
    targets: Sequence[Target], *, limits: Limits | None = None, ways: Ways | None = None
) -> list[Reach]:
    """Visit all of them at once; the findings come in the order of the targets. Never raises."""
    shared = ways or Ways()
    async with asyncio.TaskGroup() as group:
        visits = [
            group.create_task(_Visitor(target, limits or Limits(), shared).run(), name=target.provider)
            for target in targets
        ]
    return [visit.result() for visit in visits]


def endpoint_of(target: Target) -> Endpoint:
    """Where a target is, without its key; raises ConfigError where the settings give no address."""
    provider = find_provider(target.provider, target.region)
    spec = _spec(target, provider)
    endpoint = Endpoint(address_of(provider, target.url, spec, insecure=target.insecure))
    return FAMILIES[provider.family](provider, spec, endpoint).endpoint()


class _Over(Exception):
    """The visit ends here; why is noted."""


class _Visitor:
    """One visit to one provider."""

    def __init__(self, target: Target, limits: Limits, ways: Ways) -> None:
        self._target = target
        self._limits = limits
        self._ways = ways
        self._steps: list[Step] = []
        self._end = time.monotonic() + limits.whole
        self._found = Reach(provider=target.provider, given=bool(target.url), key_sent=bool(target.key))
        query = [value for _, value in parse_qsl(target.url.partition("?")[2])]
        self._secrets = (target.key, *query)

    async def run(self) -> Reach:
        """The whole visit; every error is one of its findings."""
        try:
            await self._visit()
        except _Over:
            pass
        except Exception as error:  # a mistake of ours must not cost the user the other findings
            self._note(Stage.ADDRESS, Outcome.FAILED, error=self._told(our_mistake(error)))
        return self._with(steps=tuple(self._steps))

    async def _visit(self) -> None:
        began = time.monotonic()
        try:
            provider = find_provider(self._target.provider, self._target.region)
            parts = split_address(endpoint_of(self._target).url)
        except NekoError as error:
            self._fail(Stage.ADDRESS, began, error=error)
        host, encrypted = parts.hostname or "", parts.scheme == "wss"
        port = parts.port or (443 if encrypted else 80)
        http = provider.dialect.http
        self._with(host=host, port=parts.port, encrypted=encrypted, http=http)
        if encrypted:
            await self._ways.trust(http=http)
        if (proxy := self._proxy(host, port)) is not None:
            await self._by_proxy(proxy)
        else:
            await self._directly(host, port)
        if not self._target.key and provider.needs_key(self._target.url):
            self._note(Stage.HANDSHAKE, Outcome.SKIPPED, why=Why.NO_KEY)
            return
        await self._session(provider)

    def _proxy(self, host: str, port: int) -> ProxyPlace | None:
        began = time.monotonic()
        try:
            return proxy_for(host, port, encrypted=self._found.encrypted, http=self._found.http)
        except ValueError:
            self._fail(Stage.PROXY, began, why=Why.BAD_PROXY)

    async def _by_proxy(self, proxy: ProxyPlace) -> None:
        """The name and the encryption of the server are not ours to try: the proxy goes between."""
        self._with(proxy=one_line(str(proxy), 100))

        async def knock() -> None:
            (await reach_steps.connect(await reach_steps.resolve(proxy.host, proxy.port))).close()

        await self._step(Stage.PROXY, self._limits.name + self._limits.connect, knock)
        for stage in (Stage.NAME, Stage.CONNECT, Stage.TLS):
            self._note(stage, Outcome.SKIPPED, why=Why.PROXIED)

    async def _directly(self, host: str, port: int) -> None:
        limits = self._limits
        found = await self._step(Stage.NAME, limits.name, lambda: reach_steps.resolve(host, port))
        if not _is_number(host):
            self._with(addresses=len(found))
        connected = await self._step(Stage.CONNECT, limits.connect, lambda: reach_steps.connect(found))
        if not self._found.encrypted:
            connected.close()
            self._note(Stage.TLS, Outcome.SKIPPED, why=Why.PLAIN)
            return
        trust = await self._ways.trust(http=self._found.http)
        version = await self._step(Stage.TLS, limits.tls, lambda: reach_steps.secure(connected, host, trust))
        self._with(tls=version)

    async def _session(self, provider: Provider) -> None:
        began = time.monotonic()
        try:
            codec = self._codec(provider)
        except NekoError as error:  # a key that is none
            self._fail(Stage.HANDSHAKE, began, error=error)
        visit = Visit(codec, self._ways.transport(), title=provider.title)
        try:
            ready = await visit.run(
                limit=self._left(self._limits.session), leave=self._limits.leave, end=self._end
            )
        except TimeoutError:
            self._fail(self._opened(visit), visit.opened_at or visit.begun_at, why=Why.TIMEOUT)
        except NekoError as error:
            self._fail(self._opened(visit), visit.opened_at or visit.begun_at, error=error)
        self._opened(visit)
        self._note(Stage.SESSION, Outcome.OK, ms=_ms(visit.opened_at, visit.ready_at))
        self._with(model=one_line(ready.model or self._target.model or provider.model, 80))

    def _codec(self, provider: Provider) -> Codec:
        target = self._target
        return make_codec(
            target.provider,
            _spec(target, provider),
            region=target.region,
            url=target.url,
            key=target.key,
            insecure=target.insecure,
        )

    # -- what is noted ----------------------------------------------------------------------

    async def _step(self, stage: Stage, limit: float, work: Callable[[], Awaitable[T]]) -> T:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left(limit)):
                result = await work()
        except TimeoutError:
            self._fail(stage, began, why=Why.TIMEOUT)
        except StepFailed as failed:
            self._fail(stage, began, why=failed.why)
        self._note(stage, Outcome.OK, ms=_ms(began, time.monotonic()))
        return result

    def _left(self, limit: float) -> float:
        """The limit in seconds, as far as the whole visit's time allows."""
        return max(0.0, min(limit, self._end - time.monotonic()))

    def _opened(self, visit: Visit) -> Stage:
        """Note the handshake, if there was one; returns what was to come next."""
        if not visit.opened_at:
            return Stage.HANDSHAKE
        self._note(Stage.HANDSHAKE, Outcome.OK, ms=_ms(visit.begun_at, visit.opened_at))
        return Stage.SESSION

    def _with(self, **found: Any) -> Reach:
        self._found = msgspec.structs.replace(self._found, **found)
        return self._found

    def _note(
        self,
        stage: Stage,
        outcome: Outcome,
        *,
        ms: float = 0.0,
        why: Why | None = None,
        error: Told | None = None,
    ) -> None:
        self._steps.append(Step(stage=stage, outcome=outcome, ms=ms, why=why, error=error))

    def _fail(
        self, stage: Stage, began: float, *, why: Why | None = None, error: NekoError | None = None
    ) -> NoReturn:
        """Note the stage that ends the visit, and end it."""
        told = self._told(error) if error is not None else None
        self._note(stage, Outcome.FAILED, ms=_ms(began, time.monotonic()), why=why, error=told)
        raise _Over

    def _told(self, error: NekoError) -> Told:
        """An error without anything that is a key: a server may repeat what it was sent."""

        def safe(text: str) -> str:
            return one_line(redact(without_keys(text, self._secrets)), MAX_SAID)

        return Told(
            category=error.category.value,
            message=safe(error.message),
            hint=safe(error.hint),
            code=safe(error.code),
        )


def _spec(target: Target, provider: Provider) -> SessionSpec:
    """Settings of a session in which nothing will be said: no persona, no history, no tools."""
    return SessionSpec(
        model=target.model or provider.model,
        voice=target.voice or provider.voice,
        transcription_model=target.transcription_model,
        want_audio=False,
    )


def _is_number(host: str) -> bool:
    """Whether it is an address already."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _ms(began: float, ended: float) -> float:
    return round((ended - began) * 1000.0, 1)
