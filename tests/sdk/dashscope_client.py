"""Holds conversations with a running engine through the official DashScope SDK.

Runs under the SDK's own interpreter: ``dashscope_client.py PORT TOKEN FOLDER SCENARIO…``. Prints one
JSON object: for each scenario what it found out, and what was wrong with any event.
"""

from __future__ import annotations

import base64
import json
import queue
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashscope.audio.qwen_omni import MultiModality, OmniRealtimeCallback, OmniRealtimeConversation
from dashscope_events import problems

TIMEOUT_S = 20
CHUNK = 3200
WRITTEN = [MultiModality.TEXT]
ALOUD = [MultiModality.TEXT, MultiModality.AUDIO]
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
    },
}

Facts = dict[str, Any]


class Callback(OmniRealtimeCallback):
    """Takes what the library's thread delivers."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.closed: queue.Queue[Any] = queue.Queue()

    def on_event(self, message: Any) -> None:
        """Validate an event and hand it on."""
        self.report.take(message)
        self.events.put(message)

    def on_close(self, close_status_code: Any, close_msg: Any) -> None:
        """The connection is over."""
        self.closed.put(close_status_code)


class Report:
    """What was found out, and what was wrong."""

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}
        self.problems: list[str] = []
        self.kinds: set[str] = set()

    def take(self, event: dict[str, Any]) -> None:
        """Validate one event."""
        self.kinds.add(str(event.get("type")))
        self.problems += problems(event)


class Talk:
    """One session."""

    def __init__(self, url: str, token: str, report: Report) -> None:
        self.callback = Callback(report)
        self.session = OmniRealtimeConversation(
            model="qwen3.5-omni-flash-realtime", callback=self.callback, url=url, api_key=token
        )
        self.session.connect()
        self.created = self.until("session.created")["session"]

    def until(self, kind: str, each: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
        """Read up to an event of a type."""
        while True:
            event = self.callback.events.get(timeout=TIMEOUT_S)
            each(event)
            if event["type"] == kind:
                return event
            if event["type"] == "error" and kind != "error":
                raise AssertionError(event)

    def say(self, text: str) -> None:
        """A turn of the user's, in writing."""
        content = [{"type": "input_text", "text": text}]
        self.session.create_item({"type": "message", "role": "user", "content": content})
        self.session.create_response()

    def speak(self, sound: bytes) -> None:
        """Sound as it is recorded."""
        for at in range(0, len(sound), CHUNK):
            self.session.append_audio(base64.b64encode(sound[at : at + CHUNK]).decode())

    def hear(self) -> Facts:
        """A reply."""
        facts: Facts = {"ms": 0, "heard": ""}

        def take(event: dict[str, Any]) -> None:
            if event["type"] == "response.audio.delta":
                facts["ms"] += len(base64.b64decode(event["delta"])) // 48
            elif event["type"].endswith("transcription.completed"):
                facts["heard"] += event["transcript"]

        response = self.until("response.done", take)["response"]
        contents = [part for item in response["output"] for part in item.get("content", ())]
        words = "".join(part.get("text", part.get("transcript", "")) for part in contents)
        usage = response["usage"]
        return {**facts, "words": words, "status": response["status"], "tokens": usage["total_tokens"]}

    def finish(self) -> Any:
        """End the session as the library does; returns the server's close code.

        The library tells ``on_close`` only when its poll of 10 s is over, so it is not waited for.
        """
        self.session.end_session(timeout=TIMEOUT_S)
        self.session.close()
        frame = self.session.ws.last_close_frame
        if frame is None:  # the library's own thread has read it, and told at once
            return self.callback.closed.get(timeout=TIMEOUT_S)
        return int.from_bytes(frame.data[:2], "big")


