"""How the voice worker shares one synthesiser among several texts that are spoken at once.

Each text is rendered piece by piece into chunks that wait until the other side has room (credit).
A text with enough chunks waiting lets the others render, so a client that reads slowly holds up
nobody. One thread renders and sends; another one reads and only marks what changed.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.core.pcm import Resampler, bytes_for
from neko_cli.local.ports import VOICE_RATE
from neko_cli.local.worker_wire import Chunk, Done, FromWorker, More, Say, Stop, fault_of
from neko_cli.speech.tts.base import Engine, Manner
from neko_cli.speech.tts.pieces import pieces_of

log = logging.getLogger(__name__)

CHUNK_MS = 100
WAITING_ENOUGH = 8
"""Chunks that wait for credit; with more than these the next piece is not rendered yet."""

Send = Callable[[FromWorker], None]


class _Utterance:
    """One text on its way."""

    def __init__(self, say: Say, rate: int) -> None:
        self.id = say.id
        self.manner = Manner(say.speech.voice, say.speech.language, say.speech.speed)
        self.pieces = deque(pieces_of(say.text))
        self.credit = say.credit
        self.chunks: deque[bytes] = deque()
        self.stopped = False
        self._resampler = Resampler(rate, VOICE_RATE)
        self._rest = b""

    @property
    def wants_rendering(self) -> bool:
        return bool(self.pieces) and not self.stopped and len(self.chunks) < WAITING_ENOUGH

    def take(self, pcm: bytes) -> None:
        """Rendered sound at the engine's rate."""
        self._cut(self._resampler.push(pcm))

    def end(self) -> None:
        """Nothing more will be rendered."""
        self._cut(self._resampler.drain())
        if self._rest:
            self.chunks.append(self._rest)
            self._rest = b""

    def _cut(self, pcm: bytes) -> None:
        data = self._rest + pcm
        size = bytes_for(CHUNK_MS, VOICE_RATE)
        whole = len(data) - len(data) % size
        self.chunks.extend(data[at : at + size] for at in range(0, whole, size))
        self._rest = data[whole:]


class SpeakingLoop:
    """Renders and sends until :meth:`close`; ``put`` may be called from another thread."""

    def __init__(self, engine: Engine, send: Send) -> None:
        self._engine = engine
        self._send = send
        self._news = threading.Condition()
        self._utterances: dict[int, _Utterance] = {}
        self._closed = False

    def put(self, message: Say | More | Stop) -> None:
        """Take note of a request, of credit, or of an interruption."""
        with self._news:
            if isinstance(message, Say):
                self._utterances[message.id] = _Utterance(message, self._engine.rate)
            elif (utterance := self._utterances.get(message.id)) is not None:
                if isinstance(message, More):
                    utterance.credit += message.chunks
                else:
                    utterance.stopped = True
            self._news.notify()

    def close(self) -> None:
        """End :meth:`run` after what it does now."""
        with self._news:
            self._closed = True
            self._news.notify()

    def run(self) -> None:
        """Render and send."""
        while True:
            self._send_what_may_go()
            with self._news:
                if self._closed:
                    return
                chosen = self._next_to_render()
                if chosen is None:
                    if not self._can_send():
                        self._news.wait()
                    continue
            self._render(chosen)

    def _next_to_render(self) -> _Utterance | None:
        """The one with the fewest waiting chunks, so that a new text starts soon."""
        wanting = [one for one in self._utterances.values() if one.wants_rendering]
        return min(wanting, key=lambda one: len(one.chunks), default=None)

    def _render(self, utterance: _Utterance) -> None:
        def emit(pcm: bytes) -> bool:
            utterance.take(pcm)
            self._send_what_may_go()
            return not utterance.stopped

        try:
            self._engine.synthesise(utterance.pieces[0], utterance.manner, emit)
        except NekoError as error:
            self._fail(utterance, error)
        except Exception:
            log.exception("synthesis failed")
            self._fail(utterance, ServerFault("The voice could not speak."))
        else:
            # Only now: a text without pieces left counts as spoken.
            if len(utterance.pieces) == 1:
                utterance.end()
            utterance.pieces.popleft()

    def _fail(self, utterance: _Utterance, error: NekoError) -> None:
        with self._news:
            self._utterances.pop(utterance.id, None)
        self._send(fault_of(utterance.id, error))

    def _can_send(self) -> bool:
        return any(_sendable(one) or _finished(one) for one in self._utterances.values())

    def _send_what_may_go(self) -> None:
        """One chunk of each in turn while there is credit; Done for those that ended."""
        while True:
            with self._news:
                current = [one for one in self._utterances.values() if _sendable(one)]
                out: list[FromWorker] = []
                for one in current:
                    one.credit -= 1
                    out.append(Chunk(one.id, one.chunks.popleft()))
                for one in [one for one in self._utterances.values() if _finished(one)]:
                    del self._utterances[one.id]
                    out.append(Done(one.id))
            for message in out:
                self._send(message)
            if not current:
                return


def _sendable(utterance: _Utterance) -> bool:
    return bool(utterance.chunks) and utterance.credit > 0 and not utterance.stopped


def _finished(utterance: _Utterance) -> bool:
    return utterance.stopped or not (utterance.pieces or utterance.chunks)
