"""A link whose provider's time is the sound that it is sent, and which is closed in order."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.commands import AppendAudio, SendText
from neko_cli.core.errors import NekoError, SessionExpired
from neko_cli.core.link import Link
from neko_cli.core.links import LinkRun, Links, Opening
from neko_cli.core.modes import Mode
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import InputTranscript, ProviderEvent, Ready
from neko_cli.core.tasks import TaskOwner
from tests.fakes.virtual import VirtualClock, virtual
from tests.fakes.wire import FakeConnection, FakeTransport

BYTES_PER_MS = 48
"""Of 16-bit sound at 24 kHz."""


class Listener:
    """Somebody who is told everything, and keeps it."""

    def __init__(self) -> None:
        self.events: list[ProviderEvent] = []
        self.ready = asyncio.Event()

    def link_room(self, generation: int) -> None:
        pass

    def link_opened(self, generation: int) -> None:
        pass

    def link_ready(self, generation: int, ready: Ready) -> None:
        self.ready.set()

    def link_event(self, generation: int, event: ProviderEvent) -> None:
        self.events.append(event)


@contextlib.asynccontextmanager
async def opened(
    provider: str = "openai-live",
) -> AsyncIterator[tuple[Link, FakeConnection, asyncio.Task[None]]]:
    """A configured link, its server's side and the task that runs it."""
    codec = make_codec(provider, SessionSpec(), url="ws://localhost:1", key="k")
    transport, listener = FakeTransport(), Listener()
    now = asyncio.get_running_loop().time
    link = Link(codec, transport, 1, listener, now=now, title="The provider")
    task = asyncio.create_task(link.run())
    try:
        wire = await transport.accepted()
        if provider == "openai-live":
            await wire.expect("session.start")
            wire.tell("session.started", session={"id": "live_1", "model": "gpt-live-1"})
        else:
            await wire.configured()
        await listener.ready.wait()
        yield link, wire, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, NekoError):
            await task


def sent(wire: FakeConnection) -> Iterator[tuple[float, bool]]:
    """The sound that came since the last time: ms of each frame, and whether it was silence."""
    while not wire.to_server.empty():
        event = wire.to_server.get_nowait()
        assert event["type"] == "session.input_audio.append"
        pcm = base64.b64decode(event["audio"])
        yield len(pcm) / BYTES_PER_MS, not any(pcm)


@virtual
async def test_silence_stands_in_for_a_microphone_that_is_not_there() -> None:
    async with opened() as (_, wire, _):
        await asyncio.sleep(10.05)
        silences = list(sent(wire))
        assert all(quiet for _, quiet in silences)
        assert sum(ms for ms, _ in silences) == pytest.approx(10_000, abs=150)
        assert max(ms for ms, _ in silences) <= 250


@virtual
async def test_a_microphone_that_runs_is_not_added_to() -> None:
    async with opened() as (link, wire, _):
        for _ in range(500):
            link.send(AppendAudio(b"\1" * 20 * BYTES_PER_MS))
            await asyncio.sleep(0.02)
        assert [quiet for _, quiet in sent(wire)] == [False] * 500


@virtual
async def test_sound_that_comes_in_bursts_counts_for_as_long_as_it_lasts() -> None:
    async with opened() as (link, wire, _):
        link.send(AppendAudio(b"\1" * 3000 * BYTES_PER_MS))
        await asyncio.sleep(2.9)
        assert [quiet for _, quiet in sent(wire)] == [False]
        await asyncio.sleep(2.1)
        silences = list(sent(wire))
        assert sum(ms for ms, _ in silences) == pytest.approx(2_000, abs=150)


@virtual
async def test_no_silence_is_made_up_for_a_time_in_which_the_machine_slept() -> None:
    async with opened() as (_, wire, _):
        await asyncio.sleep(1.05)
        list(sent(wire))
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: None)
        loop.jump(3600.0)  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)
        assert sum(ms for ms, _ in sent(wire)) < 1_000


@virtual
async def test_other_providers_get_no_silence_and_no_farewell() -> None:
    async with opened("openai") as (link, wire, task):
        await asyncio.sleep(10)
        link.close()
        await task
        wire.nothing_more()
        assert wire.closing is not None
        assert (wire.closing.code, wire.closing.by_us) == (1000, True)


