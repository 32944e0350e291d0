"""A real ``neko serve`` for the official libraries: its ears and voice, and a brain that the test writes.

The brain is a chat server on loopback, so that what is said back is known, and a story can be left
unfinished for as long as somebody wants to interrupt it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from neko_cli.local.ports import VOICE_RATE
from tests.cli.running import clean, start
from tests.fakes.certificates import Papers, make_papers
from tests.fakes.http_box import HttpBox, Request, delta, http_box
from tests.local.real_parts import parts_of, said

TOKEN = "a-token-of-the-test"
QUESTION = "What time is it?"
STORY = "Once upon a time there was a cat that lived in a small house by the sea. It"
PATIENCE_S = 150

PROFILE = """
extends = "default"

[local]
brain = "{brain}"
brain_model = "talker"
vocabulary = ["What time is it?", "Open the front door", "Tell me a story", "Cancel the alarm"]
"""


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        port: where it listens.
        papers: its certificate, when it speaks TLS.
        folder: where the client finds ``question-16000.pcm`` and ``question-24000.pcm``.
        brain: what was asked of the brain.
    """

    port: int
    papers: Papers | None
    folder: Path
    brain: HttpBox

    def ask(self, python: str, script: Path, *arguments: str, env: dict[str, str]) -> dict[str, Any]:
        """Run a client in the libraries' own interpreter; returns its report."""
        done = subprocess.run(
            [python, str(script), str(self.port), TOKEN, str(self.folder), *arguments],
            env={**env, **({"SSL_CERT_FILE": str(self.papers.authority)} if self.papers else {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report


@contextmanager
def serve(folder: Path, *, tls: bool = False, limit_s: float | None = None) -> Iterator[Served]:
    """Run ``neko serve`` in a folder of its own; it must end cleanly."""
    papers = make_papers(folder / "tls") if tls else None
    arguments = ["serve", "--port", "0", "--json", "--quiet", "--profile", str(folder / "test.toml")]
    if papers is not None:
        arguments += ["--tls-cert", str(papers.certificate), "--tls-key", str(papers.key)]
    if limit_s is not None:
        arguments += ["--session-limit", str(limit_s), "--insecure-test"]
    with http_box() as brain:
        brain.script["/v1/chat/completions"] = partial(answer, brain)
        (folder / "test.toml").write_text(PROFILE.format(brain=brain.url))
        process = start(arguments, home=folder / "home", env={"NEKO_TOKEN": TOKEN})
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate(timeout=5)
            yield Served(json.loads(line)["port"], papers, folder, brain)
        finally:
            brain.released.set()
            process.terminate()
            out, errors = process.communicate(timeout=20)
        clean(subprocess.CompletedProcess([], process.returncode, out, errors))
        assert process.returncode == 0


def speak_question(folder: Path) -> None:
    """Have the engine's own voice speak the question, for clients to play."""
    sound = np.frombuffer(asyncio.run(_spoken(folder)), dtype="<i2")
    for rate in (16_000, VOICE_RATE):
        pcm = soxr.resample(sound, VOICE_RATE, rate)
        (folder / f"question-{rate}.pcm").write_bytes(pcm.astype("<i2").tobytes())


async def _spoken(folder: Path) -> bytes:
    async with parts_of(folder) as parts:
        return await said(parts, QUESTION)


def answer(brain: HttpBox, request: Request) -> None:
    """What the brain says: by the newest message, and by what came before."""
    asked = request.json
    messages = asked["messages"]
    last = messages[-1]
    text = words_of(last).lower().rpartition("\n")[2]  # what nobody answered stands before it
    if last["role"] == "tool":
        reply(request, f"The tool says {last['content']}")
    elif any(part.get("type") == "image_url" for part in parts_of_message(last)):
        reply(request, "I see a picture.")
    elif "story" in text:
        request.events(delta(STORY), done=False)
        brain.released.wait(PATIENCE_S)  # the story goes on until somebody interrupts it
    elif "how many" in text:
        count = sum(len(words_of(m).splitlines()) for m in messages if m["role"] == "user")
        reply(request, f"You said {count} things.")
    elif "who are you" in text:
        reply(request, messages[0]["content"] if messages[0]["role"] == "system" else "Nobody.")
    elif "time" in text and asked.get("tools"):
        call = {"index": 0, "id": "call_1", "function": {"name": "clock", "arguments": '{"zone": "utc"}'}}
        request.events(delta(tool_calls=[call], finish="tool_calls"))
    elif "time" in text:
        reply(request, "It is noon.")
    else:
        reply(request, "Hello there.")


def reply(request: Request, text: str) -> None:
    """Say something and stop."""
    usage = {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 10}}
    request.events(delta(text), delta(finish="stop"), usage)


def parts_of_message(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a message's content."""
    content = message.get("content") or ""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def words_of(message: dict[str, Any]) -> str:
    """The words of a message."""
    return "\n".join(part["text"] for part in parts_of_message(message) if part["type"] == "text")
