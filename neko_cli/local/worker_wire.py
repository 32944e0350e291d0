"""What the engine and its worker processes say to each other: length-prefixed msgpack. Sans I/O.

A frame is four bytes of length (big endian) and a msgpack map with a ``type``. Requests carry an id
that counts up; what comes back carries the same id, 0 being the worker itself.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from neko_cli.core.errors import Category, ConfigError, NekoError, ServerFault
from neko_cli.local.ports import Hearing, Recognised, Speech

MAX_FRAME = 32 * 1024 * 1024
"""Bytes of one frame: a quarter of an hour of sound at 16 kHz, and room."""

HEADER = struct.Struct(">I")

WORKER_ID = 0
"""The id of what concerns the worker as a whole."""


class Setup(msgspec.Struct, frozen=True, tag="setup"):
    """First frame to a worker: which engine to load, and what it will probably be asked."""

    name: str
    models_dir: str
    hearing: Hearing = Hearing()


class Listen(msgspec.Struct, frozen=True, tag="listen"):
    """Recognise an utterance at EARS_RATE; answered by Heard or Fault."""

    id: int
    pcm: bytes
    hearing: Hearing


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Speak a text; answered by Chunks, then Done or Fault. ``credit``: chunks that may come at once."""

    id: int
    text: str
    speech: Speech
    credit: int


class More(msgspec.Struct, frozen=True, tag="more"):
    """So many chunks were taken; as many more may come."""

    id: int
    chunks: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Give up a Say or Listen. A Say is answered by Done at once."""

    id: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The engine is loaded; ``ms`` since the program began."""

    ms: float


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """The answer to Listen."""

    id: int
    result: Recognised


class Chunk(msgspec.Struct, frozen=True, tag="chunk"):
    """Speech at VOICE_RATE, at most 100 ms."""

    id: int
    pcm: bytes


class Done(msgspec.Struct, frozen=True, tag="done"):
    """A Say is finished, or was stopped."""

    id: int


class Fault(msgspec.Struct, frozen=True, tag="fault"):
    """A request failed, or with WORKER_ID the start; the worker itself goes on where it can."""

    id: int
    category: Category
    message: str
    hint: str = ""
    code: str = ""


ToWorker = Setup | Listen | Say | More | Stop
FromWorker = Ready | Heard | Chunk | Done | Fault

_encoder = msgspec.msgpack.Encoder()
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


class WireError(Exception):
    """Bytes that are no frame of ours; the process on the other side is not to be trusted further."""


def encode(message: ToWorker | FromWorker) -> bytes:
    """A frame with its header; raises WireError when it would be too long."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise WireError(f"a frame of {len(body)} bytes is too long")
    return HEADER.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Length of the body that follows a header; raises WireError."""
    (length,) = HEADER.unpack(header)
    if length > MAX_FRAME:
        raise WireError("a frame is too long")
    return int(length)


def decode_to_worker(body: bytes) -> ToWorker:
    """A message for the worker; raises WireError."""
    try:
        return _to_worker.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WireError("a frame cannot be understood") from error


def decode_from_worker(body: bytes) -> FromWorker:
    """A message of the worker; raises WireError."""
    try:
        return _from_worker.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WireError("a frame cannot be understood") from error


def read_message(pipe: BinaryIO) -> ToWorker | None:
    """The next message from a blocking pipe, None at its end; raises WireError."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = body_length(header)
    body = pipe.read(length)
    return decode_to_worker(body) if len(body) == length else None


def fault_of(request: int, error: NekoError) -> Fault:
    """The frame that tells an error of ours."""
    return Fault(request, error.category, error.message, error.hint, error.code)


def error_of(fault: Fault) -> NekoError:
    """The error that a frame tells: ConfigError where the user can do something, else ServerFault."""
    if fault.category is Category.CONFIG:
        return ConfigError(fault.message, hint=fault.hint, code=fault.code)
    return ServerFault(fault.message, hint=fault.hint, code=fault.code)
