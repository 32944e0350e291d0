"""N.E.K.O.'s bus: a peer of its own kind exchanges all events with us, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio

from neko_cli.core.companions import agent_events as events
from neko_cli.core.errors import ConfigError
from neko_cli.core.tables_agents import BusKind
from neko_cli.services import agent_client
from neko_cli.services.agent_bus import ACK_TIMEOUT, ZmqBus, checked_address
from tests.fakes.agent_peer import PATIENCE, Ears, Peer, free_ports
from tests.services.agent_parts import listening, on_thread

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="private sockets")


@contextlib.asynccontextmanager
async def neko_bus(run: Path, ears: Ears) -> AsyncIterator[tuple[ZmqBus, Peer]]:
    ports = free_ports(3)
    places = [f"tcp://127.0.0.1:{port}" for port in ports]
    table = {
        "bus": BusKind.NEKO,
        "session_address": places[0],
        "result_address": places[1],
        "analyze_address": places[2],
    }
    async with listening(run, ears, **table) as (bus, problems):
        assert problems == ()
        peer = Peer(*ports)
        try:
            yield bus, peer
        finally:
            peer.close()


# -- N.E.K.O.'s bus -----------------------------------------------------------------------------


async def test_every_event_of_an_agent_arrives(tmp_path: Path) -> None:
    ears = Ears()
    async with neko_bus(tmp_path, ears) as (_, peer):
        await peer.heartbeat()
        await peer.raw(b"\xff rubbish")
        await peer.says("nothing_known", x=1)
        await peer.says("task_update", lanlan_name="Neko", task={"id": "t", "status": "running"})
        await peer.says("task_result", task_id="t", status="completed", success=True, summary="Done.")
        await peer.says("proactive_message", text="It rains.", lanlan_name="Neko")
        await peer.says("agent_status_update", snapshot={"revision": 3, "flags": {}})
        came = [await ears.next() for _ in range(4)]
        assert [type(one) for one in came] == [
            events.TaskUpdate,
            events.TaskResult,
            events.ProactiveMessage,
            events.AgentStatusUpdate,
        ]
        assert came[1].summary == "Done."
        assert ears.came.empty()


async def test_a_request_is_acknowledged_by_its_id(tmp_path: Path) -> None:
    async with neko_bus(tmp_path, Ears()) as (bus, peer), asyncio.TaskGroup() as group:
        event = events.analyze_request("Neko", [("user", "Book a table.")], events.Trigger.TURN_END)
        sending = group.create_task(_until_sent(bus, event))
        got = await peer.request()
        assert got == {
            "event_type": "analyze_request",
            "event_id": event.event_id,
            "trigger": "turn_end",
            "lanlan_name": "Neko",
            "messages": [{"role": "user", "content": "Book a table."}],
        }
        await peer.says("analyze_ack", event_id="another")
        await peer.says("analyze_ack", event_id=event.event_id)
        assert await sending is True


async def test_a_request_without_an_answer_is_sent_once_more_with_the_same_id(tmp_path: Path) -> None:
    async with neko_bus(tmp_path, Ears()) as (bus, peer), asyncio.TaskGroup() as group:
        event = events.analyze_request("Neko", [("user", "Hi.")], events.Trigger.SESSION_END)
        began = asyncio.get_running_loop().time()
        sending = group.create_task(_until_sent(bus, event))
        first, second = await peer.request(), await peer.request()
        assert first == second
        assert await sending is False
        assert asyncio.get_running_loop().time() - began >= 2 * ACK_TIMEOUT
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await peer.pull.recv()


async def _until_sent(bus: ZmqBus, event: Any) -> bool:
    """The peer's connection takes some ms; nothing is sent before it is there."""
    assert await bus._sides[0]._analyze.poll(PATIENCE * 1000, zmq.POLLOUT)
    return await bus.request(event)


async def test_a_request_with_nobody_there_is_over_at_once(tmp_path: Path) -> None:
    async with neko_bus(tmp_path, Ears()) as (bus, peer):
        peer.close()
        async with listening(tmp_path) as (alone, _):
            event = events.analyze_request("Neko", [("user", "Hi.")], events.Trigger.TURN_END)
            async with asyncio.timeout(ACK_TIMEOUT / 2):
                assert await alone.request(event) is False
        assert bus.endpoint


async def test_flags_are_session_events(tmp_path: Path) -> None:
    async with neko_bus(tmp_path, Ears()) as (bus, peer), asyncio.TaskGroup() as group:
        getting = group.create_task(peer.session_event())
        flags = events.AgentFlags(lanlan_name="Neko", flags={"agent_enabled": True})
        while not getting.done():  # a subscription takes some ms to arrive
            bus.publish(flags)
            await asyncio.wait({getting}, timeout=0.01)
        assert getting.result() == {
            "event_type": "agent_flags",
            "lanlan_name": "Neko",
            "flags": {"agent_enabled": True},
        }


async def test_private_events_are_not_taken_from_the_open_bus(tmp_path: Path) -> None:
    ears = Ears()
    async with neko_bus(tmp_path, ears) as (_, peer):
        await peer.says("ask_user", event_id="q", question="Your password?")
        await peer.says("task_result", summary="x")
        assert isinstance(await ears.next(), events.TaskResult)
        assert ears.asked == []


async def test_ports_that_are_taken_are_one_sentence_and_the_private_socket_stays(tmp_path: Path) -> None:
    async with neko_bus(tmp_path, Ears()) as (first, _):
        taken = first._sides[0]._results.getsockopt_string(zmq.LAST_ENDPOINT)
        async with listening(tmp_path, bus=BusKind.NEKO, session_address=taken) as (second, problems):
            (problem,) = problems
            assert taken in problem
            assert "Another neko" in problem
            receipts = await on_thread(agent_client.sessions, tmp_path)
            assert second.endpoint in [entry.endpoint for entry, info in receipts if info is not None]


@pytest.mark.parametrize(
    "address", ["tcp://192.168.1.5:48961", "tcp://*:48961", "tcp://0.0.0.0:1", "tcp://example.org:1"]
)
def test_addresses_that_others_reach_need_a_word(address: str) -> None:
    with pytest.raises(ConfigError, match="other machines"):
        checked_address(address, insecure=False)
    assert checked_address(address, insecure=True) == address


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:1", "tcp://127.0.0.1", "ipc:///x", "tcp://127.0.0.1:99999"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        checked_address(address, insecure=True)


def test_loopback_has_several_names() -> None:
    assert checked_address("tcp://localhost:1", insecure=False) == "tcp://127.0.0.1:1"
    assert checked_address("tcp://[::1]:1", insecure=False) == "tcp://[::1]:1"
