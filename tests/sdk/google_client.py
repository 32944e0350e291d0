"""Holds conversations with a running engine through Google's official Gen AI SDK.

Runs under the SDK's own interpreter: ``google_client.py PORT TOKEN FOLDER FLAVOUR SCENARIO…`` with
``developer`` or ``vertex`` as the flavour. Prints one JSON object: for each scenario what it found
out, and what was wrong with any message.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from google_types import problems

TIMEOUT_S = 20
CHUNK = 3200
RATE = 16_000

ALOUD = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}},
}
WRITTEN = {"response_modalities": ["TEXT"]}
CLOCK = {
    "name": "clock",
    "description": "Tells the time.",
    "parameters": {"type": "OBJECT", "properties": {"zone": {"type": "STRING"}}},
}

Facts = dict[str, Any]


class Talk:
    """One session, every message of which is validated as it comes over the wire."""

    def __init__(self, session: Any, report: Report) -> None:
        self.session = session
        self.report = report
        self.socket = session._ws
        self._recv = self.socket.recv
        self.socket.recv = self._watched

    async def _watched(self, **options: Any) -> bytes:
        frame: bytes = await self._recv(**options)
        self.report.take(json.loads(frame))
        return frame

    async def say(self, text: str) -> None:
        """A turn of the user's, in writing."""
        turn = types.Content(role="user", parts=[types.Part(text=text)])
        await self.session.send_client_content(turns=turn)

    async def speak(self, sound: bytes) -> None:
        """Sound as it is recorded, and a second of silence."""
        for at in range(0, len(sound), CHUNK):
            blob = types.Blob(data=sound[at : at + CHUNK], mime_type=f"audio/pcm;rate={RATE}")
            await self.session.send_realtime_input(audio=blob)
        await self.session.send_realtime_input(
            audio=types.Blob(data=bytes(2 * RATE), mime_type=f"audio/pcm;rate={RATE}")
        )

    async def hear(self) -> Facts:
        """The model's turn."""
        facts: Facts = {"text": "", "words": "", "heard": "", "ms": 0, "order": []}
        async with asyncio.timeout(TIMEOUT_S):
            async for message in self.session.receive():
                content = message.server_content
                if message.usage_metadata is not None:
                    facts["tokens"] = message.usage_metadata.total_token_count
                if content is None:
                    continue
                facts["order"] += [
                    name
                    for name in ("interrupted", "generation_complete", "turn_complete")
                    if getattr(content, name)
                ]
                if content.input_transcription is not None:
                    facts["heard"] += content.input_transcription.text
                if content.output_transcription is not None:
                    facts["words"] += content.output_transcription.text
                for part in content.model_turn.parts if content.model_turn else ():
                    facts["text"] += part.text or ""
                    facts["ms"] += len(part.inline_data.data) // 48 if part.inline_data else 0
        return facts

    async def until_sound(self) -> None:
        """Wait until the model speaks."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                message = await self.session._receive()
                if message.server_content and message.server_content.model_turn:
                    return


class Report:
    """What was found out, and what was wrong."""

    def __init__(self, *, vertex: bool) -> None:
        self.vertex = vertex
        self.facts: dict[str, Facts] = {}
        self.problems: list[str] = []
        self.messages = 0

    def take(self, raw: dict[str, Any]) -> None:
        """Validate one message."""
        self.messages += 1
        self.problems += problems(raw, vertex=self.vertex)


class Runner:
    """Connects, and holds one conversation for each scenario."""

    def __init__(self, port: str, token: str, folder: Path, flavour: str) -> None:
        self.vertex = flavour == "vertex"
        self.report = Report(vertex=self.vertex)
        self.sound = (folder / f"question-{RATE}.pcm").read_bytes()
        self.picture = (folder / "picture.png").read_bytes()
        self.client = self._client(f"https://127.0.0.1:{port}", token)

    def _client(self, url: str, token: str, version: str | None = None) -> Any:
        options = types.HttpOptions(base_url=url, api_version=version)
        if self.vertex:
            credentials = Credentials(token=token)  # type: ignore[no-untyped-call]
            return genai.Client(
                vertexai=True, project="p", location="l", credentials=credentials, http_options=options
            )
        return genai.Client(api_key=token, http_options=options)

    @asynccontextmanager
    async def connect(self, client: Any = None, **config: Any) -> AsyncIterator[Talk]:
        """A session."""
        live = (client or self.client).aio.live
        async with live.connect(model="test-model", config=types.LiveConnectConfig(**config)) as session:
            yield Talk(session, self.report)

    async def text_turn(self) -> Facts:
        """A typed turn, answered in writing; then one more over the deprecated ``send``."""
        async with self.connect(**WRITTEN) as talk:
            session_id = talk.session.session_id
            await talk.say("hello")
            facts = await talk.hear()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                await talk.session.send(input="how many things did I say?", end_of_turn=True)
            second = await talk.hear()
        return {**facts, "second": second["text"], "id": session_id, "closed": talk.socket.close_code}

    async def versions(self) -> Facts:
        """The same at every version of the interface."""
        names = ("v1", "v1beta1") if self.vertex else ("v1", "v1alpha", "v1beta")
        found = {}
        for name in names:
            url = self.client._api_client._http_options.base_url
            token = self.client._api_client.api_key or self.client._api_client._credentials.token
            async with self.connect(self._client(url, token, name), **WRITTEN) as talk:
                await talk.session.send_realtime_input(text="hello")
                found[name] = (await talk.hear())["text"]
        return found

    async def detected_turn(self) -> Facts:
        """A spoken turn whose end the server finds."""
        async with self.connect(**ALOUD) as talk:
            await talk.speak(self.sound)
            return await talk.hear()

    async def manual_turn(self) -> Facts:
        """A spoken turn between the client's own marks."""
        detection = {"automatic_activity_detection": {"disabled": True}}
        async with self.connect(**ALOUD, realtime_input_config=detection) as talk:
            await talk.session.send_realtime_input(activity_start=types.ActivityStart())
            await talk.speak(self.sound)
            await talk.session.send_realtime_input(activity_end=types.ActivityEnd())
            return await talk.hear()

    async def stream_end(self) -> Facts:
        """A spoken turn that ends because the microphone is switched off, sent the old way."""
        async with self.connect(**ALOUD) as talk:
            blob = types.Blob(data=self.sound, mime_type=f"audio/pcm;rate={RATE}")
            await talk.session.send_realtime_input(media=blob)
            await talk.session.send_realtime_input(audio_stream_end=True)
            return await talk.hear()

    async def interrupted_turn(self) -> Facts:
        """The user speaks while the reply is being spoken."""
        async with self.connect(**ALOUD) as talk:
            await talk.say("tell me a story")
            await talk.until_sound()
            await talk.speak(self.sound)
            cut = await talk.hear()
            after = await talk.hear()
        return {"order": cut["order"], "after": after["words"], "heard": cut["heard"] + after["heard"]}

    async def tool_turn(self) -> Facts:
        """The model asks for a function; its answer is told."""
        async with self.connect(**WRITTEN, tools=[{"function_declarations": [CLOCK]}]) as talk:
            await talk.say("what time is it?")
            async with asyncio.timeout(TIMEOUT_S):
                while (message := await talk.session._receive()).tool_call is None:
                    pass
            (call,) = message.tool_call.function_calls
            response = types.FunctionResponse(id=call.id, name=call.name, response={"output": "noon"})
            await talk.session.send_tool_response(function_responses=response)
            facts = await talk.hear()
        return {**facts, "call": [call.name, call.args]}

    async def image_turn(self) -> Facts:
        """A frame of video, then a picture as content."""
        async with self.connect(**WRITTEN) as talk:
            video = types.Blob(data=self.picture, mime_type="image/png")
            await talk.session.send_realtime_input(video=video)
            await talk.session.send_realtime_input(text="what is this?")
            first = await talk.hear()
            part = types.Part.from_bytes(data=self.picture, mime_type="image/png")
            await talk.session.send_client_content(turns=types.Content(role="user", parts=[part]))
            second = await talk.hear()
        return {"texts": [first["text"], second["text"]]}

    async def context_update(self) -> Facts:
        """Other instructions in the middle of the session."""
        async with self.connect(**WRITTEN, system_instruction="I am Mio.") as talk:
            await talk.say("who are you?")
            first = await talk.hear()
            await talk.session.send_context_update(system_instruction="I am Leo.")
            await talk.say("who are you?")
            second = await talk.hear()
        return {"texts": [first["text"], second["text"]]}

    async def resumption(self) -> Facts:
        """A session goes on over another connection, and is not given away while it is held."""
        async with self.connect(**WRITTEN, session_resumption=types.SessionResumptionConfig()) as talk:
            await talk.say("hello")
            await talk.hear()
            handle = await self._handle(talk)
            refused = await self._refused(handle)
        unknown = await self._refused("x" * 43)
        config = types.SessionResumptionConfig(handle=handle)
        async with self.connect(**WRITTEN, session_resumption=config) as talk:
            await talk.say("how many things did I say?")
            facts = await talk.hear()
        return {"text": facts["text"], "refused": refused, "unknown": unknown}

    async def _handle(self, talk: Talk) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                update = (await talk.session._receive()).session_resumption_update
                if update is not None and update.resumable:
                    return str(update.new_handle)

    async def _refused(self, handle: str) -> list[Any]:
        config = types.SessionResumptionConfig(handle=handle)
        try:
            async with self.connect(**WRITTEN, session_resumption=config) as talk:
                await talk.session._receive()
        except errors.APIError as error:
            return [error.code, str(error)]
        return []

    async def limit(self) -> Facts:
        """The server tells the client to go, and closes."""
        async with self.connect(**WRITTEN) as talk:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    while (message := await talk.session._receive()).go_away is None:
                        pass
                    await talk.session._receive()
            except errors.APIError as error:
                return {"left": message.go_away.time_left, "code": error.code}
        return {}

    async def malformed(self) -> Facts:
        """Something that is no message."""
        async with self.connect(**WRITTEN) as talk:
            await talk.socket.send('{"nonsense": 1}')
            try:
                await talk.session._receive()
            except errors.APIError as error:
                return {"code": error.code, "words": str(error)}
        return {}


async def run(runner: Runner, names: list[str]) -> None:
    """Hold one conversation after the other."""
    for name in names:
        try:
            runner.report.facts[name] = await getattr(runner, name)()
        except Exception:
            runner.report.facts[name] = {"error": traceback.format_exc()[-2000:]}


def main() -> None:
    """Run the scenarios named on the command line."""
    port, token, folder, flavour, *names = sys.argv[1:]
    runner = Runner(port, token, Path(folder), flavour)
    asyncio.run(run(runner, names))
    report = runner.report
    print(json.dumps({"facts": report.facts, "problems": report.problems, "messages": report.messages}))


if __name__ == "__main__":
    main()