async def goodbye(wire: FakeConnection) -> None:
    """All that was queued, and then the farewell."""
    while (await wire.to_server.get())["type"] != "session.close":
        pass


@virtual
async def test_a_link_waits_for_the_end_that_it_asked_for() -> None:
    async with opened() as (link, wire, task):
        link.send(SendText("Bye."))
        link.close()
        await goodbye(wire)
        await asyncio.sleep(1.0)
        assert wire.closing is None
        assert not task.done()
        wire.nothing_more()  # time stands still from here on
        wire.tell("session.closed", reason="close_requested", session={"id": "live_1"})
        await task
        assert wire.closing is not None
        assert wire.closing.by_us


@virtual
async def test_a_server_that_hangs_up_after_its_farewell_did_nothing_wrong() -> None:
    async with opened() as (link, wire, task):
        link.close()
        await goodbye(wire)
        wire.tell("session.closed", reason="close_requested", session={"id": "live_1"})
        wire.drop(1000)
        await task


@virtual
async def test_a_server_that_does_not_answer_the_farewell_is_not_waited_for_long() -> None:
    async with opened() as (link, wire, task):
        began = asyncio.get_running_loop().time()
        link.close()
        await goodbye(wire)
        await task
        took = asyncio.get_running_loop().time() - began
        assert took == pytest.approx(link.codec.capabilities.leave_within, abs=0.1)
        assert wire.closing is not None


@virtual
async def test_a_connection_that_breaks_during_the_farewell_ends_the_link_at_once() -> None:
    async with opened() as (link, wire, task):
        began = asyncio.get_running_loop().time()
        link.close()
        await goodbye(wire)
        wire.drop(1006)
        await task
        assert asyncio.get_running_loop().time() - began < 0.1


@virtual
async def test_an_end_that_nobody_asked_for_is_a_fault() -> None:
    async with opened() as (_, wire, task):
        wire.tell("session.closed", reason="expired", session={"id": "live_1"})
        with pytest.raises(SessionExpired):
            await task


class Host:
    """A session whose links end only as it wants."""

    def link_opened(self) -> None:
        pass

    def provider_event(self, event: ProviderEvent) -> None:
        pass

    def link_lost(self, run: LinkRun, error: NekoError) -> None:
        raise AssertionError(error)

    def standby_lost(self, run: LinkRun, error: NekoError) -> None:
        raise AssertionError(error)

    def room(self) -> None:
        pass

    def late_words(self, event: InputTranscript) -> bool:
        return False


def broke(error: BaseException) -> None:
    raise AssertionError(error)


@virtual
@pytest.mark.parametrize("way", ["replaced", "closed"])
async def test_the_provider_has_the_time_that_it_may_take_to_end_a_session(way: str) -> None:
    async def dial(profile: Profile, spec: SessionSpec) -> Codec:
        return make_codec("openai-live", spec, key="k")

    transport, owner = FakeTransport(), TaskOwner(broke)
    links = Links(Host(), owner, transport, VirtualClock(), dial)
    await owner.open()
    opening = Opening(profile=Profile(), title="OpenAI Live", spec=SessionSpec(), mode=Mode.CALL)
    async with asyncio.TaskGroup() as group:
        opening_link = group.create_task(links.open(opening))
        wire = await transport.accepted()
        await wire.expect("session.start")
        wire.tell("session.started", session={"id": "live_1", "model": "gpt-live-1"})
    run = opening_link.result()
    assert links.promote(None, run)
    async with asyncio.TaskGroup() as group:
        if way == "replaced":
            links.retire(run)
        else:
            group.create_task(links.close(run))
        await goodbye(wire)
        await asyncio.sleep(run.link.codec.capabilities.leave_within - 0.5)
        assert wire.closing is None
        wire.tell("session.closed", reason="close_requested", session={"id": "live_1"})
        assert run.task is not None
        await run.task
    assert wire.closing is not None
    assert (wire.closing.code, wire.closing.by_us) == (1000, True)
    await owner.aclose()
