"""Tools with providers of the flat family, on real sockets: calls with and without ids, several at once."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.core.events import Failure, InputMode, Outcome, ToolCall, ToolResult, TurnEnded
from tests.fakes.flat_strict import TALKS, FlatTalk
from tests.fakes.flat_user import seated
from tests.fakes.numbered_user import reply
from tests.fakes.strict import Json

CITIES = ("Oslo", "Oslo")
"""What the tool is asked, twice the same: without ids nothing but their order tells the calls apart."""


class Calling(FlatTalk):
    """Mixed into a server: it calls a tool twice before it answers, and wants both results first."""

    call_ids = True
    pace = 0.001

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.results: list[Json] = []
        self.asked = 0

    async def _create(self, event: Json) -> None:
        item = event["item"]
        if item["type"] != "function_call_output":
            await super()._create(event)
            return
        keys = {"type", "output", "call_id"} if self.call_ids else {"type", "output"}
        self._insist(set(item) == keys, f"a result with {sorted(item)}")
        self.results.append(item)

    async def _respond(self, event: Json) -> None:
        self.asked += 1
        wanted = (0, len(CITIES))
        self._insist(len(self.results) in wanted, "a reply was asked for before all results were there")
        await super()._respond(event)

    async def _reply(self, name: str, after: int, transcript_due: str) -> None:
        if self.results:
            await super()._reply(name, after, transcript_due)
            return
        if transcript_due:
            await self._transcribe(transcript_due, self.utterances[-1])
        where = {"response_id": "resp_call"}
        await self._tell("response.created", response={"id": "resp_call", "status": "in_progress"})
        calls = []
        for number, city in enumerate(CITIES, 1):
            call = {"name": "weather", "arguments": f'{{"city":"{city}"}}'}
            if self.call_ids:
                call["call_id"] = f"call_{number}"
            item = {"id": f"item_call_{number}", "type": "function_call", "status": "completed", **call}
            calls.append(item)
            at = {**where, "output_index": number - 1}
            await self._tell("response.output_item.added", **at, item={**item, "arguments": ""})
            told = {**at, **call} if not self.call_ids else {**at, **call, "item_id": item["id"]}
            await self._tell("response.function_call_arguments.done", **told)
            await self._tell("response.output_item.done", **at, item=item)
        self._answering = False
        done = {"id": "resp_call", "status": "completed", "output": calls}
        await self._tell("response.done", response=done)


def calling(provider: str) -> type[FlatTalk]:
    """A provider's server that calls tools."""
    kind = TALKS[provider]
    return type(f"Calling{kind.__name__}", (Calling, kind), {"call_ids": provider != "glm"})


@pytest.mark.parametrize("provider", TALKS)
async def test_two_calls_of_a_spoken_turn_are_both_answered_and_one_reply_follows(provider: str) -> None:
    async with seated(calling(provider)) as seat:
        await seat.speak(0)
        ended = await seat.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, reply(0))
        calls = [call.call_id for call in seat.of(ToolCall)]
        assert len(set(calls)) == 2
        assert [result.call_id for result in seat.of(ToolResult)] == calls
        server = seat.server
        assert isinstance(server, Calling)
        assert [item.get("call_id") for item in server.results] == (
            calls if server.call_ids else [None, None]
        )
        assert server.asked == 1
        assert len(seat.of(TurnEnded)) == 1
        assert seat.of(Failure) == []


@pytest.mark.parametrize("provider", TALKS)
async def test_two_calls_of_a_typed_turn_are_both_answered_and_one_reply_follows(provider: str) -> None:
    async with seated(calling(provider), InputMode.TEXT) as seat:
        await seat.session.send_message("u1-1")
        ended = await seat.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "r1w1 r1w2 r1w3 r1w4")
        server = seat.server
        assert isinstance(server, Calling)
        assert (len(server.results), server.asked) == (2, 2)
        assert seat.of(Failure) == []
