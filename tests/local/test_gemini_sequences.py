"""Whatever a client of the Gemini wire does that it may do, what it gets is made of whole turns."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.ports import AskedTool, Prompt, SaidText
from tests.local.engine_loop import EngineLoop
from tests.local.gemini_client import GeminiClient, has
from tests.local.parts import quiet, tone

TOOLS = [
    {"functionDeclarations": [{"name": "wait"}, {"name": "beside", "behavior": "NON_BLOCKING"}]},
]
UTTERANCE = quiet(200) + tone(300) + quiet(700)

ACTIONS = (
    "say hello", "say call wait", "say call beside", "say on and on", "type hello", "type call wait", "add",
    "cut", "speak", "begin speech", "end stream", "answer", "answer silently", "answer urgently", "read",
)  # fmt: skip


class Grammar:
    """Reads server messages one by one, and complains of what cannot follow."""

    def __init__(self) -> None:
        self.open_calls: set[str] = set()
        self.said: list[str] = []
        """How the present turn was said to end, so far."""

    def take(self, message: dict[str, Any]) -> None:
        """One message."""
        for name, body in message.items():
            match name:
                case "toolCall":
                    assert not self.said
                    ids = {call["id"] for call in body["functionCalls"]}
                    assert not ids & self.open_calls
                    self.open_calls |= ids
                case "toolCallCancellation":
                    assert set(body["ids"]) <= self.open_calls
                    self.open_calls -= set(body["ids"])
                case "serverContent":
                    self._content(*body)
                case _:
                    assert name in ("usageMetadata", "setupComplete", "sessionResumptionUpdate")

    def _content(self, kind: str) -> None:
        match kind:
            case "modelTurn" | "outputTranscription" | "generationComplete":
                assert not self.said, f"{kind} after the turn was said to be {self.said}"
                self.said += [kind] if kind == "generationComplete" else []
            case "interrupted":
                assert kind not in self.said
                self.said.append(kind)
            case "turnComplete":
                assert self.said, "a turn is complete that was neither generated nor interrupted"
                self.said = []
            case _:
                assert kind == "inputTranscription"


class Loop(EngineLoop):
    """With a brain that calls functions and talks for long, and quick voices."""

    heard = "spoken words"

    async def start(self) -> None:
        self.parts.voice.ms_per_char = 1
        self.numbers = itertools.count()
        await super().start()

    async def reply(self, prompt: Prompt) -> AsyncIterator[Any]:
        words = prompt.lines[-1].text if prompt.lines else ""
        if words.startswith("call"):
            yield AskedTool(words.removeprefix("call "), "{}", f"call_{next(self.numbers)}")
        elif words == "on and on":
            for _ in range(10_000):
                yield SaidText("on and ")
                await asyncio.sleep(0.001)
        else:
            yield SaidText("Yes.")


@pytest.fixture(scope="module")
def running() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


class Conversation:
    """A client that does what it is told, and checks what it gets."""

    def __init__(self, client: GeminiClient) -> None:
        self.client = client
        self.grammar = Grammar()
        self.read = 0

    async def do(self, action: str) -> None:
        """One action."""
        verb, _, words = action.partition(" ")
        match verb:
            case "say":
                await self.client.say(words)
            case "type":
                await self.client.send(realtimeInput={"text": words})
            case "add":
                await self.client.say("by the way", complete=False)
            case "cut":
                await self.client.send(clientContent={})
            case "speak":
                await self.client.speak(UTTERANCE)
            case "begin":
                await self.client.speak(tone(300))
            case "end":
                await self.client.send(realtimeInput={"audioStreamEnd": True})
            case "answer":
                await self._answer({"silently": "SILENT", "urgently": "INTERRUPT"}.get(words, "WHEN_IDLE"))
            case "read":
                await self._catch_up()

    async def _answer(self, scheduling: str) -> None:
        await self._catch_up()
        if self.grammar.open_calls:
            call_id = self.grammar.open_calls.pop()
            response = {"id": call_id, "name": "x", "response": {}, "scheduling": scheduling}
            await self.client.send(toolResponse={"functionResponses": [response]})

    async def _catch_up(self) -> None:
        """Read everything that is due: a content that changes nothing comes back as a handle."""
        await self.client.say("mark", complete=False)
        await self.client.until("sessionResumptionUpdate", "newHandle")
        self._check()

    async def finish(self) -> None:
        """Every reply that is under way is cut, and one more turn is whole."""
        await self.client.send(realtimeInput={"audioStreamEnd": True})
        await self._catch_up()
        await self.client.say("the end")
        while not any(has(m, "serverContent", "generationComplete") for m in self.client.seen[self.read :]):
            await self.client.next()
        await self.client.until("serverContent", "turnComplete")
        self._check()
        assert self.grammar.said == []

    def _check(self) -> None:
        for message in self.client.seen[self.read :]:
            self.grammar.take(message)
        self.read = len(self.client.seen)


@given(st.lists(st.sampled_from(ACTIONS), max_size=8), st.sampled_from(["TEXT", "AUDIO"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_a_client_gets_is_made_of_whole_turns(
    running: Loop, actions: list[str], modality: str, interrupts: bool
) -> None:
    async def scenario() -> None:
        handling = "START_OF_ACTIVITY_INTERRUPTS" if interrupts else "NO_INTERRUPTION"
        async with await GeminiClient.open(
            running.server,
            generationConfig={"responseModalities": [modality]},
            realtimeInputConfig={"activityHandling": handling},
            sessionResumption={},
            tools=TOOLS,
            inputAudioTranscription={},
        ) as client:
            conversation = Conversation(client)
            for action in actions:
                await conversation.do(action)
            await conversation.finish()

    running.loop.run_until_complete(scenario())
