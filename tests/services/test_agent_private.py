"""The private socket of a running chat: who may reach it, who is found, and what goes over it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
import zmq
import zmq.asyncio

from neko_cli.core.companions import agent_events as events
from neko_cli.core.tables_agents import AgentsTable, BusKind
from neko_cli.services import agent_client, agent_places, agent_registry
from neko_cli.services.agent_bus import ZmqBus
from neko_cli.services.folders import Folders
from tests.fakes.agent_peer import PATIENCE, Ears
from tests.services.agent_parts import listening, on_thread

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="private sockets")


async def test_an_event_is_taken_and_acknowledged(tmp_path: Path) -> None:
    ears = Ears()
    async with listening(tmp_path, ears):
        event = events.TaskResult(event_id="e1", summary="Done.")
        acks = await on_thread(agent_client.deliver, agent_client.find(tmp_path), event)
        assert [(ack.event_id, ack.accepted, ack.lanlan_name) for ack in acks] == [("e1", True, "Neko")]
        assert (await ears.next()).summary == "Done."


async def test_socket_and_folder_belong_to_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        async with listening(tmp_path) as (bus, _):
            socket = Path(bus.endpoint.removeprefix("ipc://"))
            assert stat.S_ISSOCK(socket.lstat().st_mode)
            assert stat.S_IMODE(socket.lstat().st_mode) == 0o600
            assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
            (entry,) = socket.parent.glob("*.json")
            assert stat.S_IMODE(entry.stat().st_mode) == 0o600
        assert list(socket.parent.iterdir()) == []
    finally:
        assert os.umask(before) == 0, "the mask was not given back"


STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
there = socket.socket(socket.AF_UNIX)
try:
    there.connect(sys.argv[1])
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user")
@pytest.mark.parametrize("open_folder", [False, True])
async def test_another_user_cannot_connect(tmp_path: Path, open_folder: bool) -> None:
    """Not even where the folder has been opened by mistake: the socket's own mode holds."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder.stat().st_mode & 0o077 != 0o077 and "pytest" in str(folder):
            folder.chmod(0o755)
    async with listening(tmp_path) as (bus, _):
        socket = Path(bus.endpoint.removeprefix("ipc://"))
        if open_folder:
            socket.parent.chmod(0o755)
        done = await on_thread(
            lambda: subprocess.run(
                [sys.executable, "-I", "-c", STRANGER, str(socket)],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
        )
        assert done.stdout.strip() == "PermissionError", done.stderr
        assert len(await on_thread(agent_client.sessions, tmp_path)) == 1


async def test_a_folder_of_somebody_else_or_a_link_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / agent_places.FOLDER).symlink_to(elsewhere)
    async with listening(tmp_path / "run") as (bus, problems):
        assert "not a folder of yours" in problems[0]
        assert bus.endpoint == ""
    assert list(elsewhere.iterdir()) == []


async def test_rights_that_others_have_are_taken_back(tmp_path: Path) -> None:
    folder = tmp_path / agent_places.FOLDER
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    async with listening(tmp_path):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_path_that_is_too_long_gets_a_short_private_one(tmp_path: Path) -> None:
    run = tmp_path / ("long" * 30)
    run.mkdir()
    ears = Ears()
    async with listening(run, ears) as (bus, problems):
        assert problems == ()
        socket = Path(bus.endpoint.removeprefix("ipc://"))
        assert len(os.fsencode(socket)) <= agent_places.PATH_BYTES
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.parent.stat().st_mode) == 0o700
        await on_thread(
            agent_client.deliver, agent_client.find(run), events.TaskResult(event_id="e", summary="x")
        )
        assert (await ears.next()).summary == "x"
    assert not socket.exists()
    socket.parent.rmdir()


async def test_several_chats_are_each_reached(tmp_path: Path) -> None:
    mio, neko = Ears(), Ears()
    async with (
        listening(tmp_path, mio, character="Mio"),
        listening(tmp_path, neko, character="Neko") as (bus, _),
    ):
        find = agent_client.find
        assert [one.character for one in find(tmp_path)] == ["Neko"]  # the newest
        assert [one.character for one in find(tmp_path, "mio")] == ["Mio"]
        assert [one.character for one in find(tmp_path, "ALL")] == ["Neko", "Mio"]
        event = events.TaskResult(event_id="e", summary="x")
        await on_thread(agent_client.deliver, find(tmp_path, "all"), event)
        assert (await mio.next(), await neko.next()) == (event, event)
        bus.rename("Tama", "other")
        assert {one.character for one in find(tmp_path, "all")} == {"Tama", "Mio"}
        assert [one.character for one in find(tmp_path, "other")] == ["Tama"]
        with pytest.raises(Exception, match="No chat with Neko") as caught:
            find(tmp_path, "Neko")
        assert "Mio, Tama" in str(caught.value)


