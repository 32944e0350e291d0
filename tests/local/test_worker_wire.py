"""Frames between the engine and its workers."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import Category, ConfigError, RateLimited, ServerFault
from neko_cli.local.ports import Hearing, Recognised, Speech
from neko_cli.local.worker_wire import (
    HEADER,
    MAX_FRAME,
    Chunk,
    Done,
    Fault,
    Heard,
    Listen,
    More,
    Ready,
    Say,
    Setup,
    Stop,
    WireError,
    body_length,
    decode_from_worker,
    decode_to_worker,
    encode,
    error_of,
    fault_of,
    read_message,
)

TO_WORKER = [
    Setup("pocketsphinx", "models", Hearing("en", ("yes", "no"))),
    Listen(7, b"\x00\xff" * 100, Hearing("de", (), "public <a> = b;")),
    Say(8, "Hello, 世界", Speech("en-us+f3", "en", 1.25), 8),
    More(8, 4),
    Stop(8),
]
FROM_WORKER = [
    Ready(12.5),
    Heard(7, Recognised("yes", 0.75, (("yes", 0.5),))),
    Chunk(8, b"\x01\x02"),
    Done(8),
    Fault(0, Category.CONFIG, "No.", "Do."),
]


def test_messages_survive_the_pipe_one_after_the_other() -> None:
    pipe = io.BytesIO(b"".join(encode(message) for message in TO_WORKER))
    assert [read_message(pipe) for _ in TO_WORKER] == TO_WORKER
    assert read_message(pipe) is None


def test_answers_survive_the_pipe() -> None:
    for message in FROM_WORKER:
        frame = encode(message)
        assert body_length(frame[: HEADER.size]) == len(frame) - HEADER.size
        assert decode_from_worker(frame[HEADER.size :]) == message


@pytest.mark.parametrize("cut", [1, 3, 5, 20])
def test_a_frame_that_is_cut_off_is_the_end(cut: int) -> None:
    assert read_message(io.BytesIO(encode(TO_WORKER[1])[:cut])) is None


def test_a_length_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    with pytest.raises(WireError):
        read_message(io.BytesIO(HEADER.pack(MAX_FRAME + 1)))
    with pytest.raises(WireError):
        encode(Chunk(1, bytes(MAX_FRAME)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_garbage_is_a_wire_error_and_nothing_else(body: bytes) -> None:
    for decode in (decode_to_worker, decode_from_worker):
        try:
            decode(body)
        except WireError:
            continue


def test_errors_keep_what_the_user_can_do() -> None:
    config = error_of(fault_of(1, ConfigError("No model.", hint="Install it.")))
    assert isinstance(config, ConfigError)
    assert str(config) == "No model. Install it."
    assert isinstance(error_of(fault_of(1, ServerFault("It broke."))), ServerFault)
    assert isinstance(error_of(fault_of(1, RateLimited("Later."))), ServerFault)
