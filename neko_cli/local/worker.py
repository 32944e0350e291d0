"""The program of a worker process: ``python -m neko_cli.local.worker ears|voice``.

Recognition and synthesis run here because they hold the interpreter lock for seconds. Frames go over
the standard input and output. The output is moved to another descriptor first and descriptor 1 is
pointed at descriptor 2, so that a C library that prints cannot get between the frames. When the input
ends, the parent is gone, and so is the worker.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.local.ports import Recognised
from neko_cli.local.worker_wire import (
    WORKER_ID,
    FromWorker,
    Heard,
    Listen,
    More,
    Ready,
    Say,
    Setup,
    Stop,
    ToWorker,
    WireError,
    encode,
    fault_of,
    read_message,
)

log = logging.getLogger(__name__)

NICENESS = 5
"""Added to the priority, so that on two processor cores the sound path goes first."""

ROLES = ("ears", "voice")
REQUESTS_WAITING = 64
"""Requests that wait inside a worker; the parent sends far fewer."""

EXIT_PARENT_GONE, EXIT_USAGE, EXIT_WIRE, EXIT_SETUP = 0, 2, 3, 4


class _WithoutContent(logging.Formatter):
    """A traceback says where, but not the message: what a library raises may quote what was said."""

    def format(self, record: logging.LogRecord) -> str:
        from neko_cli.services.log import RedactingFormatter  # at the first trouble, not at every start

        return RedactingFormatter().format(record)


class Pipes:
    """Descriptors for frames, taken out of the way of everything that prints."""

    def __init__(self) -> None:
        self.source: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._sink = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def send(self, message: FromWorker) -> None:
        """Write one frame; the process ends when nobody reads any more."""
        data = memoryview(encode(message))
        try:
            while data:
                data = data[os.write(self._sink, data) :]
        except OSError:
            os._exit(EXIT_PARENT_GONE)


def read_forever(source: BinaryIO, take: Callable[[ToWorker], None]) -> None:
    """Hand over every message; ends the process with the input, whatever else is going on."""
    try:
        while (message := read_message(source)) is not None:
            take(message)
    except WireError:
        log.exception("unreadable frame")
        os._exit(EXIT_WIRE)
    os._exit(EXIT_PARENT_GONE)


def run_ears(setup: Setup, inbox: queue.Queue[ToWorker], pipes: Pipes, begun: float) -> None:
    """Load the recogniser, then answer one utterance after the other."""
    from neko_cli.speech.stt.base import Expected
    from neko_cli.speech.stt.factory import make_recogniser

    hearing = setup.hearing
    wanted = Expected(hearing.language, hearing.vocabulary, hearing.grammar)
    recogniser = make_recogniser(setup.name, Path(setup.models_dir), wanted)
    pipes.send(Ready((time.monotonic() - begun) * 1000.0))
    while True:
        message = inbox.get()
        if not isinstance(message, Listen):
            continue
        hearing = message.hearing
        expected = Expected(hearing.language, hearing.vocabulary, hearing.grammar)
        try:
            found = recogniser.recognise(message.pcm, expected)
            pipes.send(Heard(message.id, Recognised(found.text, found.confidence, found.words)))
        except NekoError as error:
            pipes.send(fault_of(message.id, error))
        except Exception:
            log.exception("recognition failed")
            pipes.send(fault_of(message.id, ServerFault("Speech recognition failed.")))


def run_voice(setup: Setup, inbox: queue.Queue[ToWorker], pipes: Pipes, begun: float) -> None:
    """Load the synthesiser, then speak what is asked for."""
    from neko_cli.core.pcm import Resampler
    from neko_cli.local.ports import VOICE_RATE
    from neko_cli.local.worker_speaking import SpeakingLoop
    from neko_cli.speech.tts.factory import make_engine

    engine = make_engine(setup.name, Path(setup.models_dir))
    Resampler(engine.rate, VOICE_RATE).push(bytes(64))  # loads numpy and soxr before the first text
    loop = SpeakingLoop(engine, pipes.send)

    def forward() -> None:
        while True:
            message = inbox.get()
            if isinstance(message, Say | More | Stop):
                loop.put(message)

    threading.Thread(target=forward, name="requests", daemon=True).start()
    pipes.send(Ready((time.monotonic() - begun) * 1000.0))
    loop.run()


def main(arguments: list[str]) -> int:
    """Run as one of ROLES until the input ends."""
    begun = time.monotonic()
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.stderr.write("usage: python -m neko_cli.local.worker ears|voice\n")
        return EXIT_USAGE
    pipes = Pipes()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutContent())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    inbox: queue.Queue[ToWorker] = queue.Queue(REQUESTS_WAITING)
    reader = threading.Thread(target=read_forever, args=(pipes.source, inbox.put), name="reader", daemon=True)
    reader.start()
    setup = inbox.get()
    if not isinstance(setup, Setup):
        return EXIT_WIRE
    try:
        (run_ears if arguments[0] == "ears" else run_voice)(setup, inbox, pipes, begun)
    except NekoError as error:
        pipes.send(fault_of(WORKER_ID, error))
        return EXIT_SETUP
    except Exception as error:
        log.exception("the worker cannot start")
        text = f"The {arguments[0]} cannot be loaded ({type(error).__name__})."
        pipes.send(fault_of(WORKER_ID, ServerFault(text)))
        return EXIT_SETUP
    return EXIT_PARENT_GONE


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # the reader may be inside a read, which an orderly exit would wait for
