"""The golden conversations are what the providers' own libraries expect of their servers.

What a document has and the library has not is listed here, one by one.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.core.codecs import golden
from tests.sdk import dashscope_events
from tests.sdk.test_codec_frames import look_at

pytestmark = pytest.mark.sdk

SERVERS = {"openai_ga": "realtime", "azure": "realtime", "azure_preview": "beta", "openai_live": "live"}

NEWER = {
    # Made up, to be passed over.
    "response.something.new: ()": {"openai_ga", "azure", "azure_preview"},
    "session.something.new: ()": {"openai_live"},
    # The reference shows it, to keep the length of words from being guessed.
    "response.output_audio_transcript.delta: unknown key .obfuscation": {"openai_ga", "azure"},
    "input_audio_buffer.dtmf_event_received: unknown key .event_id": {"openai_ga"},
    # Azure sends states of a transcript under the name of its end.
    "conversation.item.input_audio_transcription.completed: unknown key .status": {"azure"},
    # The library types the session as what a client may send.
    "session.created: unknown key .session.object": {"azure_preview"},
    "session.created: unknown key .session.expires_at": {"azure_preview"},
    "session.updated: unknown key .session.object": {"azure_preview"},
    "session.updated: unknown key .session.expires_at": {"azure_preview"},
    # Not there yet in the preview that Azure kept.
    "conversation.item.input_audio_transcription.completed: ('usage')": {"azure_preview"},
    # The guide says that it may be null.
    "error: ('error', 'code')": {"openai_live"},
}


def events(folder: str) -> list[str]:
    """What a server sends in the conversations of a folder, as far as it is JSON."""
    lines = [line for name in golden.names(folder) for line in golden.read(name, folder)]
    found = [golden.frame_of(line["server"]) for line in lines if isinstance(line.get("server"), dict)]
    return [frame for frame in found if "type" in json.loads(frame)]


@pytest.mark.parametrize("folder", SERVERS)
def test_every_event_fits_the_librarys_types(folder: str) -> None:
    frames = events(folder)
    assert len(frames) > 80
    found = look_at(frames, f"from {SERVERS[folder]}")
    assert found.code == 1, found.output[-2000:]
    told = [line.partition(": ")[2] for line in found.output.splitlines()]
    known = {entry for entry, folders in NEWER.items() if folder in folders}
    assert {shortened(problem) for problem in told} == known


def shortened(problem: str) -> str:
    """A problem without the words of the library; its place without what names the kind of event."""
    found = re.match(r"([a-z_.]+): \((.*?)\): ", problem)
    if found is None:
        return problem
    place = [part.strip() for part in found[2].split(",") if part.strip()]
    return f"{found[1]}: ({', '.join(place[1:])})"


def test_every_event_of_qwen_is_one_that_its_documents_have() -> None:
    """What an answer leaves out is no matter: users of the service have seen it do so."""
    strange = {
        problem
        for event in map(json.loads, events("qwen"))
        for problem in dashscope_events.problems(event)
        if "unknown" in problem
    }
    assert strange == {
        "unknown event 'response.something.new'",  # made up, to be passed over
        # In the documents, and nothing that our own server sends, which the table is there for.
        "unknown event 'conversation.item.input_audio_transcription.delta'",
        # Seen by users of the service.
        "response.done.response: unknown key status_details",
        "response.function_call_arguments.delta: unknown key name",
    }
