"""What each provider's capabilities say is what its codec does: everything else relies on them alone."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from neko_cli.core.capabilities import Capabilities, Resume, ToolForm
from neko_cli.core.codecs import PROVIDERS, make_codec
from neko_cli.core.codecs.base import Codec, Detection, Frame, KeepsTime, SessionSpec, TakesLeave
from neko_cli.core.commands import (
    AnswerTool,
    AppendAudio,
    CancelReply,
    ChangeDetection,
    ClearAudio,
    CommitAudio,
    Reconfigure,
    SendImage,
    SendText,
    TellHistory,
    ToolSpec,
    TruncateReply,
)

EACH = pytest.mark.parametrize("name", PROVIDERS)

TOOL = ToolSpec("weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})

JPEG = b"\xff\xd8\xff"


def made(name: str, **spec: object) -> Codec:
    codec = make_codec(name, SessionSpec(**spec), key="k", url="ws://localhost:1")  # type: ignore[arg-type]
    if PROVIDERS[name].family == "chat":
        codec.decode(b'{"is":"open","models":["m"]}')
    codec.hello()
    return codec


def can(name: str) -> Capabilities:
    return made(name).capabilities


def text_of(frames: Sequence[Frame]) -> str:
    return "".join(frame if isinstance(frame, str) else frame.decode() for frame in frames)


@EACH
def test_sound_and_its_end(name: str) -> None:
    codec = made(name, detection=Detection.MANUAL)
    appended = codec.encode(AppendAudio(bytes(4800)))
    assert bool(appended) is can(name).audio_input
    committed = codec.encode(CommitAudio())
    # Where time goes on with the sound alone, its end is no word of its own.
    assert bool(committed) is (can(name).audio_input and not can(name).needs_sound)
    codec = made(name, detection=Detection.MANUAL)
    codec.encode(AppendAudio(bytes(4800)))
    unasked = codec.encode(CommitAudio(ask_reply=False))
    if committed:
        assert (text_of(unasked) == text_of(committed)) is can(name).commit_asks
    assert isinstance(codec, KeepsTime) is can(name).needs_sound


@EACH
def test_clearing_cancelling_and_truncating(name: str) -> None:
    codec = made(name)
    assert bool(codec.encode(ClearAudio())) is can(name).clear_input
    codec.encode(SendText("Hi"))
    assert bool(codec.encode(CancelReply())) is can(name).cancel
    assert bool(codec.encode(TruncateReply("item", 100))) is can(name).truncate


@EACH
def test_detection_and_instructions_change_in_mid_session(name: str) -> None:
    codec = made(name)
    changed = codec.encode(ChangeDetection(manual=True))
    by_frame = can(name).server_vad and can(name).mid_session_instructions and not can(name).needs_sound
    assert bool(changed) is by_frame
    told = codec.encode(Reconfigure("You are Leo."))
    if PROVIDERS[name].family == "chat":
        told = codec.encode(SendText("Who are you?"))  # the next request says it
    assert ("You are Leo." in text_of(told)) is can(name).mid_session_instructions


@EACH
def test_pictures(name: str) -> None:
    limits = can(name)
    assert set(limits.image_types) <= {"image/jpeg", "image/png"}
    for kind in ("image/jpeg", "image/png", "image/gif"):
        codec = made(name)
        codec.encode(AppendAudio(bytes(3200)))
        frames = [*codec.encode(SendImage(JPEG, kind)), *codec.encode(SendText("What is it?"))]
        assert ("/9j/" in text_of(frames)) is (limits.images and kind in limits.image_types), kind
    if limits.images and limits.image_limit is not None:
        codec = made(name)
        codec.encode(AppendAudio(bytes(3200)))
        assert codec.encode(SendImage(JPEG + bytes(limits.image_limit), "image/jpeg")) == []
        assert codec.encode(SendImage(bytes(limits.image_limit), "image/jpeg")) != []


@EACH
def test_tools_are_described_as_the_provider_wants_them(name: str) -> None:
    codec = make_codec(name, SessionSpec(tools=(TOOL,)), key="k", url="ws://localhost:1")
    codec.decode(b'{"is":"open","models":["m"]}')
    said = text_of([*codec.hello(), *codec.encode(SendText("Hi"))])
    flat = '{"type":"function","name":"weather"'
    nested = '{"type":"function","function":{"name":"weather"'
    declared = '"functionDeclarations":[{"name":"weather"'
    shown = {ToolForm.FLAT: flat, ToolForm.NESTED: nested, ToolForm.DECLARATIONS: declared}
    assert {form for form, start in shown.items() if start in said} == {codec.capabilities.tools}


CALLS = {
    "gemini": json.dumps(
        {"toolCall": {"functionCalls": [{"id": f"call_{n}", "name": "weather"} for n in (1, 2)]}}
    ),
}
ASKS = '"response.create"'


@EACH
def test_one_reply_is_asked_for_behind_all_results_unless_the_model_goes_on_by_itself(name: str) -> None:
    codec = made(name)
    family = PROVIDERS[name].family
    if family in CALLS:
        codec.decode(CALLS[family])
    if family == "chat":
        codec.encode(SendText("Hi"))
        calls = [{"index": n, "id": f"call_{n + 1}", "function": {"name": "w"}} for n in (0, 1)]
        codec.decode(json.dumps({"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "x"}]}))
        codec.decode(b'{"is":"ended"}')
    first = text_of(codec.encode(AnswerTool("call_1", "weather", '{"c":4}', continue_reply=False)))
    last = text_of(codec.encode(AnswerTool("call_2", "weather", '{"c":5}')))
    asks = ASKS if family != "chat" else '"messages"'
    assert asks not in first
    assert (asks in last) is not can(name).tools_continue


@EACH
def test_what_was_said_before_is_told_as_messages_or_in_the_instructions(name: str) -> None:
    codec = made(name)
    told = codec.encode(TellHistory("user", "I am Ann."))
    if PROVIDERS[name].family == "chat":
        told = codec.encode(SendText("Who am I?"))
    assert ("I am Ann." in text_of(told)) is can(name).seed_history
    fresh = make_codec(name, SessionSpec(recollection="I am Ann."), key="k", url="ws://localhost:1")
    assert ("I am Ann." in text_of(fresh.hello())) is not can(name).seed_history


@EACH
def test_a_session_is_gone_on_with_as_the_provider_does(name: str) -> None:
    handle = "handle-7"
    codec = make_codec(
        name,
        SessionSpec(resume_handle=handle, store=True),
        key="k",
        url=f"ws://localhost:1{PROVIDERS[name].path}",
    )
    where = {
        Resume.NONE: "",
        Resume.HANDLE: "hello",
        Resume.CONVERSATION: "query",
        Resume.FORK: "path",
    }[codec.capabilities.resume]
    path, _, query = codec.endpoint().url.partition("?")
    found = {"path": path, "query": query, "hello": text_of(codec.hello())}
    assert {place for place, text in found.items() if handle in text} == ({where} if where else set())
    assert isinstance(codec, TakesLeave) is (codec.capabilities.leave_within > 0)
