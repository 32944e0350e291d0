"""The event loop stays free while many sessions are connected and speak."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from neko_cli.local.config import EngineConfig
from neko_cli.local.server import EngineServer
from tests.local.parts import LoudnessDetector, ScriptedParts, quiet, tone
from tests.local.real_parts import parts_of
from tests.local.wire_client import TOKEN, WireClient
from tests.speech.sound import spoken

SESSIONS = 20
DETECTOR_S = 0.0015
"""What the real detector costs a frame, holding the interpreter lock."""


class CostlyDetector(LoudnessDetector):
    """Takes as long as the real one."""

    def probability(self, frame: bytes) -> float:
        until = time.perf_counter() + DETECTOR_S
        answer = super().probability(frame)
        while time.perf_counter() < until:
            pass
        return answer


async def lags(stop: asyncio.Event) -> list[float]:
    """How late the loop was, every 5 ms."""
    found = []
    while not stop.is_set():
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        found.append(time.perf_counter() - due)
    return sorted(found)


@pytest.mark.serial
async def test_twenty_sessions_that_speak_at_once_do_not_hold_the_loop(parts: ScriptedParts) -> None:
    parts.detector = CostlyDetector  # type: ignore[method-assign]
    speech = tone(800) + quiet(600)
    async with EngineServer(parts, EngineConfig(), token=TOKEN) as server:
        vad = {"type": "server_vad", "create_response": False}
        clients = [
            await WireClient.open(server, audio={"input": {"turn_detection": vad}}) for _ in range(SESSIONS)
        ]
        for _ in clients:
            parts.ears.hear("hello")
        await clients[0].append(quiet(100))  # numpy and soxr are loaded by the first sound
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            probe = group.create_task(lags(stop))
            # Ten times real time: 200 streams' worth of frames in half a second.
            for client in clients:
                await client.append(speech, piece=9600)
            for client in clients:
                await client.until("input_audio_buffer.committed")
            stop.set()
        found = probe.result()
        for client in clients:
            await client.socket.close()
    p99 = found[int(len(found) * 0.99)]
    assert p99 <= 0.020, f"p99 {p99 * 1000:.1f} ms, worst {found[-1] * 1000:.1f} ms of {len(found)}"


@pytest.mark.serial
async def test_two_that_are_recognised_for_real_do_not_hold_the_loop_for_twenty(tmp_path: Path) -> None:
    sentence = "the committee will review the budget on thursday and then everybody goes home "
    speech = spoken(sentence, rate=24_000)
    asked = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "any"}}}}
    async with (
        parts_of(tmp_path, recognisers=2) as real,
        EngineServer(real, EngineConfig(), token=TOKEN) as server,
    ):
        await real.warm_up(hearing=True, speaking=False)
        clients = [await WireClient.open(server, **asked) for _ in range(SESSIONS)]
        await clients[0].append(speech[:9600])  # numpy and soxr are loaded by the first sound
        await clients[0].send("input_audio_buffer.clear")
        await clients[0].until("input_audio_buffer.cleared")
        for client in clients[:2]:
            await client.append(speech, piece=9600)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            probe = group.create_task(lags(stop))
            for client in clients[:2]:
                await client.send("input_audio_buffer.commit")
            for client in clients[:2]:
                await client.until("conversation.item.input_audio_transcription.completed")
            stop.set()
        found = probe.result()
        for client in clients:
            await client.socket.close()
    assert len(found) > 20, "the recognition was over too soon to measure anything"
    p99 = found[int(len(found) * 0.99)]
    assert p99 <= 0.020, f"p99 {p99 * 1000:.1f} ms, worst {found[-1] * 1000:.1f} ms of {len(found)}"


async def test_idle_sessions_run_nothing(parts: ScriptedParts) -> None:
    async with EngineServer(parts, EngineConfig(), token=TOKEN) as server:
        clients = [await WireClient.open(server) for _ in range(5)]
        await asyncio.sleep(0)
        steps = 0
        loop = asyncio.get_running_loop()
        run = loop._run_once  # type: ignore[attr-defined]

        def counting() -> None:
            nonlocal steps
            steps += 1
            run()

        loop._run_once = counting  # type: ignore[attr-defined]
        await asyncio.sleep(0.3)
        del loop._run_once  # type: ignore[attr-defined]
        assert steps <= 5
        for client in clients:
            await client.socket.close()