class Runner:
    """Connects, and holds one conversation for each scenario."""

    def __init__(self, port: str, token: str, folder: Path) -> None:
        self.report = Report()
        self.url = f"ws://127.0.0.1:{port}/api-ws/v1/realtime"
        self.token = token
        self.sound = (folder / "question-16000.pcm").read_bytes()
        self.picture = (folder / "picture.jpeg").read_bytes()

    def connect(self) -> Talk:
        """A session."""
        return Talk(self.url, self.token, self.report)

    def text_turn(self) -> Facts:
        """A typed turn, answered in writing, and a clean end."""
        talk = self.connect()
        talk.session.update_session(WRITTEN, enable_turn_detection=False, instructions="I am Mio.")
        updated = talk.until("session.updated")["session"]
        talk.say("hello")
        facts = talk.hear()
        same = talk.session.get_session_id() == talk.created["id"]
        last = talk.session.get_last_response_id().startswith("resp_")
        return {
            **facts,
            "model": updated["model"],
            "turns": updated["turn_detection"],
            "known": [same, last],
            "closed": talk.finish(),
        }

    def detected_turn(self) -> Facts:
        """A spoken turn whose end the server finds."""
        talk = self.connect()
        talk.session.update_session(ALOUD, voice="Cherry", turn_detection_silence_duration_ms=500)
        talk.until("session.updated")
        talk.speak(self.sound + bytes(32_000))
        facts = talk.hear()
        talk.finish()
        return facts

    def manual_turn(self) -> Facts:
        """A spoken turn that the client ends."""
        talk = self.connect()
        talk.session.update_session(ALOUD, enable_turn_detection=False)
        talk.until("session.updated")
        talk.speak(self.sound)
        talk.session.clear_appended_audio()
        talk.until("input_audio_buffer.cleared")
        talk.speak(self.sound)
        talk.session.commit()
        talk.until("input_audio_buffer.committed")
        talk.session.create_response(output_modalities=ALOUD)
        facts = talk.hear()
        talk.finish()
        return facts

    def interrupted_turn(self) -> Facts:
        """The user speaks while the reply is being spoken; then the client cancels one itself."""
        talk = self.connect()
        talk.session.update_session(ALOUD, turn_detection_silence_duration_ms=500)
        talk.until("session.updated")
        talk.say("tell me a story")
        talk.until("response.audio.delta")
        talk.speak(self.sound + bytes(32_000))
        cut = talk.hear()
        after = talk.hear()
        talk.say("tell me a story")
        talk.until("response.audio.delta")
        talk.session.cancel_response()
        item = talk.until("response.output_item.done")["item"]
        talk.session.cancel_response()
        error = talk.until("error")["error"]
        talk.session.close()
        return {
            "status": cut["status"],
            "after": after["words"],
            "item": item["status"],
            "error": error["message"],
        }

    def tool_turn(self) -> Facts:
        """The model asks for a function; its answer is told."""
        talk = self.connect()
        talk.session.update_session(WRITTEN, enable_turn_detection=False, tools=[CLOCK])
        talk.until("session.updated")
        talk.say("what time is it?")
        call = talk.until("response.function_call_arguments.done")
        talk.until("response.done")
        talk.session.create_item(
            {"type": "function_call_output", "call_id": call["call_id"], "output": "noon"}
        )
        talk.session.create_response()
        facts = talk.hear()
        talk.finish()
        return {**facts, "call": [call["name"], call["arguments"]]}

    def image_turn(self) -> Facts:
        """A frame of video with the sound that it belongs to."""
        talk = self.connect()
        talk.session.update_session(WRITTEN, enable_turn_detection=False)
        talk.until("session.updated")
        talk.session.append_video(base64.b64encode(self.picture).decode())
        error = talk.until("error")["error"]["message"]
        talk.speak(bytes(6400))
        talk.session.append_video(base64.b64encode(self.picture).decode())
        talk.session.commit()
        talk.session.create_response()
        facts = talk.hear()
        talk.finish()
        return {**facts, "error": error}


def main() -> None:
    """Run the scenarios named on the command line."""
    port, token, folder, *names = sys.argv[1:]
    runner = Runner(port, token, Path(folder))
    for name in names:
        try:
            runner.report.facts[name] = getattr(runner, name)()
        except Exception:
            runner.report.facts[name] = {"failure": traceback.format_exc()[-2000:]}
    report = runner.report
    print(json.dumps({"facts": report.facts, "problems": report.problems, "kinds": sorted(report.kinds)}))


if __name__ == "__main__":
    main()
