"""The private socket before its first visitor: nothing is loaded for it, and whoever comes is let in."""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from neko_cli.core.companions.agent_events import TaskResult
from neko_cli.core.errors import ConfigError
from neko_cli.services import agent_client
from neko_cli.services.agent_doorbell import Doorbell
from tests.fakes.agent_peer import PATIENCE, Ears
from tests.services.agent_parts import listening, on_thread

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="private sockets")

CHAT = """
import asyncio, sys
from pathlib import Path
from tests.fakes.agent_peer import Ears
from tests.services.agent_parts import listening

async def main():
    ears = Ears()
    async with listening(Path(sys.argv[1]), ears):
        await asyncio.sleep(0.05)
        print("zmq" in sys.modules, flush=True)
        event = await ears.next()
        print(event.summary, "zmq" in sys.modules, flush=True)
        await asyncio.to_thread(sys.stdin.read)

sys.modules.pop("zmq", None)
for name in [name for name in sys.modules if name.startswith("zmq.")]:
    del sys.modules[name]
asyncio.run(main())
"""


async def test_the_library_is_loaded_for_the_first_visitor(tmp_path: Path) -> None:
    chat = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHAT, str(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert chat.stdin is not None
    assert chat.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert await chat.stdout.readline() == b"False\n"
    event = TaskResult(event_id="e1", summary="Done.")
    (ack,) = await on_thread(agent_client.deliver, agent_client.find(tmp_path), event)
    assert ack.accepted
    async with asyncio.timeout(PATIENCE):
        assert await chat.stdout.readline() == b"Done. True\n"
        chat.stdin.close()
        assert await chat.wait() == 0


async def test_who_came_first_and_went_is_no_hindrance(tmp_path: Path) -> None:
    ears = Ears()
    async with listening(tmp_path, ears) as (bus, _):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(bus.endpoint.removeprefix("ipc://"))
        event = TaskResult(event_id="e1", summary="Done.")
        (ack,) = await on_thread(agent_client.deliver, agent_client.find(tmp_path), event)
        assert ack.accepted


async def test_a_bell_that_is_never_rung_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    bell = Doorbell(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    waiting = asyncio.create_task(bell.rung())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})
    bell.close()
    bell.close()
    assert bell.take() == -1


def test_a_place_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    first = Doorbell(path)
    with pytest.raises(ConfigError, match="cannot be listened to at .*a.sock: Address already in use"):
        Doorbell(path)
    first.close()