DEAD = """
import asyncio, os, sys
from pathlib import Path
from neko_cli.core.tables_agents import AgentsTable
from neko_cli.services.agent_bus import ZmqBus

async def main():
    bus = ZmqBus(Path(sys.argv[1]))
    await bus.open(AgentsTable(), None, character="Dead", profile="")
    print(bus.endpoint, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_what_a_dead_chat_left_is_removed_and_a_live_one_is_left_alone(tmp_path: Path) -> None:
    done = await on_thread(
        lambda: subprocess.run(
            [sys.executable, "-c", DEAD, str(tmp_path)], capture_output=True, text=True, timeout=PATIENCE
        )
    )
    dead = Path(done.stdout.strip().removeprefix("ipc://"))
    assert dead.exists(), done.stderr
    async with listening(tmp_path) as (bus, _):
        # A number that is in use again proves nothing: the entry says that we made it.
        for entry in dead.parent.glob(f"{dead.stem}.json"):
            fields = json.loads(entry.read_bytes())
            entry.write_bytes(json.dumps({**fields, "pid": os.getpid()}).encode())
        assert [one.endpoint for one in agent_registry.running(tmp_path)] == [bus.endpoint]
        assert not dead.exists()
        assert not dead.with_suffix(".json").exists()
        assert Path(bus.endpoint.removeprefix("ipc://")).exists()


async def test_an_entry_that_points_at_a_file_of_ours_does_not_have_it_deleted(tmp_path: Path) -> None:
    mine = tmp_path / "mine.sock"
    mine.write_text("dear")
    folder = agent_places.registry_folder(tmp_path)
    entry = agent_registry.Entry(pid=1, started=0.0, character="x", profile="", socket=str(mine))
    (folder / "1-x.json").write_bytes(msgspec.json.encode(entry))
    (folder / "2-x.json").write_bytes(b"rubbish")
    assert agent_registry.running(tmp_path) == []
    assert mine.read_text() == "dear"
    assert list(folder.iterdir()) == []


async def test_rubbish_on_the_socket_does_no_harm(tmp_path: Path) -> None:
    ears = Ears()
    async with listening(tmp_path, ears) as (bus, _):
        context = zmq.asyncio.Context()
        dealer = context.socket(zmq.DEALER)
        try:
            dealer.connect(bus.endpoint)
            for frames in ([b""], [b"\xff"], [b"a"] * 9, [b"{}"], [b"x" * (events.EVENT_BYTES + 1)]):
                await asyncio.wait_for(dealer.send_multipart(frames), PATIENCE)
            raw = await asyncio.wait_for(asyncio.open_unix_connection(bus.endpoint.removeprefix("ipc://")), 5)
            raw[1].write(b"GET / HTTP/1.1\r\n\r\n" + bytes(100))
            raw[1].close()
            await raw[1].wait_closed()
            await on_thread(
                agent_client.deliver,
                agent_client.find(tmp_path),
                events.TaskResult(event_id="e", summary="x"),
            )
            assert (await ears.next()).summary == "x"
            assert ears.came.empty()
        finally:
            context.destroy(linger=0)


async def test_who_listens_gets_requests_over_the_private_socket(tmp_path: Path) -> None:
    async with listening(tmp_path) as (bus, _), asyncio.TaskGroup() as group:
        context = zmq.asyncio.Context()
        dealer = context.socket(zmq.DEALER)
        try:
            dealer.connect(bus.endpoint)
            await dealer.send(events.encode(events.AgentListen(event_id="l")))
            assert json.loads(await asyncio.wait_for(dealer.recv(), PATIENCE))["event_id"] == "l"
            event = events.analyze_request("Neko", [("user", "Hi.")], events.Trigger.TURN_END)
            sending = group.create_task(bus.request(event))
            got = json.loads(await asyncio.wait_for(dealer.recv(), PATIENCE))
            assert got["event_id"] == event.event_id
            await dealer.send(events.encode(events.AnalyzeAck(event_id=event.event_id)))
            assert await asyncio.wait_for(sending, PATIENCE) is True
        finally:
            context.destroy(linger=0)
        async with asyncio.timeout(PATIENCE):
            while bus._sides[0]._listeners:  # who left is noticed at the first send after that
                assert await bus.request(event) is False


async def test_a_question_is_asked_once_and_answered(tmp_path: Path) -> None:
    ears = Ears()
    async with listening(tmp_path, ears) as (bus, _):
        event = events.AskUser(event_id="q", question="Really?", timeout=30.0)
        with agent_client.Line(agent_client.find(tmp_path)) as line:
            line.send(event)  # as one that is sent again
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(on_thread(line.ask, event, threading.Event()))
                assert (await ears.next()).question == "Really?"
                ears.answer.set_result("Yes.")
                answer = await asking
        assert (answer.status, answer.text) == ("answered", "Yes.")
        assert len(ears.asked) == 1
        assert bus.endpoint


async def test_a_question_that_nobody_waits_for_is_taken_back(tmp_path: Path) -> None:
    ears, stop = Ears(), threading.Event()
    async with listening(tmp_path, ears), asyncio.TaskGroup() as group:
        event = events.AskUser(event_id="q", question="Really?", timeout=300.0)
        with agent_client.Line(agent_client.find(tmp_path)) as line:
            asking = group.create_task(on_thread(line.ask, event, stop))
            await ears.next()
            stop.set()
            assert (await asking).status == "refused"
            await asyncio.wait_for(ears.cancelled.wait(), PATIENCE)


async def test_off_means_that_nobody_listens(tmp_path: Path) -> None:
    async with listening(tmp_path, bus=BusKind.OFF) as (bus, problems):
        assert problems == ()
        assert bus.endpoint == ""
        assert not (tmp_path / agent_places.FOLDER).exists()


async def test_closing_while_it_is_being_cancelled_leaves_nothing(tmp_path: Path) -> None:
    bus = ZmqBus(tmp_path)
    await bus.open(AgentsTable(), Ears(), character="Neko", profile="")
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(bus.close())
        await asyncio.sleep(0)
        closing.cancel()
    await bus.close()
    assert list((tmp_path / agent_places.FOLDER).iterdir()) == []


def test_the_run_folder_is_the_usual_one(tmp_path: Path) -> None:
    folders = Folders.find({"NEKO_HOME": str(tmp_path)})
    assert agent_places.registry_folder(folders.run).is_relative_to(tmp_path)
