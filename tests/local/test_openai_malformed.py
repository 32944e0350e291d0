"""Whatever a client sends, it gets an error event and keeps its session."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neko_cli.local.faults import ClientFault
from neko_cli.local.server import EngineServer
from neko_cli.local.wire.openai_schema import client_events
from neko_cli.local.wire.realtime import decode
from tests.local.engine_loop import EngineLoop
from tests.local.parts import ScriptedParts
from tests.local.wire_client import WireClient

CHECKS = client_events(("marin",))

FRAMES: list[str | bytes] = [
    "",
    "hello",
    "{",
    "[]",
    "null",
    "3",
    '"session.update"',
    b"\x00\x01",
    b"",
    b'{"type":"input_audio_buffer.clear"}',
    "{}",
    '{"type":null}',
    '{"type":["session.update"]}',
    '{"type":"input_audio_buffer.append"}',
    '{"type":"input_audio_buffer.append","audio":null}',
    '{"type":"input_audio_buffer.append","audio":"!!!!"}',
    '{"type":"input_audio_buffer.append","audio":"AAA"}',
    '{"type":"input_audio_buffer.append","audio":"é"}',
    '{"type":"input_audio_buffer.append","audio":NaN}',
    '{"type":"input_audio_buffer.clear","event_id":7}',
    '{"type":"input_audio_buffer.clear","event_id":"' + "x" * 600 + '"}',
    '{"type":"input_audio_buffer.clear","more":1}',
    '{"type":"session.update","session":' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"type":"session.update","session":' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}",
    '{"type":"session.update","session":{"type":"realtime","max_output_tokens":' + "9" * 5_000 + "}}",
    '{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speed":1e999}}}}',
    '{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speed":-1e308}}}}',
    '{"type":"session.update","session":{"type":"realtime","instructions":"\\ud800"}}',
    '{"type":"conversation.item.truncate","item_id":"a","content_index":-1,"audio_end_ms":0}',
    '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":1e3}',
    '{"type":"conversation.item.retrieve","item_id":""}',
    '{"type":"response.create","response":{"metadata":{"a":1}}}',
    '{"type":"response.create","response":{"metadata":' + json.dumps({str(n): "" for n in range(17)}) + "}}",
    '{"type":"output_audio_buffer.clear"}',
    '{"type":"' + "x" * 1_000_000 + '"}',
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: repr(frame[:60]))
async def test_a_malformed_frame_is_answered_by_an_error(server: EngineServer, frame: str | bytes) -> None:
    async with await WireClient.open(server) as client:
        await client.socket.send(frame)
        error = await client.error()
        assert error["type"] == "invalid_request_error"
        assert error["code"]
        assert len(error["message"]) < 2000
        await client.update()


async def test_half_a_sample_waits_for_the_other_half(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("x")
    async with await WireClient.open(server, audio={"input": {"turn_detection": None}}) as client:
        await client.append(b"\x01\x20" * 2400, piece=4799)
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
    assert parts.ears.seconds == [0.1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KNOWN_KEYS = (
    "session type audio input output format turn_detection threshold item id role content text call_id name "
    "arguments previous_item_id item_id content_index audio_end_ms response instructions tools tool_choice "
    "metadata conversation output_modalities max_output_tokens voice speed transcription event_id include"
).split()
KNOWN_WORDS = (
    "realtime message user assistant system input_text input_audio input_image audio/pcm server_vad "
    "function_call function_call_output text audio none auto inf root AAAA"
).split()
likely_values = st.recursive(
    st.sampled_from(KNOWN_WORDS) | st.integers(-1, 70_000) | st.none() | st.booleans() | st.floats(0, 2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN_KEYS), inner, max_size=5)
    ),
    max_leaves=15,
)


def outcome(work: Callable[[], Any]) -> Any:
    """What the work returns, or the fault it raises; nothing else may come out."""
    try:
        return work()
    except ClientFault as fault:
        return fault


@given(st.text() | st.binary() | json_values.map(json.dumps))
@settings(max_examples=200, deadline=None)
def test_decoding_gives_an_object_or_a_fault(frame: str | bytes) -> None:
    result = outcome(lambda: decode(frame))
    assert isinstance(result, dict) or result.code == "invalid_json"


@given(
    st.sampled_from(sorted(CHECKS)),
    st.dictionaries(st.sampled_from(KNOWN_KEYS), likely_values | json_values, max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_checking_passes_or_is_a_fault_with_a_place(kind: str, fields: dict[str, Any]) -> None:
    result = outcome(lambda: CHECKS[kind]({**fields, "type": kind}, ""))
    if isinstance(result, ClientFault):
        assert result.code
        top = result.param.split(".")[0].split("[")[0]
        assert top in {*fields, "session", "audio", "item", "item_id", "content_index", "audio_end_ms"}


class Loop(EngineLoop):
    """With a client."""

    async def start(self) -> None:
        await super().start()
        self.client = await WireClient.open(self.server, output_modalities=["text"])

    async def stop(self) -> None:
        await self.client.socket.close()
        await super().stop()


@pytest.fixture(scope="module")
def running() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(CHECKS)),
            st.dictionaries(st.sampled_from(KNOWN_KEYS), likely_values | json_values, max_size=4),
        ).map(lambda pair: json.dumps({**pair[1], "type": pair[0]}))
        | st.text(max_size=50)
        | st.binary(max_size=50)
        | st.binary(max_size=4000).map(
            lambda raw: json.dumps(
                {"type": "input_audio_buffer.append", "audio": base64.b64encode(raw).decode()}
            )
        ),
        max_size=6,
    )
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_of_frames_closes_the_socket(running: Loop, frames: list[str | bytes]) -> None:
    async def scenario() -> None:
        for frame in frames:
            await running.client.socket.send(frame)
        await running.client.send("conversation.item.delete", item_id="nothing", event_id="last")
        async with asyncio.timeout(10):
            while True:
                event = json.loads(await running.client.socket.recv())
                if event["type"] != "error":
                    continue
                assert event["error"]["type"] != "server_error", event
                if event["error"]["event_id"] == "last":
                    return

    running.loop.run_until_complete(scenario())
