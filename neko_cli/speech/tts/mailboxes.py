"""The two bounded queues between a voice worker's thread and everybody else.

Interruption drops data, never control: text and sound can be refused or dropped, the end of a speech,
an interruption and the end of the worker always get through.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable

from neko_cli.speech.tts.messages import (
    EndOfSpeech,
    Interrupt,
    Request,
    Response,
    Say,
    Shutdown,
    Sound,
    SpeechDone,
    State,
)

MAX_TEXT = 20_000
"""Characters that wait to be spoken: twenty minutes of speech."""

MAX_PIECES = 1_000
MAX_SOUNDS = 50
"""Pieces of sound that wait to be taken: 5 s; then the engine waits too."""

MAX_MUTED = 256
"""Interrupted speeches that are remembered; only the last few can still be on their way."""

Wake = Callable[[], None]


class RequestQueue:
    """From any thread to the worker."""

    def __init__(self, *, max_text: int = MAX_TEXT) -> None:
        self._lock = threading.Lock()
        self._items: deque[Request] = deque()
        self._max_text = max_text
        self._chars = 0
        self._pieces = 0
        self._wake: Wake | None = None

    def attach(self, wake: Wake) -> None:
        """``wake`` is called, from the thread that puts, whenever something is there to be taken."""
        with self._lock:
            self._wake = wake
        wake()

    def put(self, request: Request) -> bool:
        """Add a request; False for text that there is no room for.

        An interruption takes what it concerns out of the queue.
        """
        with self._lock:
            if isinstance(request, Say):
                full = self._chars + len(request.text) > self._max_text or self._pieces >= MAX_PIECES
                if full:
                    return False
                self._chars += len(request.text)
                self._pieces += 1
            elif request in self._items:
                if isinstance(request, EndOfSpeech):
                    return True
                self._items.remove(request)
            if isinstance(request, Interrupt | Shutdown):
                self._drop(request.speech if isinstance(request, Interrupt) else None)
            self._items.append(request)
            wake = self._wake
        if wake is not None:
            wake()
        return True

    def take(self) -> Request | None:
        """The next request; None when there is none. Its text still counts until it is ``free``."""
        with self._lock:
            return self._items.popleft() if self._items else None

    def free(self, texts: Iterable[str]) -> None:
        """These texts are with the engine, or given up."""
        with self._lock:
            self._free(texts)

    def _free(self, texts: Iterable[str]) -> None:
        for text in texts:
            self._chars -= len(text)
            self._pieces -= 1

    def _drop(self, speech: str | None) -> None:
        kept: deque[Request] = deque()
        for item in self._items:
            concerned = isinstance(item, Say | EndOfSpeech) and speech in (None, item.speech)
            if not concerned:
                kept.append(item)
            elif isinstance(item, Say):
                self._free([item.text])
        self._items = kept


class ResponseQueue:
    """From the worker to whoever plays; states overtake sound, because nobody may be taking any."""

    def __init__(self, notify: Wake, *, max_sounds: int = MAX_SOUNDS) -> None:
        """``notify`` is called, from either thread, when something may be there to be taken."""
        self._lock = threading.Lock()
        self._items: deque[Response] = deque()
        self._states: deque[State] = deque()
        self._max_sounds = max_sounds
        self._sounds = 0
        self._open: dict[str, None] = {}
        self._muted: dict[str, None] = {}
        self._notify = notify
        self._room: Wake | None = None

    def attach(self, room: Wake) -> None:
        """``room`` is called, from the thread that takes, when a refused sound may be offered again."""
        with self._lock:
            self._room = room

    def expect(self, speech: str) -> bool:
        """A speech is asked for; False when it was interrupted before."""
        with self._lock:
            if speech in self._muted:
                return False
            self._open[speech] = None
            return True

    def mute(self, speech: str | None) -> None:
        """From now on nothing of a speech, or of all that were asked for, comes out."""
        with self._lock:
            # One that is complete is not open any more, but waits to be taken.
            known = [*self._open, *(item.speech for item in self._items)]
            for one in known if speech is None else [speech]:
                self._open.pop(one, None)
                self._muted[one] = None
            while len(self._muted) > MAX_MUTED:
                del self._muted[next(iter(self._muted))]
            self._items = deque(item for item in self._items if item.speech not in self._muted)
            self._sounds = sum(isinstance(item, Sound) for item in self._items)
            room = self._room
        if room is not None:
            room()

    def tell(self, state: State) -> None:
        """Say how the worker is."""
        with self._lock:
            self._states.append(state)
        self._notify()

    def offer(self, response: Response) -> bool:
        """Add to what comes out; False for sound that there is no room for yet.

        What belongs to an interrupted speech is dropped without a word.
        """
        with self._lock:
            if response.speech in self._muted:
                return True
            if isinstance(response, Sound):
                if self._sounds >= self._max_sounds:
                    return False
                self._sounds += 1
            elif isinstance(response, SpeechDone):
                self._open.pop(response.speech, None)
            self._items.append(response)
        self._notify()
        return True

    def take(self) -> Response | None:
        """The next sound or mark, in order; None when there is none."""
        with self._lock:
            if not self._items:
                return None
            response = self._items.popleft()
            room = None
            if isinstance(response, Sound):
                self._sounds -= 1
                room = self._room
        if room is not None:
            room()
        return response

    def state(self) -> State | None:
        """The next state; None when there is none."""
        with self._lock:
            return self._states.popleft() if self._states else None


def quietly(wake: Callable[[], object]) -> Wake:
    """``wake``, for a loop that may be closed already: then there is nobody to wake."""

    def woken() -> None:
        with contextlib.suppress(RuntimeError):
            wake()

    return woken
